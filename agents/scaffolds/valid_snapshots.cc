#include "agents/scaffolds/valid_snapshots.h"

#include "base/deadlines.h"
#include "base/log.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

// Blocks.
Result<ShapeVerdict> KeepIfValid(const TrialContext& context, const fs::path& fresh) {
  PODIUM_ASSIGN(auto shape, CheckFileShape(fresh, context.check_shape));
  std::error_code ec;
  if (shape.valid)
    fs::rename(fresh, context.trial_dir / "snapshots" / "last_valid.csv", ec);
  else
    fs::remove(fresh, ec);
  if (ec) return FailErrno(ErrorCode::kIo, "cannot keep " + fresh.string(), ec.value());
  return shape;
}

}  // namespace

Task<Result<ValidSnapshots::Look>> ValidSnapshots::Take() {
  fs::path fresh = context_.trial_dir / "snapshots" / "incoming.csv";
  Deadline control = Deadline::In(kStepTime);
  auto taken = co_await context_.sandbox.TakeFile(context_.task.submission_path, fresh,
                                                  context_.submission_cap_bytes, control);
  if (!taken) co_return tl::unexpected(taken.error());
  if (taken->fault != sandbox::TakeFault::kNone)
    co_return Look{.shape = {false, std::string(TakeFaultText(taken->fault)), taken->detail},
                   .digest = {}};
  Look out{.shape = {true, "", ""}, .digest = taken->digest.hex()};
  if (out.digest == kept_) co_return out;
  auto keep = [this, fresh] { return KeepIfValid(context_, fresh); };
  auto shape = co_await context_.reactor.Blocking(std::move(keep), Pool::kTransfer);
  if (!shape) co_return tl::unexpected(shape.error());
  out.shape = std::move(*shape);
  if (!out.shape.valid) co_return out;
  kept_ = out.digest;
  records::Snapshot event{.digest = kept_, .bytes = taken->bytes};
  auto recorded = co_await context_.events.Append(std::move(event));
  if (!recorded) LogWarn("cannot record a snapshot: " + recorded.error().message);
  co_return out;
}

}  // namespace podium::agents
