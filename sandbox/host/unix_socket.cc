#include "sandbox/host/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace podium::sandbox {

Result<UniqueFd> ListenAt(const std::filesystem::path& path, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof address.sun_path)
    return Fail(ErrorCode::kSandbox, path.string() + " is too long for a socket");
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0666) != 0 || ::listen(fd.get(), backlog) != 0)
    return FailErrno(ErrorCode::kSandbox, "cannot listen at " + path.string(), errno);
  return fd;
}

}  // namespace podium::sandbox
