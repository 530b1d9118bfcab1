#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace podium::sandbox {

// What a sandbox is given of the host's GPUs, resolved and checked (gpu/cdi.h makes it).
struct GpuDevices {
  struct Node {
    std::filesystem::path host;
    std::string inside;  // below /dev
    unsigned major = 0, minor = 0;
    std::string access = "rw";  // never "m"
  };
  struct Mount {  // a file or folder, always read-only, nosuid and nodev
    std::filesystem::path host;
    std::string inside;
    bool noexec = false;
  };
  // One name that was asked for, with the host's nodes that are its own.
  struct Device {
    std::string name;  // "nvidia.com/gpu=0"
    std::vector<std::string> nodes;
  };
  std::vector<Device> devices;
  std::vector<Node> nodes;
  std::vector<Mount> mounts;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> left_out;  // hooks, variables: for the isolation record

  [[nodiscard]] bool empty() const { return devices.empty(); }
  [[nodiscard]] std::vector<std::string> Names() const;
};

// Whether both reach one GPU: a name in common, or a device whose nodes are all among the other's
// ("GPU-1f2e..." and "0"; a whole GPU and a slice of it, but not two slices).
[[nodiscard]] bool ShareGpu(const GpuDevices& a, const GpuDevices& b);

}  // namespace podium::sandbox
