#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/gpu/cdi_spec.h"
#include "sandbox/gpu/devices.h"

namespace podium::sandbox {

// What lies at a path of the host.
struct HostFile {
  enum class Kind { kMissing, kFile, kFolder, kCharDevice, kBlockDevice, kOther };
  Kind kind = Kind::kMissing;
  std::filesystem::path real;  // with every link on the way followed
  unsigned major = 0, minor = 0;
  std::string soname;  // of a library
};
[[nodiscard]] HostFile LookAtHost(const std::filesystem::path& path);

// The devices that Container Device Interface files of this host describe, and what a sandbox must
// be given for one of them. Immutable; any thread. Hooks are never run: see docs/gpu.md.
class CdiRegistry {
 public:
  // `dirs`: the later ones win, as the interface says. `look`: tests describe devices that this
  // machine does not have; nothing else gives it.
  struct Options {
    std::vector<std::filesystem::path> dirs = {"/etc/cdi", "/var/run/cdi"};
    std::function<HostFile(const std::filesystem::path&)> look = LookAtHost;
  };

  // Reads every .json and .yaml file of the folders; a folder may be absent, a file may not be
  // wrong.
  [[nodiscard]] static Result<CdiRegistry> Read(Options options);

  [[nodiscard]] std::vector<std::string> Names() const;  // qualified, sorted

  // `names`: "nvidia.com/gpu=0", "nvidia.com/gpu=all". kNotFound says which there are; kConfig,
  // with file and line, what may not be given to a sandbox.
  [[nodiscard]] Result<GpuDevices> Resolve(const std::vector<std::string>& names) const;

 private:
  struct Source {
    CdiSpec spec;
    std::string file;
    std::size_t dir = 0;  // its folder's place in `dirs`
  };
  struct Chosen {
    const Source* source = nullptr;
    const CdiDevice* device = nullptr;
  };
  [[nodiscard]] Result<Chosen> Find(const std::string& kind, const std::string& name) const;
  [[nodiscard]] Result<std::vector<Chosen>> FindAll(const std::string& qualified) const;

  Options options_;
  std::vector<Source> sources_;
};

}  // namespace podium::sandbox
