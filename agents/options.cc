#include "agents/options.h"

#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

// In the order in which it was written.
using OrderedJson = nlohmann::ordered_json;

tl::unexpected<Error> Expected(const OptionReader& options, std::string_view name,
                               const std::string& what) {
  return Fail(ErrorCode::kConfig, options.Origin(name) + ": '" + std::string(name) +
                                      "': expected " + what + ", found '" + options.Text(name) +
                                      "'");
}

}  // namespace

Result<std::vector<std::string>> OptionReader::Words(std::string_view name) const {
  std::string text(Trim(Text(name)));
  std::vector<std::string> out;
  if (!text.starts_with('[')) {
    for (auto word : Split(text, ' ')) {
      if (!word.empty()) out.emplace_back(word);
    }
    return out;
  }
  auto json = OrderedJson::parse(text, nullptr, false);
  if (json.is_discarded()) return Expected(*this, name, "a list of texts");
  for (const auto& item : json) {
    if (!item.is_string()) return Expected(*this, name, "a list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<OptionReader::Pairs> OptionReader::Map(std::string_view name) const {
  std::string text(Trim(Text(name)));
  Pairs out;
  if (text.starts_with('{')) {
    auto json = OrderedJson::parse(text, nullptr, false);
    if (json.is_discarded()) return Expected(*this, name, "names with a text each");
    for (const auto& [key, value] : json.items()) {
      if (!value.is_string()) return Expected(*this, name, "names with a text each");
      out.emplace_back(key, value.get<std::string>());
    }
    return out;
  }
  for (auto part : Split(text, ',')) {
    if (text.empty()) break;
    std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return Expected(*this, name, "NAME=value, with commas between them");
    out.emplace_back(Trim(part.substr(0, equals)), part.substr(equals + 1));
  }
  return out;
}

}  // namespace podium::agents
