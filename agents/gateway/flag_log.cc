#include "agents/gateway/flag_log.h"

#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::int64_t kWrittenAlways = 20;

bool PowerOfTen(std::int64_t n) {
  while (n % 10 == 0) n /= 10;
  return n == 1;
}

}  // namespace

void FlagLog::Flag(const std::string& code, const std::string& detail) {
  std::int64_t count = ++counts_[code];
  if (count > kWrittenAlways && !PowerOfTen(count)) return;
  Json body = {{"code", code}, {"detail", Printable(detail.substr(0, 4000))}, {"count", count}};
  Write("gateway_flag", DumpJson(body));
}

void FlagLog::Write(std::string_view type, const std::string& body_json) {
  if (auto written = events_.Record(type, body_json); !written) Failed(written.error());
}

void FlagLog::Failed(const Error& error) {
  if (status_) status_ = tl::unexpected(error);
}

std::int64_t FlagLog::CountOf(const std::string& code) const {
  auto found = counts_.find(code);
  return found == counts_.end() ? 0 : found->second;
}

}  // namespace podium::agents
