#include "tests/support/host_traces.h"

#include <filesystem>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/host/host_paths.h"

namespace podium::tests {
namespace {

namespace fs = std::filesystem;

void AddNames(const fs::path& dir, std::string_view part, std::set<std::string>& out) {
  std::error_code ec;
  for (fs::directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename().string().find(part) != std::string::npos) out.insert(it->path());
  }
}

void AddLines(const fs::path& file, std::string_view part, std::set<std::string>& out) {
  auto text = ReadFile(file, 64 << 20);
  if (!text) return;
  for (auto line : Split(*text, '\n')) {
    if (line.find(part) != std::string::npos) out.insert(file.string() + ": " + std::string(line));
  }
}

}  // namespace

std::set<std::string> SandboxTraces(std::string_view part) {
  std::set<std::string> out;
  AddLines("/proc/self/mounts", part, out);
  for (const char* place : {"sandboxes", "records", "runc", "crun", "runsc"})
    AddNames(sandbox::MountsDir() / place, part, out);
  std::error_code ec;
  AddNames("/sys/fs/cgroup", part, out);
  for (fs::directory_iterator it("/sys/fs/cgroup", ec), end; !ec && it != end; it.increment(ec))
    AddNames(it->path(), part, out);
  for (fs::directory_iterator it("/sys/block", ec), end; !ec && it != end; it.increment(ec))
    AddLines(it->path() / "loop" / "backing_file", part, out);
  return out;
}

}  // namespace podium::tests
