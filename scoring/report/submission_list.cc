#include "scoring/report/submission_list.h"

#include "base/json.h"
#include "base/text.h"
#include "scoring/report/python_text.h"

namespace podium::scoring {
namespace {

// str(value) of a JSON scalar.
Result<std::string> PythonStr(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number_integer()) return value.dump();
  if (value.is_number_float()) return PythonJsonFloat(value.get<double>());
  return Fail(ErrorCode::kUsage, "submission_path is a list or an object, not a path");
}

Result<SubmissionLine> ReadLine(std::string_view text) {
  auto json = ParseJson(QuoteBareNumbers(text), "the line");
  if (!json) return Fail(ErrorCode::kUsage, "not JSON: " + json.error().message);
  if (!json->is_object()) return Fail(ErrorCode::kUsage, "not a JSON object");
  if (!json->contains("submission_path"))
    return Fail(ErrorCode::kUsage, "the key submission_path is missing");
  auto id = json->find("competition_id");
  if (id == json->end() || !id->is_string())
    return Fail(ErrorCode::kUsage, "the key competition_id is missing or not text");
  PODIUM_ASSIGN(auto path, PythonStr((*json)["submission_path"]));
  if (path.find('\0') != std::string::npos)
    return Fail(ErrorCode::kUsage, "submission_path holds a NUL character");
  return SubmissionLine{0, id->get<std::string>(), PythonPath(path)};
}

// The next line by Python's universal newlines: LF, CR or CRLF.
std::string_view TakeLine(std::string_view& rest) {
  std::size_t end = rest.find_first_of("\r\n");
  std::string_view line = rest.substr(0, end);
  if (end == std::string_view::npos) {
    rest = {};
    return line;
  }
  bool two = rest.substr(end).starts_with("\r\n");
  rest.remove_prefix(end + (two ? 2 : 1));
  return line;
}

}  // namespace

SubmissionList ReadSubmissionList(std::string_view jsonl) {
  SubmissionList list;
  for (std::size_t number = 1; !jsonl.empty(); ++number) {
    std::string_view text = Trim(TakeLine(jsonl));
    if (text.empty() || text.starts_with('#') || text.starts_with("//")) continue;
    auto line = ReadLine(text);
    if (!line) {
      list.bad.push_back({number, line.error().message});
      continue;
    }
    line->line = number;
    list.submissions.push_back(std::move(*line));
  }
  return list;
}

}  // namespace podium::scoring
