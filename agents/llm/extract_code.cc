#include "agents/llm/extract_code.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace podium::agents {
namespace {

struct Fence {
  std::string label;
  std::string body;
  std::size_t line = 0;
};

bool LooksLikePython(std::string_view text) {
  int signs = 0;
  for (auto line : Split(text, '\n')) {
    for (std::string_view start :
         {"import ", "from ", "def ", "class ", "print(", "for ", "if ", "with "}) {
      if (line.starts_with(start)) ++signs;
    }
    if (line.find(" = ") != std::string_view::npos && !line.starts_with(' ')) ++signs;
  }
  bool imports = text.starts_with("import ") || text.starts_with("from ") ||
                 text.find("\nimport ") != std::string_view::npos ||
                 text.find("\nfrom ") != std::string_view::npos;
  return imports && signs >= 3;
}

std::vector<Fence> FindFences(const std::vector<std::string_view>& lines) {
  std::vector<Fence> out;
  bool open = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view trimmed = Trim(lines[i]);
    if (trimmed.starts_with("```")) {
      if (!open) out.push_back({std::string(Trim(trimmed.substr(3))), "", i});
      open = !open;
    } else if (open) {
      out.back().body += std::string(lines[i]) + "\n";
    }
  }
  return out;
}

std::string WithoutShellLines(std::string_view code) {
  std::string out;
  for (auto line : Split(code, '\n')) {
    std::string_view trimmed = Trim(line);
    if (trimmed.starts_with('!') || trimmed.starts_with("%") || trimmed.starts_with("$ ")) continue;
    out += std::string(line) + "\n";
  }
  return std::string(Trim(out)) + "\n";
}

const Fence* Choose(const std::vector<Fence>& fences) {
  const Fence* best = nullptr;
  auto rank = [](const Fence& f) {
    bool marked = f.label.starts_with("py") || f.label.starts_with("Py");
    bool usable = marked || (f.label.empty() && LooksLikePython(f.body)) || LooksLikePython(f.body);
    return usable ? f.body.size() : 0;
  };
  for (const auto& f : fences) {
    if (rank(f) > 0 && (!best || rank(f) > rank(*best))) best = &f;
  }
  return best;
}

}  // namespace

ExtractedCode ExtractCode(std::string_view answer) {
  // A reasoning model's private part is not its answer.
  if (std::size_t end = answer.rfind("</think>"); end != std::string_view::npos)
    answer.remove_prefix(end + 8);
  auto lines = Split(answer, '\n');
  auto fences = FindFences(lines);
  ExtractedCode out;
  if (const Fence* fence = Choose(fences)) {
    out.code = WithoutShellLines(fence->body);
    for (std::size_t i = 0; i < fence->line; ++i) out.plan += std::string(lines[i]) + "\n";
    out.plan = std::string(Trim(out.plan));
  } else if (fences.empty() && LooksLikePython(answer)) {
    out.code = WithoutShellLines(answer);
  } else {
    out.plan = std::string(Trim(answer));
  }
  return out;
}

}  // namespace podium::agents
