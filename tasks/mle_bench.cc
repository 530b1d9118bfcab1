#include <algorithm>

#include "base/files.h"
#include "tasks/builtins.h"

namespace podium::tasks {
namespace {

// The file under another name: a second name for its bytes where both are on one file system, else
// a copy.
Status Link(const fs::path& from, const fs::path& to) {
  PODIUM_TRY(MakeDirs(to.parent_path()));
  std::error_code ec;
  fs::create_hard_link(from, to, ec);
  if (!ec) return {};
  fs::copy_file(from, to, ec);
  if (ec)
    return Fail(ErrorCode::kIo,
                "cannot copy " + from.string() + " to " + to.string() + ": " + ec.message());
  return {};
}

Status LinkPublic(const fs::path& data, const BuildContext& context) {
  std::error_code ec;
  for (const auto& entry : fs::recursive_directory_iterator(data / "public", ec)) {
    fs::file_status status = entry.symlink_status();
    std::string path = entry.path().lexically_relative(data).generic_string();
    // The package's own description is what the agent reads.
    if (!fs::is_regular_file(status) || path == "public/description.md") continue;
    PODIUM_TRY(Link(entry.path(), context.out / path));
  }
  if (ec) return Fail(ErrorCode::kIo, "cannot read " + data.string() + ": " + ec.message());
  return {};
}

}  // namespace

// A competition of mle-bench: data/ is (a link to) its prepared folder with public/ and private/.
// Files are linked, not copied; of the private ones only the answers are taken.
Status BuildMleBench(const BuildContext& context) {
  const fs::path data = context.task.dir / "data";
  const PrepareSpec& spec = context.task.prepare;
  if (!fs::is_directory(data / "public") || !fs::is_regular_file(data / "private" / spec.answers))
    return Fail(ErrorCode::kConfig,
                context.task.id.str() + ": its data are not there (" + data.string() +
                    "/public and private/" + spec.answers +
                    "). Prepare them with mle-bench and import again with --data DIR");
  context.progress("linking the files of " + data.string());
  PODIUM_TRY(LinkPublic(data, context));
  PODIUM_TRY(Link(data / "private" / spec.answers, context.out / "private/answers.csv"));
  if (!fs::exists(context.out / "public/sample_submission.csv"))
    PODIUM_TRY(Link(data / spec.sample, context.out / "public/sample_submission.csv"));
  return {};
}

}  // namespace podium::tasks
