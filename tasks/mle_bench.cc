#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "tasks/builtins.h"

namespace podium::tasks {
namespace {

Status CopyOut(int from, const fs::path& to) {
  UniqueFd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!out) return FailErrno(ErrorCode::kIo, "cannot create " + to.string(), errno);
  std::vector<char> buffer(1 << 20);
  for (;;) {
    ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read what becomes " + to.string(), errno);
    if (n == 0) return {};
    PODIUM_TRY(WriteAll(out.get(), {buffer.data(), static_cast<std::size_t>(n)}));
  }
}

// The file under another name: a second name for its bytes where both are on one file system and
// everybody may read it, else a copy.
Status Link(const ForeignFolder& from, const std::string& name, const fs::path& to) {
  PODIUM_TRY(MakeDirs(to.parent_path()));
  PODIUM_ASSIGN(auto fd, from.OpenFile(name, ~std::uint64_t{0}));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return FailErrno(ErrorCode::kIo, "fstat", errno);
  std::string self = "/proc/self/fd/" + std::to_string(fd.get());
  bool readable = (st.st_mode & 0444) == 0444;
  if (readable && ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0)
    return {};
  return CopyOut(fd.get(), to);
}

Status LinkPublic(const ForeignFolder& data, const BuildContext& context) {
  PODIUM_ASSIGN(auto folder, data.Folder("public"));
  PODIUM_ASSIGN(auto entries, folder.List());
  for (const auto& entry : entries) {
    // The package's own description is what the agent reads.
    if (entry.folder || entry.name == "description.md") continue;
    PODIUM_TRY(Link(folder, entry.name, context.out / "public" / entry.name));
  }
  return {};
}

}  // namespace

// A competition of mle-bench: its prepared folder with public/ and private/ (tasks/data_source.h
// says where). Files are linked, not copied; of the private ones only the answers are taken.
Status BuildMleBench(const BuildContext& context) {
  const PrepareSpec& spec = context.task.prepare;
  PODIUM_ASSIGN(auto data, context.OpenData());
  context.progress("linking the files of " + data.path().string());
  PODIUM_TRY(LinkPublic(data, context));
  PODIUM_TRY(Link(data, "private/" + spec.answers, context.out / "private/answers.csv"));
  std::error_code ec;
  if (!fs::exists(context.out / "public/sample_submission.csv", ec))
    PODIUM_TRY(Link(data, spec.sample, context.out / "public/sample_submission.csv"));
  return {};
}

}  // namespace podium::tasks
