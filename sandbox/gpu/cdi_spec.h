#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace podium::sandbox {

// One file of the Container Device Interface
// (https://github.com/cncf-tags/container-device-interface, SPEC.md), versions 0.3.0 to 0.8.0, as
// it is written: well-formed, its paths not yet looked at. `place` is "file:line", for messages.
struct CdiEdits {
  struct Node {
    std::string path, host;  // inside; on the host
    char type = 0;           // 'c', 'b', 0: not said
    std::optional<unsigned> major, minor;
    std::string permissions = "rwm";
    std::string place;
  };
  struct Mount {
    std::string host, path;
    std::vector<std::string> options;
    std::string place;
  };
  struct Variable {
    std::string name, value;
  };
  std::vector<Node> nodes;
  std::vector<Mount> mounts;
  std::vector<Variable> env;
  std::vector<std::string> hooks;    // "createContainer nvidia-cdi-hook update-ldcache"
  std::vector<std::string> ignored;  // other wishes that are not granted
};

struct CdiDevice {
  std::string name;
  CdiEdits edits;
  std::string place;
};

struct CdiSpec {
  std::string kind;  // "nvidia.com/gpu"
  CdiEdits edits;    // for every device of this file
  std::vector<CdiDevice> devices;
};

[[nodiscard]] Result<CdiSpec> ParseCdiSpec(std::string_view text, const std::string& file);

// "nvidia.com/gpu=0" as {"nvidia.com/gpu", "0"}; an error says what is wrong with it.
[[nodiscard]] Result<std::pair<std::string, std::string>> SplitCdiName(const std::string& name);

}  // namespace podium::sandbox
