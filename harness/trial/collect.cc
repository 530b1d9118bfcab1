#include "harness/trial/collect.h"

#include <algorithm>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::harness {

namespace fs = std::filesystem;
using agents::AgentOutcome;
using records::HandOver;
using records::HandOverStatus;

fs::path SubmissionFile(const fs::path& trial_dir, const tasks::TaskPackage& task) {
  return trial_dir / "submission" / task.submission.path;
}

std::string SubmissionPath(const tasks::TaskPackage& task) {
  return "/home/submission/" + task.submission.path;
}

std::uint64_t SubmissionCap(const TrialPlan& plan) {
  return std::min(std::uint64_t{2} << 30, plan.limits.disk_bytes);
}

Task<Result<HandOver>> Collector::Collect(sandbox::Sandbox& box, const AgentOutcome& outcome) {
  auto taken = co_await TakeSubmission(box, outcome);
  if (!taken) co_return taken;
  for (const char* folder : {"code", "logs"}) PODIUM_CO_TRY(co_await TakeFolder(box, folder));
  co_return taken;
}

// What an agent left in /home/code or /home/logs, as far as it may be taken. Nothing there can
// fail a trial.
Task<Status> Collector::TakeFolder(sandbox::Sandbox& box, std::string name) {
  Deadline transfer = Deadline::In(kTransferTime);
  sandbox::TreeCaps caps;
  caps.bytes = std::min(caps.bytes, plan_.limits.disk_bytes);
  // A search keeps the programs that it ran in code/, and an agent's files do not mix with them.
  fs::path to = plan_.agent->chooses() && name == "code" ? dir_ / name / "home" : dir_ / name;
  auto taken = co_await box.TakeTree("/home/" + name, to, caps, transfer);
  records::Taken event{.folder = name};
  if (taken) {
    event.files = taken->files;
    event.bytes = taken->bytes;
    event.left_out = taken->left_out_count;
    event.complete = taken->complete;
    for (const auto& left : taken->left_out)
      event.because.push_back(Printable(left.path).substr(0, 300) + ": " +
                              std::string(sandbox::TakeFaultText(left.fault)));
  } else {
    event.failed = taken.error().message;
  }
  co_return co_await events_.Append(std::move(event));
}

Task<Result<HandOver>> Collector::TakeSubmission(sandbox::Sandbox& box,
                                                 const AgentOutcome& outcome) {
  HandOver hand_over;
  if (outcome.submission) {
    auto copy = [from = *outcome.submission, to = SubmissionFile(dir_, *plan_.task)] {
      return CopyFileAtomic(from, to);
    };
    PODIUM_CO_TRY(co_await reactor_.Blocking(std::move(copy), Pool::kTransfer));
    hand_over.status = HandOverStatus::kOk;
    co_return hand_over;
  }
  if (plan_.agent->chooses()) co_return hand_over;
  Deadline transfer = Deadline::In(kTransferTime);
  auto taken = co_await box.TakeFile(SubmissionPath(*plan_.task), SubmissionFile(dir_, *plan_.task),
                                     SubmissionCap(plan_), transfer);
  if (!taken) co_return tl::unexpected(taken.error());
  auto judged = co_await Judge(*taken);
  if (judged && judged->status == HandOverStatus::kMissing) judged->detail = co_await NearMiss(box);
  co_return judged;
}

// "'Submission.csv' lies there": what an agent may have taken for the submission's place.
Task<std::string> Collector::NearMiss(sandbox::Sandbox& box) {
  auto temp = TempDir::Make("podium-near-miss");
  if (!temp) co_return "";
  Deadline transfer = Deadline::In(kNearMissTime);
  sandbox::TreeCaps none{.files = 1, .entries = 50, .bytes = 1, .depth = 0};
  auto there = co_await box.TakeTree("/home/submission", temp->path(), none, transfer);
  if (!there) co_return "";
  std::string out;
  for (const auto& left : there->left_out)
    out += (out.empty() ? "" : ", ") + ("'" + Printable(left.path).substr(0, 100) + "'");
  co_return out.empty() ? "" : out + " lies there; " + plan_.task->submission.path + " does not";
}

// A last file that cannot be taken or has the wrong shape gives way to the newest snapshot of the
// right shape, if there is one.
Task<Result<HandOver>> Collector::Judge(sandbox::TakenFile taken) {
  HandOver hand_over;
  if (taken.fault == sandbox::TakeFault::kNone) {
    hand_over.status = HandOverStatus::kOk;
  } else if (taken.fault != sandbox::TakeFault::kMissing) {
    hand_over.status = HandOverStatus::kInvalid;
    hand_over.reason = std::string(sandbox::TakeFaultText(taken.fault));
    hand_over.detail = taken.detail;
  }
  auto fall_back = [this, there = hand_over.status == HandOverStatus::kOk] {
    return FallBack(there);
  };
  auto fell = co_await reactor_.Blocking(std::move(fall_back), Pool::kTransfer);
  if (!fell) co_return tl::unexpected(fell.error());
  if (!*fell) co_return hand_over;
  records::FellBack event{.to = "snapshots/last_valid.csv"};
  PODIUM_CO_TRY(co_await events_.Append(std::move(event)));
  co_return HandOver{.status = HandOverStatus::kOk};
}

// Puts the newest snapshot in the submission's place unless a file of the right shape is there.
// Blocks.
Result<bool> Collector::FallBack(bool taken) const {
  fs::path snapshot = dir_ / "snapshots" / "last_valid.csv";
  std::error_code ec;
  if (!fs::exists(snapshot, ec)) return false;
  if (taken) {
    PODIUM_ASSIGN(auto shape,
                  agents::CheckFileShape(SubmissionFile(dir_, *plan_.task),
                                         [this](auto bytes) { return check_shape_(bytes); }));
    if (shape.valid) return false;
  }
  PODIUM_TRY(CopyFileAtomic(snapshot, SubmissionFile(dir_, *plan_.task)));
  return true;
}

}  // namespace podium::harness
