#include "sandbox/host/delegation.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/files.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kControllers = {"memory", "pids", "cpu"};
constexpr const char* kLeaf = "podium";

bool Writable(const fs::path& path) { return ::access(path.c_str(), W_OK) == 0; }

bool Write(const fs::path& file, std::string_view text) {
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && WriteAll(fd.get(), text);
}

std::set<std::string> Words(const fs::path& file) {
  std::set<std::string> out;
  auto text = ReadFile(file, 4096);
  if (!text) return out;
  for (auto word : Split(Trim(*text), ' ')) out.emplace(word);
  return out;
}

// The group of v2 that is the user's own; empty: none. One that Podium already moved into is a leaf
// of it.
fs::path OwnUnified(const fs::path& dir) {
  fs::path above = dir.parent_path();
  if (dir.filename() == kLeaf && Writable(above) && Writable(above / "cgroup.procs")) return above;
  return Writable(dir) && Writable(dir / "cgroup.procs") ? dir : fs::path();
}

void HandDown(const fs::path& own) {
  std::error_code ec;
  fs::create_directory(own / kLeaf, ec);
  if (!Write(own / kLeaf / "cgroup.procs", "0")) return;
  for (auto controller : kControllers)
    (void)Write(own / "cgroup.subtree_control", "+" + std::string(controller));
}

// `take`: the controllers of v2 are handed down, and only those that were count.
Delegation Find(bool take) {
  Delegation out;
  for (const auto& group : CgroupsOf(::getpid())) {
    bool unified = group.controller.empty();
    fs::path own = unified ? OwnUnified(group.dir) : group.dir;
    if (own.empty() || !Writable(own)) continue;
    std::set<std::string> has = {group.controller};
    if (unified) {
      has = Words(own / "cgroup.controllers");
      bool any = false;
      for (auto controller : kControllers) any = any || has.contains(std::string(controller));
      if (!any) continue;
      if (take) HandDown(own);
      if (take) has = Words(own / "cgroup.subtree_control");
    }
    out.parents.push_back({group.controller, own});
    for (auto controller : kControllers) {
      if (has.contains(std::string(controller))) out.controllers.emplace(controller);
    }
  }
  return out;
}

}  // namespace

Delegation LookForDelegation() { return Find(false); }

const Delegation& TakeDelegation() {
  static const Delegation taken = Find(true);
  return taken;
}

std::string DelegationAdvice() {
  return "`systemd-run --user --scope -p Delegate=yes podium ...` starts it in control groups of "
         "your own";
}

}  // namespace podium::sandbox
