#include "sandbox/host/pressure.h"

#include <charconv>
#include <string>

#include "base/files.h"

namespace podium::sandbox {
namespace {

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=4711" in microseconds.
std::optional<Millis> SomeOf(const char* what) {
  auto text = ReadFile(std::filesystem::path("/proc/pressure") / what, 4096);
  if (!text || !text->starts_with("some ")) return std::nullopt;
  constexpr std::string_view kTotal = "total=";
  std::size_t at = text->find(kTotal);
  if (at == std::string::npos) return std::nullopt;
  std::int64_t micros = 0;
  const char* begin = text->data() + at + kTotal.size();
  auto [end, error] = std::from_chars(begin, text->data() + text->size(), micros);
  if (error != std::errc()) return std::nullopt;
  return Millis(micros / 1000);
}

}  // namespace

HostPressure ReadHostPressure() {
  return {.cpu = SomeOf("cpu"), .memory = SomeOf("memory"), .io = SomeOf("io")};
}

}  // namespace podium::sandbox
