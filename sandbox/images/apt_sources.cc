#include "sandbox/images/apt_sources.h"

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "base/text.h"

namespace podium::sandbox {
namespace fs = std::filesystem;

std::vector<std::string> AptSources() {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::directory_iterator it("/etc/apt/sources.list.d", ec), end; !ec && it != end;
       it.increment(ec)) {
    std::string ext = it->path().extension().string();
    auto text = ReadFile(it->path(), 1 << 20);
    if ((ext == ".sources" || ext == ".list") && text && text->find("/debian") != std::string::npos)
      out.push_back(it->path().string());
  }
  auto main_list = ReadFile("/etc/apt/sources.list", 1 << 20);
  if (main_list && main_list->find("\ndeb ") + 1 + (main_list->starts_with("deb ") ? 1 : 0) > 0)
    out.emplace_back("/etc/apt/sources.list");
  std::ranges::sort(out);
  return out;
}

std::string ReleaseIn(const std::string& os_release) {
  for (auto line : Split(os_release, '\n')) {
    constexpr std::string_view kKey = "VERSION_CODENAME=";
    if (line.starts_with(kKey)) return std::string(Trim(line.substr(kKey.size())));
  }
  return "";
}

std::string WithRelease(const std::string& text, const std::string& host,
                        const std::string& release) {
  if (host.empty() || host == release) return text;
  std::string out;
  for (auto line : Split(text, '\n')) {
    std::string changed(line);
    bool names = line.starts_with("deb ") || line.starts_with("Suites:");
    for (std::size_t at = 0; names && (at = changed.find(" " + host, at)) != std::string::npos;) {
      changed.replace(at + 1, host.size(), release);
      at += release.size() + 1;
    }
    out += changed + "\n";
  }
  return out;
}

Result<std::vector<AptSource>> AptSourcesFor(const std::string& release) {
  std::string host = ReleaseIn(ReadFile("/etc/os-release", 1 << 20).value_or(""));
  std::vector<AptSource> out;
  for (const auto& path : AptSources()) {
    PODIUM_ASSIGN(auto text, ReadFile(path, 1 << 20));
    out.push_back({fs::path(path).extension(), WithRelease(text, host, release)});
  }
  if (out.empty())
    return Fail(ErrorCode::kUnavailable,
                "no Debian apt source was found in /etc/apt: packages come from the host's own");
  return out;
}

}  // namespace podium::sandbox
