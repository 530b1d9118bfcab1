#include "sandbox/backends/oci/runtime.h"

#include <charconv>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// The word behind "version" in the first line: "runc version 1.1.5+ds1", "crun version 1.8.1",
// "runsc version 0.0~20221219.0-2+b3" (or "release-20240212.0").
std::string VersionIn(const std::string& text) {
  std::string first(Split(text, '\n').front());
  std::size_t space = first.rfind(' ');
  return first.substr(space == std::string::npos ? 0 : space + 1);
}

// The year of a runsc release; 0 when the text has none.
int RunscYear(std::string_view version) {
  std::size_t at = version.find("20");
  if (at == std::string_view::npos || version.size() < at + 4) return 0;
  int year = 0;
  std::from_chars(version.data() + at, version.data() + at + 4, year);
  return year;
}

// Debian's crun 1.8.1 does not start where a v2 mount lies beside v1 controllers. When v2 has none
// of the controllers that limit a sandbox, crun loses nothing by not seeing it.
Result<std::vector<std::string>> UnneededV2Mounts(const OciRuntime& crun) {
  bool v1 = false;
  std::vector<std::string> v2;
  for (const auto& [options, mount] : CgroupMounts()) {
    if (options.empty()) v2.push_back(mount);
    v1 = v1 || !options.empty();
  }
  if (!v1) return std::vector<std::string>{};
  for (const auto& mount : v2) {
    PODIUM_ASSIGN(auto there, ReadFile(fs::path(mount) / "cgroup.controllers", 4096));
    for (auto controller : Split(Trim(there), ' ')) {
      if (controller == "memory" || controller == "pids" || controller == "cpu")
        return Fail(ErrorCode::kUnavailable,
                    crun.name + " " + crun.version + " does not start on a host whose " +
                        std::string(controller) + " controller is cgroup v2 and others are v1, " +
                        "which this is: use runc, or boot with " +
                        "systemd.unified_cgroup_hierarchy=1");
    }
  }
  return v2;
}

// The command in a mount namespace of its own, where the mount points are not mounted.
std::vector<std::string> WithoutMounts(const std::vector<std::string>& points,
                                       const std::vector<std::string>& command) {
  std::vector<std::string> out = {
      "unshare",
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-c",
      "while [ \"$1\" != -- ]; do umount \"$1\" || exit 97; shift; done; shift; exec \"$@\"",
      "podium"};
  out.insert(out.end(), points.begin(), points.end());
  out.emplace_back("--");
  out.insert(out.end(), command.begin(), command.end());
  return out;
}

}  // namespace

fs::path RuntimeState(const std::string& name) { return MountsDir() / name; }

std::vector<std::string> OciRuntime::RunCommand(const HostPaths& paths,
                                                const std::string& pid_file) const {
  std::vector<std::string> out = {name, "--root", RuntimeState(name).string()};
  if (user_space_kernel) {
    // systrap is the default since 2023; before that ptrace is what works without KVM.
    if (RunscYear(version) < 2023) out.emplace_back("--platform=ptrace");
    out.insert(out.end(), {"--ignore-cgroups", "--network=none", "--overlay=false"});
    // Connections to the sockets in its mounts, of which ours alone are any; none can be made.
    if (relays) out.emplace_back("--host-uds=open");
  }
  out.insert(out.end(), {"run", "--detach", "--bundle", paths.base.string(), "--pid-file", pid_file,
                         paths.id});
  return hidden_mounts.empty() ? out : WithoutMounts(hidden_mounts, out);
}

Result<OciRuntime> FindOciRuntime(const std::string& name) {
  if (FindProgram(name).empty())
    return Fail(ErrorCode::kUnavailable, name + " is not installed: apt-get install " + name);
  ProcessSpec spec;
  spec.argv = {name, "--version"};
  PODIUM_ASSIGN(auto text, RunTool(spec, Deadline::In(kToolTime)));
  OciRuntime out{name, VersionIn(text)};
  out.user_space_kernel = out.own_cgroups = name == "runsc";
  if (out.user_space_kernel) {
    spec.argv = {name, "flags"};
    auto flags = RunProcess(spec, Deadline::In(kToolTime));
    out.relays = flags && (flags->out + flags->err).find("\n  -host-uds ") != std::string::npos;
  }
  if (name == "crun") {
    PODIUM_ASSIGN(out.hidden_mounts, UnneededV2Mounts(out));
  }
  if (name == "runc" && text.find("libseccomp") == std::string::npos)
    return Fail(ErrorCode::kUnavailable,
                "this runc is built without seccomp: install your distribution's");
  return out;
}

}  // namespace podium::sandbox
