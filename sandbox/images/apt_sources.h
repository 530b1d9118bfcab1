#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace podium::sandbox {

// The host's apt source files that offer Debian itself: mmdebstrap takes them as its mirrors.
[[nodiscard]] std::vector<std::string> AptSources();

struct AptSource {
  std::string extension;  // ".list" or ".sources"
  std::string text;
};
// The same sources for a release of Debian, which may be another than the host's.
[[nodiscard]] Result<std::vector<AptSource>> AptSourcesFor(const std::string& release);

// The text with the host's release (in VERSION_CODENAME of os-release) made into `release`, where a
// source names its suites ("bookworm bookworm-updates").
[[nodiscard]] std::string WithRelease(const std::string& text, const std::string& host,
                                      const std::string& release);
// VERSION_CODENAME of the text of an os-release file; empty where it has none.
[[nodiscard]] std::string ReleaseIn(const std::string& os_release);

}  // namespace podium::sandbox
