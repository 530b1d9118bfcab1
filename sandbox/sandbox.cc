#include "sandbox/sandbox.h"

#include <algorithm>

namespace podium::sandbox {

std::string_view ExecEndText(ExecEnd end) {
  switch (end) {
    case ExecEnd::kExited:
      return "exited";
    case ExecEnd::kSignalled:
      return "signalled";
    case ExecEnd::kTimeLimit:
      return "time_limit";
    case ExecEnd::kMemoryLimit:
      return "memory_limit";
    case ExecEnd::kPidLimit:
      return "pid_limit";
    case ExecEnd::kDiskLimit:
      return "disk_limit";
    case ExecEnd::kInitGone:
      return "init_gone";
  }
  return "exited";
}

namespace {

Error NoJobs() {
  return Fail(ErrorCode::kUnavailable, "this sandbox runs no jobs in the background").value();
}

}  // namespace

Task<Result<int>> Sandbox::StartJob(ExecSpec, Millis, Deadline) {
  co_return tl::unexpected(NoJobs());
}

Task<Result<JobLook>> Sandbox::LookAtJob(int, std::uint64_t, Deadline) {
  co_return tl::unexpected(NoJobs());
}

Task<Status> Sandbox::StopJob(int, Deadline) { co_return tl::unexpected(NoJobs()); }

Task<Status> Sandbox::WaitForJobs(Deadline deadline) {
  co_await SleepUntil(deadline);
  co_return Status{};
}

Task<Result<PackedLayer>> Sandbox::PackLayer(Snapshot, std::filesystem::path, Deadline) {
  co_return Fail(ErrorCode::kUnavailable, "this sandbox's layers are no files");
}

Task<Result<Snapshot>> Sandbox::AddLayer(Snapshot, std::filesystem::path, Deadline) {
  co_return Fail(ErrorCode::kUnavailable, "this sandbox's layers are no files");
}

Task<Status> Sandbox::DropLayers(std::vector<Snapshot::Layer>) { co_return Status{}; }

Task<Status> Sandbox::TakeRoot(std::filesystem::path, Deadline) {
  co_return Fail(ErrorCode::kUnavailable, "images are built on runc or crun, not on this backend");
}

bool CausedByAgent(const Error& error) {
  return std::ranges::find(error.context, kAgentsFault) != error.context.end();
}

}  // namespace podium::sandbox
