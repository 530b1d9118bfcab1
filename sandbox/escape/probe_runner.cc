#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "base/files.h"
#include "sandbox/escape/cases.h"
#include "sandbox/escape/groups.h"

namespace podium::sandbox::escape {
namespace {

constexpr const char* kInside = "/home/agent/podium-probe";
constexpr auto kMakeLimit = std::chrono::seconds(60);

Task<Result<ExecResult>> RunProbe(Sandbox& box, std::vector<std::string> args, Millis limit) {
  ExecSpec spec;
  spec.argv = {kInside};
  spec.argv.insert(spec.argv.end(), args.begin(), args.end());
  Deadline deadline = Deadline::In(limit);
  co_return co_await box.Exec(std::move(spec), deadline);
}

Task<Status> PutProbe(Sandbox& box) {
  auto bytes = ReadFile(ProgramDir() / "podium-probe", 64 << 20);
  if (!bytes) co_return tl::unexpected(bytes.error());
  Deadline deadline = Deadline::In(kMakeLimit);
  std::string inside = kInside;
  co_return co_await box.PutFile(std::move(inside), std::move(*bytes), 0755, deadline);
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

CaseResult Verdict(const ExecResult& ran) {
  std::string said = Trimmed(ran.output);
  if (ran.end == ExecEnd::kExited && ran.exit_code == 0) return Held(said);
  if (ran.end == ExecEnd::kExited && ran.exit_code == 2) return Skipped(said);
  if (ran.end == ExecEnd::kExited && ran.exit_code == 1) return Broken(said);
  std::string how = "the probe did not end by itself: " + std::string(ExecEndText(ran.end));
  if (ran.exit_code >= 0) how += ", exit code " + std::to_string(ran.exit_code);
  if (ran.signal > 0) how += ", signal " + std::to_string(ran.signal);
  return Broken(how + "\n" + said);
}

}  // namespace

Task<CaseResult> Probe(Sandbox& box, std::vector<std::string> args, Millis limit) {
  auto ran = co_await RunProbe(box, args, limit);
  if (ran && (ran->exit_code == 126 || ran->exit_code == 127)) {
    auto put = co_await PutProbe(box);
    if (!put) co_return Broken("podium-probe cannot be put there: " + put.error().message);
    ran = co_await RunProbe(box, args, limit);
  }
  if (!ran) co_return Broken("the sandbox broke: " + ran.error().message);
  co_return Verdict(*ran);
}

SandboxSpec Context::MakeSpec(std::string_view name) const {
  static std::atomic<unsigned> counter = 0;
  SandboxSpec out = spec;
  out.id = "esc-" + std::string(name) + "-" + std::to_string(::getpid()) + "-" +
           std::to_string(++counter);
  return out;
}

CaseResult Held(std::string detail) { return {Outcome::kHeld, std::move(detail)}; }
CaseResult Broken(std::string detail) { return {Outcome::kBroken, std::move(detail)}; }
CaseResult Skipped(std::string detail) { return {Outcome::kSkipped, std::move(detail)}; }

CaseResult Both(const CaseResult& a, const CaseResult& b) {
  std::string detail = a.detail + (a.detail.empty() || b.detail.empty() ? "" : "\n") + b.detail;
  for (Outcome outcome : {Outcome::kBroken, Outcome::kHeld}) {
    if (a.outcome == outcome || b.outcome == outcome) return {outcome, detail};
  }
  return Skipped(detail);
}

Task<CaseResult> ProbeIn(Context& ctx, Sandbox& box, std::string id,
                         std::vector<std::string> args) {
  std::vector<std::string> all = {std::move(id), ctx.backend_name};
  all.insert(all.end(), args.begin(), args.end());
  co_return co_await Probe(box, std::move(all), Millis(15'000));
}

Task<CaseResult> ProbeShared(Context& ctx, std::string id, std::vector<std::string> args) {
  co_return co_await ProbeIn(ctx, *ctx.shared, std::move(id), std::move(args));
}

std::function<Task<CaseResult>(Context&)> JustProbe(std::string id) {
  return [id = std::move(id)](Context& ctx) { return ProbeShared(ctx, id); };
}

Task<CaseResult> InOwnBox(Context& ctx, SandboxSpec spec, BoxBody body) {
  Deadline deadline = Deadline::In(kMakeLimit);
  auto box = co_await ctx.backend.Create(std::move(spec), deadline);
  if (!box) co_return Broken("no sandbox could be made: " + box.error().message);
  auto result = co_await body(**box);
  Deadline last = Deadline::In(kMakeLimit);
  auto gone = co_await (*box)->Destroy(last);
  if (!gone)
    co_return Both(result, Broken("the sandbox cannot be removed: " + gone.error().message));
  co_return result;
}

std::string DataInside(const Context& ctx) {
  return ctx.spec.data.empty() ? "" : ctx.spec.data.front().inside;
}

std::string RandomName() {
  unsigned char bytes[12];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return "podium-" + std::to_string(::getpid());
  std::string out = "podium-";
  for (unsigned char b : bytes) out += static_cast<char>('a' + b % 26);
  return out;
}

bool EngineKeepsImages(const Context& ctx) { return ctx.backend_name == "docker"; }

}  // namespace podium::sandbox::escape
