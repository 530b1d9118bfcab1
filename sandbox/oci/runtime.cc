#include "sandbox/oci/runtime.h"

#include <charconv>

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

// Debian's crun 1.8.1 (like every crun until 1.12) does not start where some controllers are v1 and
// others v2.
bool HybridCgroups() {
  bool v1 = false, v2 = false;
  for (const auto& [options, mount] : CgroupMounts()) {
    (options.empty() ? v2 : v1) = true;
  }
  return v1 && v2;
}

}  // namespace

fs::path RuntimeState(const std::string& name) { return fs::path(kHostDir) / name; }

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
  return out;
}

Result<OciRuntime> FindOciRuntime(const std::string& name) {
  if (FindProgram(name).empty())
    return Fail(ErrorCode::kUnavailable, name + " is not installed: apt-get install " + name);
  ProcessSpec spec;
  spec.argv = {name, "--version"};
  PODIUM_ASSIGN(auto text, RunTool(spec, Deadline::In(std::chrono::seconds(20))));
  OciRuntime out{name, VersionIn(text)};
  out.user_space_kernel = out.own_cgroups = name == "runsc";
  if (out.user_space_kernel) {
    spec.argv = {name, "flags"};
    auto flags = RunProcess(spec, Deadline::In(std::chrono::seconds(20)));
    out.relays = flags && (flags->out + flags->err).find("\n  -host-uds ") != std::string::npos;
  }
  if (name == "crun" && HybridCgroups())
    return Fail(ErrorCode::kUnavailable,
                "crun " + out.version +
                    " does not start on hosts with hybrid control groups (v1 controllers beside a "
                    "v2 mount), which this is: use runc, or boot with "
                    "systemd.unified_cgroup_hierarchy=1");
  if (name == "runc" && text.find("libseccomp") == std::string::npos)
    return Fail(ErrorCode::kUnavailable,
                "this runc is built without seccomp: install your distribution's");
  return out;
}

}  // namespace podium::sandbox
