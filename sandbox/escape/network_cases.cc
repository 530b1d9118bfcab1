// Group N: what a sandbox alone can show of the network. The gateway's cases are the harness's.

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "base/unique_fd.h"
#include "sandbox/escape/groups.h"

namespace podium::sandbox::escape {
namespace {

// Addresses of this machine that others could reach.
std::vector<std::string> HostAddresses() {
  std::vector<std::string> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (ifaddrs* a = list; a; a = a->ifa_next) {
    if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET || (a->ifa_flags & IFF_LOOPBACK))
      continue;
    char text[INET_ADDRSTRLEN];
    auto* v4 = reinterpret_cast<sockaddr_in*>(a->ifa_addr);
    if (::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text)) out.emplace_back(text);
  }
  ::freeifaddrs(list);
  return out;
}

// A socket of the host that anybody in its network namespace can connect to.
Result<std::pair<UniqueFd, std::uint16_t>> ListenOnHost() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 8) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return FailErrno(ErrorCode::kIo, "cannot listen at 127.0.0.1", errno);
  return std::pair(std::move(fd), ntohs(address.sin_port));
}

Result<UniqueFd> ListenAbstract(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(fd.get(), 8) != 0)
    return FailErrno(ErrorCode::kIo, "cannot listen at an abstract socket", errno);
  return fd;
}

Task<CaseResult> N01(Context& ctx) {
  auto listener = ListenOnHost();
  if (!listener) co_return Broken(listener.error().message);
  std::vector<std::string> args = HostAddresses();
  args.insert(args.begin(), std::to_string(listener->second));
  co_return co_await ProbeShared(ctx, "N01", args);
}

Task<CaseResult> N02(Context& ctx) {
  auto direct = co_await ProbeShared(ctx, "N02");
  // And by the C library's way; a waiting resolver would take 5 seconds.
  ExecSpec spec;
  spec.argv = {"getent", "hosts", "example.org"};
  Deadline deadline = Deadline::In(std::chrono::seconds(10));
  auto looked_up = co_await ctx.shared->Exec(std::move(spec), deadline);
  if (!looked_up) co_return Both(direct, Broken(looked_up.error().message));
  if (looked_up->exit_code == 127) co_return direct;
  std::string took = std::to_string(looked_up->wall.count()) + " ms";
  if (looked_up->exit_code == 0) co_return Both(direct, Broken("getent has an answer"));
  if (looked_up->wall >= std::chrono::seconds(1))
    co_return Both(direct, Broken("getent failed only after " + took));
  co_return Both(direct, Held("getent failed"));
}

Task<CaseResult> N05(Context& ctx) {
  std::string name = RandomName();
  auto listener = ListenAbstract(name);
  if (!listener) co_return Broken(listener.error().message);
  std::vector<std::string> args = {name};
  co_return co_await ProbeShared(ctx, "N05", args);
}

}  // namespace

std::vector<Case> NetworkCases() {
  return {
      {"N01", "connect anywhere", "BLOCK", true, N01},
      {"N02", "look up names", "BLOCK", true, N02},
      {"N03", "IPv6, raw, packet, netlink, SCTP, XDP", "BLOCK", false, JustProbe("N03")},
      {"N04", "AF_VSOCK to the machine's agents", "BLOCK", true, JustProbe("N04")},
      {"N05", "every socket in the file tree, abstract ones", "BLOCK", true, N05},
      {"N07", "interfaces and routes", "BLOCK", false, JustProbe("N07")},
      {"N08", "new networks, tunnels, bridges", "BLOCK", true, JustProbe("N08")},
  };
}

}  // namespace podium::sandbox::escape
