#include "sandbox/host/rootless.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <vector>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// Set for the program inside and what it starts: the folder of the mounts. Variables that begin
// with PODIUM_ are settings.
constexpr const char* kMarker = "_PODIUM_ROOTLESS";
constexpr std::uint32_t kIds = 65'536;  // of the namespace: the user and the range

// Folders that may be covered in our own mount namespace: hosts have one of them, and nothing that
// Podium reads or that its user keeps lies there, as it may below /mnt or /srv. The container's ids
// must be able to walk there, which rules out the user's own folders.
constexpr const char* kMountPlaces[] = {"/var/lib/podium", "/var/lib/misc", "/var/opt",
                                        "/var/empty"};

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  std::uint32_t first_uid = 0, first_gid = 0;  // of the ranges
};

std::uint32_t ToId(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The first range of /etc/subuid or /etc/subgid that is large enough; its first id.
Result<std::uint32_t> SubordinateIds(const std::string& file, const User& user) {
  auto text = ReadFile(file, 16 << 20);
  for (auto line : text ? Split(*text, '\n') : std::vector<std::string_view>{}) {
    auto fields = Split(line, ':');
    if (fields.size() != 3 || (fields[0] != user.name && fields[0] != std::to_string(user.uid)))
      continue;
    if (ToId(Trim(fields[2])) >= kIds - 1) return ToId(fields[1]);
  }
  return Fail(ErrorCode::kUnavailable,
              "without root, sandboxes need 65,536 ids of your own and " + file + " gives " +
                  user.name + " none: ask root for `usermod --add-subuids 1000000-1065535 " +
                  "--add-subgids 1000000-1065535 " + user.name + "` (a range nobody else has)");
}

Result<User> FindUser() {
  User user;
  user.uid = ::geteuid();
  user.gid = ::getegid();
  const passwd* entry = ::getpwuid(user.uid);
  user.name = entry ? entry->pw_name : std::to_string(user.uid);
  if (entry && !::getenv("HOME")) ::setenv("HOME", entry->pw_dir, 1);
  for (const char* program : {"newuidmap", "newgidmap"}) {
    if (FindProgram(program).empty())
      return Fail(ErrorCode::kUnavailable, std::string("without root, sandboxes need ") + program +
                                               ": ask root for `apt-get install uidmap`");
  }
  PODIUM_ASSIGN(user.first_uid, SubordinateIds("/etc/subuid", user));
  PODIUM_ASSIGN(user.first_gid, SubordinateIds("/etc/subgid", user));
  return user;
}

// Which of the host's settings forbids it.
Status NoNamespace(int error) {
  for (const char* name : {"kernel/unprivileged_userns_clone", "user/max_user_namespaces"}) {
    auto text = ReadFile(fs::path("/proc/sys") / name, 64);
    if (!text || Trim(*text) != "0") continue;
    std::string key(name);
    key[key.find('/')] = '.';
    return Fail(ErrorCode::kUnavailable,
                "user namespaces are off on this host: ask root for `sysctl " + key + "=" +
                    (key.starts_with("kernel") ? "1`" : "15000`"));
  }
  return FailErrno(
      ErrorCode::kUnavailable,
      "this host gives an ordinary user no user namespace (inside a container, or "
      "forbidden by its security module: kernel.apparmor_restrict_unprivileged_userns)",
      error);
}

Status MapIds(pid_t pid, const User& user) {
  auto map = [&](const char* program, std::uint32_t self, std::uint32_t first) -> Status {
    ProcessSpec spec;
    spec.argv = {program,
                 std::to_string(pid),
                 "0",
                 std::to_string(self),
                 "1",
                 "1",
                 std::to_string(first),
                 std::to_string(kIds - 1)};
    auto mapped = RunTool(spec, Deadline::In(kToolTime));
    if (!mapped) return Fail(ErrorCode::kUnavailable, mapped.error().message);
    return {};
  };
  PODIUM_TRY(map("newuidmap", user.uid, user.first_uid));
  return map("newgidmap", user.gid, user.first_gid);
}

struct Pipe {
  UniqueFd read, write;
  static Pipe Make() {
    int fds[2] = {-1, -1};
    if (::pipe2(fds, O_CLOEXEC) != 0) return {};
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
  }
};

// Runs `body` in a child, which waits until `begin` was called or was left out; its error.
template <class Body>
class Child {
 public:
  explicit Child(Body body) {
    pid_ = ::fork();
    if (pid_ != 0) {
      said_.write.reset();
      return;
    }
    begun_.write.reset();
    char go = 0;
    if (::read(begun_.read.get(), &go, 1) != 1) ::_exit(0);
    if (auto done = body(); !done) (void)WriteAll(said_.write.get(), done.error().message);
    ::_exit(0);
  }
  void Begin() {
    if (::write(begun_.write.get(), "x", 1) != 1) begun_.write.reset();
  }
  Status End() {
    begun_.write.reset();
    std::string message(4096, '\0');
    ssize_t n = ::read(said_.read.get(), message.data(), message.size());
    message.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid_ > 0 && message.empty() && status == 0) return {};
    return Fail(ErrorCode::kUnavailable, message.empty() ? "cannot fork" : message);
  }

 private:
  Pipe begun_ = Pipe::Make(), said_ = Pipe::Make();
  pid_t pid_ = -1;
};

