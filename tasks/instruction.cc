#include "tasks/instruction.h"

#include <unistd.h>

#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::tasks {
namespace {

// The first heading's words.
std::string HeadingOf(const std::string& text) {
  for (std::string_view line : Split(text, '\n')) {
    if (line.starts_with("# ")) return std::string(Trim(line.substr(2)));
  }
  return "A task";
}

// Links where the cache lies on one file system, else copies.
Status Mirror(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(from, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    fs::path inside = fs::relative(it->path(), from, ec);
    if (it->is_directory(ec)) {
      fs::create_directories(to / inside, ec);
      continue;
    }
    if (inside == "description.md") continue;
    std::error_code no_link;
    fs::create_hard_link(it->path(), to / inside, no_link);
    if (no_link) fs::copy_file(it->path(), to / inside, ec);
  }
  if (!ec) return {};
  return Fail(ErrorCode::kIo, "cannot mirror " + from.string() + ": " + ec.message());
}

}  // namespace

Result<Instruction> InstructionOf(const TaskPackage& task, const std::string& variant) {
  if (variant == "default") return Instruction{task.title, task.description};
  auto found = task.variants.find(variant);
  if (found != task.variants.end()) return Instruction{HeadingOf(found->second), found->second};
  std::vector<std::string> names = {"default"};
  for (const auto& [name, text] : task.variants) names.push_back(name);
  return Fail(ErrorCode::kConfig, "task '" + task.id.str() + "' has no instruction '" +
                                      Printable(variant) + "': there is " + Join(names, ", ") +
                                      " (task.yaml: `instruction: {default: description.md, "
                                      "variants: {" +
                                      Printable(variant) + ": FILE}}`)");
}

Result<fs::path> PublicWith(const fs::path& public_dir, const std::string& description,
                            const fs::path& cache) {
  std::string key = Digest::Of(public_dir.string() + "\n" + description).hex().substr(0, 24);
  fs::path dir = cache / "instructions" / key;
  std::error_code ec;
  if (fs::exists(dir / "public" / "description.md", ec)) return dir / "public";
  fs::path part = dir.string() + "." + std::to_string(::getpid()) + ".part";
  PODIUM_TRY(RemoveTree(part));
  PODIUM_TRY(MakeDirs(part / "public"));
  PODIUM_TRY(Mirror(public_dir, part / "public"));
  PODIUM_TRY(WriteFileAtomic(part / "public" / "description.md", description));
  fs::permissions(part / "public" / "description.md", fs::perms(0644), ec);
  fs::permissions(part / "public", fs::perms(0755), ec);
  fs::permissions(part, fs::perms(0755), ec);
  fs::rename(part, dir, ec);
  bool others = ec && fs::exists(dir / "public" / "description.md");  // another process was first
  if (ec && !others)
    return Fail(ErrorCode::kIo, "cannot write " + dir.string() + ": " + ec.message());
  if (others) PODIUM_TRY(RemoveTree(part));
  return dir / "public";
}

}  // namespace podium::tasks
