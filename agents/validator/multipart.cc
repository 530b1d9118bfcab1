#include "agents/validator/multipart.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"

namespace podium::agents {
namespace {

bool SameWord(std::string_view a, std::string_view b) { return Lower(a) == Lower(b); }

// "form-data; name=\"file\"; filename=\"a.csv\"": the first word and the parameters.
struct HeaderValue {
  std::string_view word;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;

  [[nodiscard]] std::optional<std::string_view> Find(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
      if (SameWord(key, name)) return value;
    }
    return std::nullopt;
  }
};

// A quoted value may hold no backslash: no client needs one here, and readers differ about it.
std::optional<HeaderValue> ParseValue(std::string_view text) {
  HeaderValue out;
  std::size_t semicolon = std::min(text.find(';'), text.size());
  out.word = Trim(text.substr(0, semicolon));
  text.remove_prefix(semicolon);
  while (!text.empty()) {
    text = Trim(text.substr(1));
    std::size_t equal = text.find('=');
    if (equal == std::string_view::npos) return std::nullopt;
    std::string_view key = Trim(text.substr(0, equal)), value;
    text.remove_prefix(equal + 1);
    if (text.starts_with('"')) {
      std::size_t end = text.find('"', 1);
      if (end == std::string_view::npos) return std::nullopt;
      value = text.substr(1, end - 1);
      text = Trim(text.substr(end + 1));
      if (!text.empty() && text.front() != ';') return std::nullopt;
    } else {
      std::size_t end = std::min(text.find(';'), text.size());
      value = Trim(text.substr(0, end));
      text.remove_prefix(end);
    }
    if (value.find('\\') != std::string_view::npos || out.Find(key)) return std::nullopt;
    out.parameters.emplace_back(key, value);
  }
  return out;
}

struct Part {
  std::string_view name, file_name, content;
};

tl::unexpected<Error> Bad(const char* code) { return Fail(ErrorCode::kUsage, code); }

Result<Part> ParsePart(std::string_view text) {
  Part out;
  bool named = false;
  for (;;) {
    std::size_t end = text.find("\r\n");
    if (end == std::string_view::npos) return Bad("bad_multipart");
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (line.empty()) break;
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return Bad("bad_multipart");
    std::string_view field = Trim(line.substr(0, colon));
    if (SameWord(field, "content-transfer-encoding") &&
        !SameWord(Trim(line.substr(colon + 1)), "binary"))
      return Bad("encoded_part");
    if (!SameWord(field, "content-disposition")) continue;
    auto value = ParseValue(line.substr(colon + 1));
    if (named || !value || !SameWord(value->word, "form-data") || !value->Find("name"))
      return Bad("bad_multipart");
    named = true;
    out.name = *value->Find("name");
    out.file_name = value->Find("filename").value_or("");
  }
  if (!named) return Bad("bad_multipart");
  out.content = text;
  return out;
}

bool PlainFileName(std::string_view name) {
  return name != "." && name != ".." && std::ranges::none_of(name, [](char c) {
           return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

// The text between two delimiters "\r\n--BOUNDARY", the first of which may open the body.
Result<std::vector<std::string_view>> SplitParts(std::string_view body, std::string_view boundary) {
  std::string delimiter = "\r\n--" + std::string(boundary);
  if (!body.starts_with(delimiter.substr(2))) return Bad("bad_multipart");
  body.remove_prefix(delimiter.size() - 2);
  std::vector<std::string_view> out;
  for (;;) {
    if (body.starts_with("--")) return out;
    if (!body.starts_with("\r\n") || out.size() == 16) return Bad("bad_multipart");
    body.remove_prefix(2);
    std::size_t end = body.find(delimiter);
    if (end == std::string_view::npos) return Bad("bad_multipart");
    out.push_back(body.substr(0, end));
    body.remove_prefix(end + delimiter.size());
  }
}

}  // namespace

Result<FormFile> FindFormFile(std::string_view content_type, std::string_view body,
                              std::string_view name) {
  auto type = ParseValue(content_type);
  if (!type || !SameWord(type->word, "multipart/form-data")) return Bad("not_multipart");
  std::string_view boundary = type->Find("boundary").value_or("");
  if (boundary.empty() || boundary.size() > 70) return Bad("not_multipart");
  PODIUM_ASSIGN(auto texts, SplitParts(body, boundary));
  std::optional<FormFile> found;
  for (auto text : texts) {
    PODIUM_ASSIGN(auto part, ParsePart(text));
    if (part.name != name) continue;
    if (found) return Bad("repeated_part");
    if (!PlainFileName(part.file_name)) return Bad("bad_file_name");
    found = FormFile{part.file_name, part.content};
  }
  if (!found) return Bad("no_such_part");
  return *found;
}

}  // namespace podium::agents
