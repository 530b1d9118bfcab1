#include "tests/support/podman_service.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/process.h"
#include "sandbox/host/host_paths.h"

namespace podium::tests {
namespace {

namespace fs = std::filesystem;

// The groups above all containers' and monitors', which Podman makes and never removes.
std::set<fs::path> ParentGroups() {
  std::set<fs::path> out;
  std::error_code ec;
  for (const auto& [options, mount] : sandbox::CgroupMounts()) {
    fs::path dir = fs::path(mount) / "libpod_parent";
    if (fs::exists(dir, ec)) out.insert(dir);
  }
  return out;
}

// Control groups are removed from below; one that is in use stays.
void RemoveGroups(const fs::path& dir) {
  std::error_code ec;
  for (fs::directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->is_directory(ec)) RemoveGroups(it->path());
  }
  ::rmdir(dir.c_str());
}

}  // namespace

PodmanService::PodmanService(TempDir temp)
    : EngineDaemon(std::move(temp), "CONTAINER_HOST"), parents_before_(ParentGroups()) {}

Result<std::unique_ptr<PodmanService>> PodmanService::Start() {
  auto program = FindProgram("podman");
  if (program.empty()) return Fail(ErrorCode::kUnavailable, "podman is not installed");
  if (FindProgram("runc").empty()) return Fail(ErrorCode::kUnavailable, "runc is not installed");
  PODIUM_ASSIGN(auto temp, TempDir::Make("podium-podman"));
  std::unique_ptr<PodmanService> out(new PodmanService(std::move(temp)));
  const auto& dir = out->dir();
  std::string root = (dir / "root").string(), state = (dir / "state").string();
  // Locks in files, for the default is a segment of /dev/shm that all Podmans of a host share; no
  // log elsewhere; networks kept here, although none is used.
  PODIUM_TRY(WriteFileAtomic(dir / "containers.conf",
                             "[containers]\ndefault_ulimits = []\n"
                             "[engine]\nlock_type = \"file\"\nevents_logger = \"none\"\n"
                             "[network]\nnetwork_config_dir = \"" +
                                 (dir / "networks").string() + "\"\n"));
  PODIUM_TRY(
      WriteFileAtomic(dir / "storage.conf", "[storage]\ndriver = \"overlay\"\ngraphroot = \"" +
                                                root + "\"\nrunroot = \"" + state + "\"\n"));
  PODIUM_TRY(out->Run({program.string(), "--runtime", "runc", "--cgroup-manager", "cgroupfs",
                       "--root", root, "--runroot", state, "--tmpdir", (dir / "tmp").string(),
                       "system", "service", "--time=0", "unix://" + out->socket().string()},
                      {{"CONTAINERS_CONF", (dir / "containers.conf").string()},
                       {"CONTAINERS_STORAGE_CONF", (dir / "storage.conf").string()}}));
  return out;
}

std::set<pid_t> PodmanService::Helpers() const {
  std::set<pid_t> out;
  std::error_code ec;
  for (fs::directory_iterator it("/proc", ec), end; !ec && it != end; it.increment(ec)) {
    pid_t other = std::atoi(it->path().filename().c_str());
    if (other <= 1 || other == ::getpid() || other == pid()) continue;
    auto command = ReadFile(it->path() / "cmdline", 1 << 16);
    if (command && command->find(dir().string()) != std::string::npos) out.insert(other);
  }
  return out;
}

void PodmanService::WaitForHelpers() const {
  for (int i = 0; i < 50 && !Helpers().empty(); ++i) std::this_thread::sleep_for(Millis(100));
}

std::set<std::string> PodmanService::Left() const {
  WaitForHelpers();
  std::set<std::string> out;
  for (pid_t helper : Helpers()) out.insert("process " + std::to_string(helper));
  std::error_code ec;
  for (const auto& dir : ParentGroups()) {
    if (parents_before_.contains(dir)) continue;
    for (fs::directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) {
      if (it->path().filename().string().starts_with("libpod-")) out.insert(it->path());
    }
  }
  return out;
}

PodmanService::~PodmanService() {
  Stop();
  WaitForHelpers();
  for (pid_t helper : Helpers()) ::kill(helper, SIGKILL);
  for (const auto& dir : ParentGroups()) {
    if (!parents_before_.contains(dir)) RemoveGroups(dir);
  }
}

}  // namespace podium::tests
