#include "scoring/competitions/nq_answers.h"

#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace podium::scoring {
namespace {

struct Example {
  std::string id;
  std::string long_answer;
  std::string short_answer;
};

std::string Span(const Json& answer) {
  auto start = JsonOr<std::int64_t>(answer, "start_token", -1);
  auto end = JsonOr<std::int64_t>(answer, "end_token", -1);
  return std::to_string(start) + ":" + std::to_string(end);
}

void AddWord(std::string& words, const std::string& word) {
  if (!words.empty()) words += ' ';
  words += word;
}

Result<Example> ReadExample(const Json& json) {
  Example example;
  PODIUM_ASSIGN(auto id, JsonGet<Json>(json, "example_id"));
  example.id = id.is_string() ? id.get<std::string>() : id.dump();
  PODIUM_ASSIGN(auto annotations, JsonGet<Json>(json, "annotations"));
  if (!annotations.is_array() || annotations.empty())
    return Fail(ErrorCode::kGrader, "'annotations' is empty");
  const Json& first = annotations[0];
  PODIUM_ASSIGN(auto long_answer, JsonGet<Json>(first, "long_answer"));
  if (JsonOr<std::int64_t>(long_answer, "start_token", -1) != -1)
    example.long_answer = Span(long_answer);
  PODIUM_ASSIGN(auto short_answers, JsonGet<Json>(first, "short_answers"));
  for (const Json& answer : short_answers) AddWord(example.short_answer, Span(answer));
  PODIUM_ASSIGN(auto yes_no, JsonGet<std::string>(first, "yes_no_answer"));
  if (yes_no != "NONE") AddWord(example.short_answer, yes_no);
  return example;
}

class Table {
 public:
  Table() {
    frame_.owned = std::make_shared<std::vector<std::unique_ptr<std::string>>>();
    frame_.columns = {Column{.name = "example_id"}, Column{.name = "PredictionString"}};
  }
  void Add(std::string id, std::string answers) {
    frame_.columns[0].cells.push_back(Own(std::move(id)));
    frame_.columns[1].cells.push_back(Own(std::move(answers)));
    ++frame_.rows;
  }
  Frame Take() { return std::move(frame_); }

 private:
  std::string_view Own(std::string text) {
    frame_.owned->push_back(std::make_unique<std::string>(std::move(text)));
    return *frame_.owned->back();
  }
  Frame frame_;
};

}  // namespace

Graded<Frame> ReadNqAnswers(std::string_view jsonl) {
  Table table;
  std::size_t number = 0;
  for (std::string_view line : Split(jsonl, '\n')) {
    ++number;
    if (Trim(line).empty()) continue;
    std::string place = "line " + std::to_string(number) + " of the answers";
    auto json = ParseJson(line, place);
    if (!json) return TaskFault("bad_answers", json.error().message);
    auto example = ReadExample(*json);
    if (!example) return TaskFault("bad_answers", place + ": " + example.error().message);
    table.Add(example->id + "_long", example->long_answer);
    table.Add(example->id + "_short", example->short_answer);
  }
  return table.Take();
}

}  // namespace podium::scoring
