#include "agents/operators/prompt_file.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader = "podium-prompt/1\n";

// The placeholder at or behind `from`: where it begins, its name, where it ends.
struct Found {
  std::size_t begin = std::string_view::npos;
  std::string_view name;
  std::size_t end = 0;
};

Found NextPlaceholder(std::string_view text, std::size_t from) {
  std::size_t begin = text.find("{{", from);
  if (begin == std::string_view::npos) return {};
  std::size_t close = text.find("}}", begin);
  std::size_t line_end = std::min(text.find('\n', begin), text.size());
  if (close == std::string_view::npos || close > line_end)
    return {begin, text.substr(begin, line_end - begin), line_end};  // never closed
  return {begin, Trim(text.substr(begin + 2, close - begin - 2)), close + 2};
}

Status CheckPlaceholders(const fs::path& file, std::string_view text,
                         std::span<const std::string_view> placeholders) {
  for (Found at = NextPlaceholder(text, 0); at.begin != std::string_view::npos;
       at = NextPlaceholder(text, at.end)) {
    if (std::ranges::find(placeholders, at.name) != placeholders.end()) continue;
    auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at.begin), '\n');
    std::vector<std::string> names(placeholders.begin(), placeholders.end());
    return Fail(ErrorCode::kConfig,
                file.string() + ":" + std::to_string(line) + ": there is no placeholder '" +
                    Printable(at.name.substr(0, 60)) + "'; there are: " + Join(names, ", "));
  }
  return {};
}

std::string FilledText(std::string_view text,
                       const std::map<std::string_view, std::string>& values) {
  std::string out;
  std::size_t done = 0;
  for (Found at = NextPlaceholder(text, 0); at.begin != std::string_view::npos;
       at = NextPlaceholder(text, at.end)) {
    out += text.substr(done, at.begin - done);
    if (auto value = values.find(at.name); value != values.end()) out += value->second;
    done = at.end;
  }
  return out + std::string(text.substr(done));
}

}  // namespace

Result<Prompt> ParsePrompt(const fs::path& file, std::string_view text,
                           std::span<const std::string_view> placeholders) {
  if (!text.starts_with(kHeader))
    return Fail(ErrorCode::kConfig,
                file.string() + ":1: the first line of a prompt is podium-prompt/1");
  PODIUM_TRY(CheckPlaceholders(file, text, placeholders));
  text.remove_prefix(kHeader.size());
  std::size_t line = text.find("\n---\n");
  if (line == std::string_view::npos)
    return Fail(ErrorCode::kConfig, file.string() +
                                        ": a line '---' must stand between the system message and "
                                        "the user's");
  std::string_view user = text.substr(line + 5);
  if (user.ends_with('\n')) user.remove_suffix(1);
  return Prompt{std::string(text.substr(0, line)), std::string(user)};
}

std::vector<std::string> VariantsIn(const fs::path& folder, bool folders) {
  std::vector<std::string> out;
  std::error_code ec, ignored;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const fs::path& path = it->path();
    if (folders ? it->is_directory(ignored) : path.extension() == ".md")
      out.push_back(folders ? path.filename().string() : path.stem().string());
  }
  std::ranges::sort(out);
  return out;
}

Error NoSuchVariant(const std::string& of, std::string_view variant,
                    std::vector<std::string> known) {
  known.insert(known.begin(), "default");
  return {ErrorCode::kConfig, of + " has no variant '" + Printable(variant.substr(0, 60)) + "'." +
                                  Suggest(variant, known) + " There are: " + Join(known, ", ")};
}

Prompt Prompt::Filled(const std::map<std::string_view, std::string>& values) const {
  return {FilledText(system, values), FilledText(user, values)};
}

}  // namespace podium::agents
