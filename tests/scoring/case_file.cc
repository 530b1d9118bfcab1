#include "tests/scoring/case_file.h"

#include <cstdlib>
#include <map>

#include "base/files.h"
#include "base/text.h"

namespace podium::tests {
namespace {

using Lines = std::vector<std::string>;

struct Edit {
  std::size_t line = 0;
  std::size_t count = 0;
  Lines lines;
};

struct Draft {
  ScoringCase known;
  std::string base;
  std::vector<Edit> edits;
};

std::string Text(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// Edits name lines of the base, in ascending order: applied from the last one.
std::string Apply(Lines lines, const std::vector<Edit>& edits) {
  for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit) {
    auto at = lines.begin() + static_cast<std::ptrdiff_t>(edit->line);
    at = lines.erase(at, at + static_cast<std::ptrdiff_t>(edit->count));
    lines.insert(at, edit->lines.begin(), edit->lines.end());
  }
  return Text(lines);
}

std::vector<std::string> Cells(std::string_view line) {
  std::vector<std::string> cells;
  for (auto cell : Split(line, '\t')) cells.emplace_back(cell);
  cells.resize(std::max<std::size_t>(cells.size(), 4));
  return cells;
}

// Where the lines behind a '|' go.
class Reader {
 public:
  void Line(std::string_view line) {
    if (line.starts_with('|')) {
      if (target_ != nullptr) target_->emplace_back(line.substr(1));
      return;
    }
    auto cells = Cells(line);
    if (cells[0] == "answers") target_ = &blocks_["answers"];
    if (cells[0] == "submission") target_ = &blocks_[cells[1]];
    if (cells[0] == "case") {
      drafts_.push_back({});
      drafts_.back().known.name = cells[1];
      drafts_.back().base = cells[2];
      drafts_.back().known.note = cells[3];
    }
    if (!drafts_.empty()) CaseLine(cells);
  }
  CaseFile Take() {
    CaseFile file;
    file.answers = Text(blocks_["answers"]);
    for (Draft& draft : drafts_) {
      draft.known.submission = Apply(blocks_[draft.base], draft.edits);
      file.cases.push_back(std::move(draft.known));
    }
    return file;
  }

 private:
  void CaseLine(const std::vector<std::string>& cells) {
    Draft& draft = drafts_.back();
    if (cells[0] == "mle-bench") {
      draft.known.verdict = cells[1];
      draft.known.raw = cells[2];
      draft.known.rounded = cells[3];
    } else if (cells[0] == "podium") {
      draft.known.reason = cells[1];
      draft.known.strict = cells[2];
    } else if (cells[0] == "edit") {
      draft.edits.push_back({std::strtoul(cells[1].c_str(), nullptr, 10),
                             std::strtoul(cells[2].c_str(), nullptr, 10),
                             {}});
      target_ = &draft.edits.back().lines;
    }
  }
  std::map<std::string, Lines> blocks_;
  std::vector<Draft> drafts_;
  Lines* target_ = nullptr;
};

}  // namespace

Result<CaseFile> ReadCaseFile(const std::filesystem::path& path) {
  PODIUM_ASSIGN(auto text, ReadFile(path));
  Reader reader;
  for (auto line : Split(text, '\n')) {
    if (!line.empty()) reader.Line(line);
  }
  CaseFile file = reader.Take();
  if (file.cases.empty()) return Fail(ErrorCode::kIo, path.string() + " has no cases");
  return file;
}

Status UpdateCaseFile(const std::filesystem::path& path, const std::vector<ScoringCase>& cases) {
  PODIUM_ASSIGN(auto text, ReadFile(path));
  std::string out;
  std::size_t next = 0;
  for (auto line : Split(text, '\n')) {
    if (line.empty() || line.starts_with("podium\t")) continue;
    out += std::string(line) + "\n";
    if (!line.starts_with("mle-bench\t")) continue;
    const ScoringCase& c = cases.at(next++);
    out += "podium\t" + c.reason + "\t" + c.strict + "\n";
  }
  return WriteFileAtomic(path, out);
}

}  // namespace podium::tests
