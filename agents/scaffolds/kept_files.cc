#include "agents/scaffolds/kept_files.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

// A file that is not there has not been made.
Status Move(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  fs::rename(from, to, ec);
  if (!ec || ec == std::errc::no_such_file_or_directory) return {};
  return FailErrno(ErrorCode::kIo, "cannot rename " + from.string(), ec.value());
}

}  // namespace

fs::path KeptFiles::Program(int step) const {
  return dir_ / "code" / ("step_" + std::to_string(step) + ".py");
}

fs::path KeptFiles::Submission(int step) const {
  return dir_ / "snapshots" / ("step_" + std::to_string(step) + ".csv");
}

fs::path KeptFiles::SubmissionOf(int id) const {
  return dir_ / "snapshots" / ("node_" + std::to_string(id) + ".csv");
}

Status KeptFiles::Settle(const records::SearchNode& node) const {
  std::error_code ec;
  if (node.code.empty()) fs::remove(Program(node.step), ec);  // an earlier attempt's
  fs::path code = dir_ / "code" / ("node_" + std::to_string(node.id) + ".py");
  PODIUM_TRY(Move(Program(node.step), code));
  bool may_be_handed_in = node.good() || node.fault == "no_score";
  if (may_be_handed_in) return Move(Submission(node.step), SubmissionOf(node.id));
  fs::remove(Submission(node.step), ec);
  return {};
}

void KeptFiles::Prune(int newest, const std::vector<int>& chosen) const {
  std::error_code ec;
  std::uint64_t sum = 0;
  for (int id : chosen) {
    auto bytes = fs::file_size(SubmissionOf(id), ec);
    sum += ec ? 0 : bytes;
  }
  for (int id = newest; id >= 0; --id) {
    auto bytes = fs::file_size(SubmissionOf(id), ec);
    if (ec || std::ranges::find(chosen, id) != chosen.end()) continue;
    if (sum + bytes <= cap_bytes_) {
      sum += bytes;
    } else {
      fs::remove(SubmissionOf(id), ec);
    }
  }
}

}  // namespace podium::agents
