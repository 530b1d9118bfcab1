#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace podium::sandbox {

// Where mounts lie while a sandbox lives. Outside any home folder: the container's root is another
// user of the host and must be able to walk there. Not /run, which Debian mounts noexec. Rootless,
// a file system of this process alone.
[[nodiscard]] std::filesystem::path MountsDir();

// Where the processes of this host meet: records and locks. Rootless, those of one user.
[[nodiscard]] std::filesystem::path HostDir();

// The records of all sandboxes of this host, whatever run they belong to.
[[nodiscard]] std::filesystem::path RecordsDir();

// A control group of one controller ("memory", or "" for v2).
struct CgroupDir {
  std::string controller;
  std::filesystem::path dir;
};

// What one sandbox makes on the host, derived from its id and state folder alone, so that whoever
// finds the record can remove it.
struct HostPaths {
  std::string id;
  std::filesystem::path base;    // MountsDir()/sandboxes/<id>: mount points and the bundle
  std::filesystem::path disk;    // state_dir/<id>.ext4: the writable layer's file
  std::filesystem::path record;  // RecordsDir()/<id>.json
  std::string backend;           // "runc", "runsc", "docker", ...
  std::string engine;            // path of the engine's socket, for engines
  std::vector<CgroupDir>
      groups;  // rootless: below which a runtime makes its groups; else the roots
  [[nodiscard]] static HostPaths For(const std::filesystem::path& state_dir, const std::string& id);
  // Name of its control group. Rootless, the runtime names it after the container.
  [[nodiscard]] std::string cgroup() const;
  // Its copy of podium-init, on its own disk: no file system of the host's is seen inside.
  [[nodiscard]] std::filesystem::path init() const { return base / "disk" / "podium-init"; }
  // SandboxSpec::root_files by number, likewise.
  [[nodiscard]] std::filesystem::path root_file(std::size_t number) const {
    return base / "disk" / "files" / std::to_string(number);
  }
  // Unix sockets of the host that are shown at /.podium, where a backend needs them.
  [[nodiscard]] std::filesystem::path sockets() const { return base / "socket"; }
};

// Mount points of control group file systems: {controllers or "" for v2, path}.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> CgroupMounts();

// Whether this process has CAP_SYS_RESOURCE, beyond which hard limits do not go.
[[nodiscard]] bool MayRaiseLimits();

// How many files a process of a sandbox may have open: 8,192, or this process's hard limit where
// that is lower and cannot be raised.
[[nodiscard]] std::uint64_t OpenFiles();

// The groups of a process, by /proc/PID/cgroup and the mount table.
[[nodiscard]] std::vector<CgroupDir> CgroupsOf(int pid);
// Those that are one container's alone, by a part of their name: killing or freezing another's
// would stop the host. None where the name is empty.
[[nodiscard]] std::vector<CgroupDir> GroupsNamed(std::vector<CgroupDir> all,
                                                 const std::string& name);

// Mount points at or below `base`, deepest first.
[[nodiscard]] std::vector<std::string> MountsUnder(const std::filesystem::path& base);

// Writes the record that makes a sandbox findable after a crash; made before anything else of it.
[[nodiscard]] Status WriteRecord(const HostPaths& paths);

}  // namespace podium::sandbox