// This process enters a user and a mount namespace and is root there. The ids are mapped from
// outside, by a child that stays there.
Status EnterNamespaces(const User& user) {
  pid_t self = ::getpid();
  Child mapper([self, &user] { return MapIds(self, user); });
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    int error = errno;
    (void)mapper.End();
    return NoNamespace(error);
  }
  mapper.Begin();
  PODIUM_TRY(mapper.End());
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return FailErrno(ErrorCode::kUnavailable, "cannot become root of a user namespace", errno);
  return {};
}

// An overlay that a user mounts keeps its marks in user.* attributes, of which a tmpfs must have
// some: without them a removed folder would come back.
Result<std::string> WithAttributes(const std::string& place) {
  if (::setxattr(place.c_str(), "user.podium", "y", 1, 0) == 0) return place;
  return FailErrno(ErrorCode::kUnavailable,
                   "without root, sandboxes need user attributes on tmpfs: Linux 6.6 or newer",
                   errno);
}

// Covers one of the places with a file system that no other process of the host sees.
Result<std::string> CoverMountPlace() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return FailErrno(ErrorCode::kUnavailable, "cannot have mounts of its own", errno);
  int error = ENOENT;
  for (const char* place : kMountPlaces) {
    if (::mount("podium", place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0711") == 0)
      return WithAttributes(place);
    if (errno != ENOENT) error = errno;
  }
  return FailErrno(ErrorCode::kUnavailable, "cannot mount in a user namespace of this host", error);
}

Result<std::string> Enter() {
  PODIUM_ASSIGN(auto user, FindUser());
  PODIUM_TRY(EnterNamespaces(user));
  return CoverMountPlace();
}

// The arguments this process was started with.
Result<std::vector<std::string>> OwnArguments() {
  PODIUM_ASSIGN(auto text, ReadFile("/proc/self/cmdline", 64 << 20));
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    out.emplace_back(text.c_str() + at);
    at += out.back().size() + 1;
  }
  return out;
}

}  // namespace

bool IsRootless() {
  static const bool inside = [] {
    if (::geteuid() != 0 || !::getenv(kMarker)) return false;
    auto map = ReadFile("/proc/self/uid_map", 4096);
    return map && map->find("4294967295") == std::string::npos;
  }();
  return inside;
}

fs::path RootlessMounts() {
  const char* place = ::getenv(kMarker);
  return place ? place : "";
}

Status EnterRootless() {
  if (::geteuid() == 0) return {};
  if (::getenv(kMarker))
    return Fail(ErrorCode::kUsage, std::string(kMarker) +
                                       " is set, which Podium does for itself: take it out of the "
                                       "environment");
  PODIUM_ASSIGN(auto args, OwnArguments());
  PODIUM_ASSIGN(auto place, Enter());
  ::setenv(kMarker, place.c_str(), 1);
  std::vector<char*> argv;
  for (auto& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  // Not only to begin anew: what the kernel lets others do to this process is decided by the user
  // namespace in which its program was started.
  ::execv("/proc/self/exe", argv.data());
  return FailErrno(ErrorCode::kUnavailable, "cannot start itself in a user namespace", errno);
}

Status TryRootless() {
  Child attempt([]() -> Status {
    PODIUM_TRY(Enter());
    return {};
  });
  attempt.Begin();
  return attempt.End();
}

}  // namespace podium::sandbox
