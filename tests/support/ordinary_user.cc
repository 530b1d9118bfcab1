#include "tests/support/ordinary_user.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "base/text.h"

namespace podium::tests {
namespace {

namespace fs = std::filesystem;

// $1: the world's folder, $2: its user, $3: images; then control groups, "--", the command.
constexpr const char* kEnter = R"(
for file in passwd subuid subgid; do mount --bind "$1/$file" "/etc/$file" || exit 98; done
mount --bind "$3" "$1/home/cache/images" || exit 98
cd "$1/home" && id=$2 && shift 3
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 98; shift; done
shift
exec setpriv --reuid "$id" --regid "$id" --clear-groups "$@")";

Status WriteWorld(const fs::path& dir) {
  std::string id = std::to_string(OrdinaryUser::kId);
  std::string range = "podium-test:" + std::to_string(OrdinaryUser::kFirstSubId) + ":65536\n";
  PODIUM_ASSIGN(auto passwd, ReadFile("/etc/passwd"));
  PODIUM_TRY(WriteFileAtomic(dir / "passwd", passwd + "podium-test:x:" + id + ":" + id +
                                                 "::" + (dir / "home").string() + ":/bin/sh\n"));
  for (const char* file : {"subuid", "subgid"}) PODIUM_TRY(WriteFileAtomic(dir / file, range));
  PODIUM_TRY(MakeDirs(dir / "home" / "cache" / "images"));
  for (const char* part : {"home", "home/cache"}) {
    if (::chown((dir / part).c_str(), OrdinaryUser::kId, OrdinaryUser::kId) != 0)
      return FailErrno(ErrorCode::kIo, "chown", errno);
  }
  if (::chmod(dir.c_str(), 0755) != 0) return FailErrno(ErrorCode::kIo, "chmod", errno);
  return {};
}

}  // namespace

Result<OrdinaryUser> OrdinaryUser::Make() {
  for (const char* program : {"newuidmap", "newgidmap", "unshare", "setpriv"}) {
    if (FindProgram(program).empty())
      return Fail(ErrorCode::kUnavailable,
                  std::string(program) + " is missing (apt-get install uidmap)");
  }
  if (!fs::is_directory(CacheDir() / "images"))
    return Fail(ErrorCode::kUnavailable, "no image is built");
  PODIUM_ASSIGN(auto temp, TempDir::Make("podium-user"));
  PODIUM_TRY(WriteWorld(temp.path()));
  OrdinaryUser user(std::move(temp));
  ProcessSpec probe = user.Command({"test", "-x", (ProgramDir() / "podium").string(), "-a", "-r",
                                    (ShareDir() / "configs/sandboxes/seccomp.json").string()});
  PODIUM_ASSIGN(auto reached, RunProcess(probe, Deadline::In(std::chrono::seconds(20))));
  if (!reached.ok())
    return Fail(ErrorCode::kUnavailable,
                "an ordinary user cannot reach " + ProgramDir().string() + " here: " + reached.err);
  return user;
}

ProcessSpec OrdinaryUser::Command(std::vector<std::string> argv,
                                  const std::vector<fs::path>& groups,
                                  const std::map<std::string, std::string>& env) const {
  ProcessSpec spec;
  spec.argv = {"unshare", "--mount", "--propagation", "private", "sh", "-c", kEnter, "podium-test"};
  spec.argv.push_back(temp_.path().string());
  spec.argv.push_back(std::to_string(kId));
  spec.argv.push_back((CacheDir() / "images").string());
  for (const auto& group : groups) spec.argv.push_back(group.string());
  spec.argv.emplace_back("--");
  if (argv.front().starts_with("podium")) argv.front() = (ProgramDir() / argv.front()).string();
  spec.argv.insert(spec.argv.end(), argv.begin(), argv.end());
  std::map<std::string, std::string> all = {
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"HOME", home().string()},
      {"TMPDIR", home().string()},  // what a killed program leaves there ends with this object
      {"PODIUM_CACHE", (home() / "cache").string()}};
  for (const auto& [key, value] : env) all[key] = value;
  spec.env.emplace(all.begin(), all.end());
  return spec;
}

std::vector<std::string> OrdinaryUser::StayingProcesses() {
  for (int i = 0; i < 100 && !Processes().empty(); ++i) ::usleep(50'000);
  return Processes();
}

std::vector<std::string> OrdinaryUser::Processes() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    auto status = ReadFile(entry.path() / "status", 1 << 16);
    if (!status) continue;
    unsigned uid = 0;
    std::size_t at = status->find("\nUid:\t");
    if (at == std::string::npos) continue;
    std::from_chars(status->data() + at + 6, status->data() + status->size(), uid);
    if (uid != kId && (uid < kFirstSubId || uid - kFirstSubId >= 65'536)) continue;
    out.push_back(pid + " " + std::string(Split(*status, '\n').front()));
  }
  return out;
}

}  // namespace podium::tests
