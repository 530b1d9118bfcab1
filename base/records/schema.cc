#include "base/records/schema.h"

#include <charconv>
#include <string>

#include "base/text.h"

namespace podium::records {

Status CheckVersion(int number, int newest, std::string_view where) {
  if (number >= 1 && number <= newest) return {};
  if (number < 1)
    return Fail(ErrorCode::kIo, std::string(where) + ": " + std::to_string(number) +
                                    " is no schema's number: expected 1 to " +
                                    std::to_string(newest));
  return Fail(ErrorCode::kIo, std::string(where) + ": written by a newer Podium (schema " +
                                  std::to_string(number) + ", this one reads up to " +
                                  std::to_string(newest) + "): read it with that one");
}

Result<int> SchemaNumber(std::string_view text, std::string_view kind, int newest,
                         std::string_view where) {
  int number = 0;
  bool of_kind =
      text.size() > kind.size() + 1 && text.starts_with(kind) && text[kind.size()] == '/';
  std::string_view digits = of_kind ? text.substr(kind.size() + 1) : std::string_view();
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (!of_kind || ec != std::errc() || end != digits.data() + digits.size())
    return Fail(ErrorCode::kIo, std::string(where) + ": schema '" + Printable(text.substr(0, 60)) +
                                    "' is not " + std::string(kind) + "/" + std::to_string(newest));
  PODIUM_TRY(CheckVersion(number, newest, where));
  return number;
}

}  // namespace podium::records
