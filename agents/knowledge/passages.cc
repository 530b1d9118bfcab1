#include "agents/knowledge/passages.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::size_t kLongest = 1600;
constexpr std::size_t kMostWords = 64;

bool IsHeading(std::string_view line) {
  std::size_t marks = line.find_first_not_of('#');
  return marks != 0 && marks <= 6 && marks < line.size() && line[marks] == ' ';
}

// Collects lines into passages of one document.
class Cutter {
 public:
  explicit Cutter(std::string file) : file_(std::move(file)) {}

  void Take(std::string_view line) {
    if (IsHeading(line)) {
      EndParagraph();
      EndPassage();
      heading_ = std::string(Trim(line.substr(line.find(' '))));
    } else if (Trim(line).empty()) {
      EndParagraph();
    } else {
      paragraph_ += (paragraph_.empty() ? "" : "\n") + std::string(line);
    }
  }

  std::vector<Passage> End() {
    EndParagraph();
    EndPassage();
    return std::move(out_);
  }

 private:
  void EndParagraph() {
    if (!text_.empty() && text_.size() + paragraph_.size() > kLongest) EndPassage();
    while (paragraph_.size() > kLongest) {
      std::size_t cut = paragraph_.find_last_of(" \n", kLongest);
      if (cut == std::string::npos || cut == 0) cut = kLongest;
      text_ = paragraph_.substr(0, cut);
      EndPassage();
      paragraph_.erase(0, cut);
    }
    if (!Trim(paragraph_).empty()) text_ += (text_.empty() ? "" : "\n\n") + paragraph_;
    paragraph_.clear();
  }

  void EndPassage() {
    if (text_.empty()) return;
    out_.push_back({file_, static_cast<int>(out_.size()) + 1, heading_, std::move(text_)});
    text_.clear();
  }

  std::string file_, heading_, paragraph_, text_;
  std::vector<Passage> out_;
};

}  // namespace

std::string Passage::Place() const { return file + "#" + std::to_string(number); }

std::vector<Passage> PassagesOf(const std::string& file, std::string_view text) {
  Cutter cutter(file);
  for (std::string_view line : Split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    cutter.Take(line);
  }
  return cutter.End();
}

std::string MatchText(std::string_view query) {
  std::vector<std::string> words;
  std::string word;
  auto end = [&] {
    bool new_one = word.size() > 1 && std::ranges::find(words, word) == words.end();
    if (new_one && words.size() < kMostWords) words.push_back(word);
    word.clear();
  };
  for (char c : query) {
    auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80)
      word += static_cast<char>(std::tolower(byte));
    else
      end();
  }
  end();
  std::string out;
  for (const auto& w : words) out += (out.empty() ? "\"" : " OR \"") + w + "\"";
  return out;
}

}  // namespace podium::agents
