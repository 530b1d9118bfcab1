#include "sandbox/container/contained.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <variant>

#include "base/async/alarm.h"
#include "base/async/race.h"
#include "base/deadlines.h"
#include "base/log.h"
#include "sandbox/container/exec_end.h"
#include "sandbox/container/job_list.h"
#include "sandbox/container/moving_deadline.h"
#include "sandbox/host/delegation.h"
#include "sandbox/host/handover.h"
#include "sandbox/host/lock_count.h"
#include "sandbox/host/rootless.h"
#include "sandbox/host/take_tree.h"
#include "sandbox/host/unix_socket.h"
#include "sandbox/images/kept_layer.h"
#include "sandbox/images/pack.h"

namespace podium::sandbox {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using boost::system::error_code;

constexpr int kRelayQueue = 128;  // connections that wait for whoever serves them

class ContainedSandbox final : public Sandbox {
 public:
  ContainedSandbox(Reactor& reactor, ContainerParts parts, SandboxSpec spec)
      : reactor_(reactor),
        parts_(std::move(parts)),
        spec_(std::move(spec)),
        channel_(reactor, std::move(parts_.socket)),
        groups_(GroupsNamed(CgroupsOf(parts_.init_pid), parts_.cgroup_name)),
        counters_(groups_),
        acted_(spec_.workspace.has_value()) {
    if (spec_.without.contains(Mitigation::kCleanEnvironment)) AddOwnEnvironment();
  }

  ~ContainedSandbox() override { KillInit(); }

  Task<Status> WaitReady(Deadline deadline) {
    auto ready = co_await channel_.WaitReady(deadline);
    if (!ready) co_return ready;
    for (const char* controller : parts_.required) {
      if (parts_.own_limits && counters_.Enforces(controller)) continue;
      if (!spec_.allow_unenforced) {
        co_return Fail(
            ErrorCode::kUnavailable,
            std::string(IsRootless() ? "without root you have no " : "this host has no ") +
                controller +
                " cgroup controller, so that limit cannot be enforced; set "
                "allow_unenforced to go on without it" +
                (IsRootless() ? ", or get one: " + DelegationAdvice() : ""));
      }
      parts_.isolation.not_enforced.emplace_back(controller);
    }
    co_return LimitTcpBuffers();
  }

  Status LimitTcpBuffers() {
    bool left_out = spec_.without.contains(Mitigation::kTcpLimit) ||
                    spec_.without.contains(Mitigation::kMemoryLimit);
    if (left_out || !parts_.own_limits || LimitTcp(groups_, TcpBytes(spec_))) return {};
    std::erase_if(parts_.isolation.enforced, [](const auto& line) { return line.first == "tcp"; });
    parts_.isolation.not_enforced.emplace_back("tcp");
    if (spec_.allow_unenforced) return {};
    return Fail(ErrorCode::kUnavailable,
                "this host's memory control group does not limit TCP buffers "
                "(memory.kmem.tcp.limit_in_bytes); boot with cgroup v2, or set allow_unenforced to "
                "go on without that limit");
  }

  Task<Result<ExecResult>> Exec(ExecSpec spec, Deadline deadline) override {
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    ExecResult result;
    result.end = ExecEnd::kInitGone;
    if (broken_) co_return result;
    if (spec_.without.contains(Mitigation::kOutputCap))
      spec.output_head_bytes = std::size_t{1} << 30;
    if (spec_.without.contains(Mitigation::kDeadline))
      deadline = Deadline(deadline.at() + std::chrono::seconds(15));
    acted_ = true;
    too_many_locks_ = false;
    JobList::Counted before = Count();
    auto started = SteadyNow();
    MovingDeadline until(deadline, spec.moved);
    auto raced = co_await Race(channel_.Exec(spec, spec_.env, deadline), Watch(until));
    result.wall = Since(started);
    ExecSigns seen = SeenSince(before);
    auto* ended = std::get_if<Result<InitChannel::Ended>>(&raced);
    if (!ended || !*ended) {
      co_await GiveUpInit();
      seen.timed_out = until.Now().expired();
      ClassifyGone(result, seen);
      co_return result;
    }
    result.output = std::move((*ended)->output);
    result.output_bytes = (*ended)->output_bytes;
    seen.timed_out = (*ended)->timed_out || (*ended)->noticed;
    Classify(result, (*ended)->status, seen, [this] { return parts_.workspace->DiskFull(); });
    co_return result;
  }

  Task<Result<int>> StartJob(ExecSpec spec, Millis most, Deadline deadline) override {
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    if (broken_) co_return tl::unexpected(InitIsGone().error());
    if (jobs_.count() >= kMostJobs)
      co_return Fail(ErrorCode::kUsage, "more than " + std::to_string(kMostJobs) + " jobs at once");
    acted_ = true;
    int job = jobs_.Begin(most, Count());
    auto number = static_cast<std::uint32_t>(job);
    auto begun = co_await channel_.StartJob(number, spec, spec_.env, most, deadline);
    if (!begun) co_await GiveUpInit();
    HearOfJobs();
    co_return job;
  }

  Task<Result<JobLook>> LookAtJob(int job, std::uint64_t from, Deadline deadline) override {
    JobLook out;
    if (!sealed_ && !broken_) {
      auto number = static_cast<std::uint32_t>(job);
      auto look = co_await channel_.LookAtJob(number, from, deadline);
      if (!look) co_await GiveUpInit();
      HearOfJobs();
      if (look && look->state.so_far.id == number)
        out = LookOf(look->state, std::move(look->output));
    }
    if (out.running) co_return out;
    if (const JobEnd* end = jobs_.EndOf(job)) {
      out.so_far = *end;
      co_return out;
    }
    co_return Fail(ErrorCode::kUsage, "there is no job " + std::to_string(job));
  }

  Task<Status> StopJob(int job, Deadline deadline) override {
    if (sealed_ || broken_ || !jobs_.Find(job)) co_return Status{};
    jobs_.NoteStop(job);
    auto sent = co_await channel_.StopJob(static_cast<std::uint32_t>(job), deadline);
    HearOfJobs();
    while (sent && jobs_.Find(job) && !deadline.expired()) {
      sent = co_await channel_.WaitForJobEnd(deadline);
      HearOfJobs();
    }
    if (jobs_.Find(job)) co_await GiveUpInit();
    HearOfJobs();
    co_return Status{};
  }

  Task<Status> WaitForJobs(Deadline deadline) override {
    HearOfJobs();
    if (jobs_.has_news()) co_return Status{};
    bool lives = !sealed_ && !broken_ && jobs_.count() > 0;
    if (!lives) {
      co_await SleepUntil(deadline);
      co_return Status{};
    }
    too_many_locks_ = false;
    MovingDeadline until(jobs_.FirstEnd(), {});
    auto raced = co_await Race(channel_.WaitForJobEnd(deadline), Watch(until));
    auto state = co_await asio::this_coro::cancellation_state;
    auto* heard = std::get_if<Status>(&raced);
    bool broke = !heard || !*heard;
    if (broke && state.cancelled() == asio::cancellation_type::none) co_await GiveUpInit();
    HearOfJobs();
    co_return Status{};
  }

  std::vector<JobEnd> TakeEndedJobs() override {
    HearOfJobs();
    return jobs_.TakeNews();
  }

  int LiveJobs() const override { return jobs_.count(); }

  Task<Status> PutFile(std::string inside, std::string bytes, unsigned mode,
                       Deadline deadline) override {
    constexpr std::string_view kGuarded = kGuardedFolder;
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    if (inside.starts_with(kGuarded)) {
      std::string name = inside.substr(kGuarded.size());
      auto job = [this, name, bytes = std::move(bytes), mode] {
        return parts_.workspace->PutGuarded(name, bytes, mode);
      };
      co_return co_await reactor_.Blocking(std::move(job));
    }
    if (broken_) co_return InitIsGone();
    auto put = co_await channel_.Put(std::move(inside), std::move(bytes), mode, deadline);
    if (put || CausedByAgent(put.error())) co_return Blamed(std::move(put));
    co_await GiveUpInit();
    co_return Blamed(std::move(put), true);
  }

  Task<Result<TakenFile>> TakeFile(std::string inside, fs::path to, std::uint64_t max_bytes,
                                   Deadline deadline) override {
    constexpr std::string_view kHome = "/home/";
    if (!inside.starts_with(kHome))
      co_return Fail(ErrorCode::kUsage, "files are taken from /home alone, not " + inside);
    auto root = HoldHome();
    std::string relative = inside.substr(kHome.size());
    bool guarded = !spec_.without.contains(Mitigation::kGuardedHandOver);
    fs::path naive = parts_.paths.base / "home" / relative;
    // What the sandbox could not have paid for is not its own.
    bool paid_for = !spec_.without.contains(Mitigation::kPaidFor);
    if (paid_for) max_bytes = std::min(max_bytes, spec_.limits.disk_bytes);
    std::uint64_t holes = paid_for ? kMostHoles : max_bytes;
    auto job = [root, relative, to, max_bytes, guarded, naive, deadline,
                holes]() -> Result<TakenFile> {
      if (guarded) return TakeBeneath(root->get(), relative, to, max_bytes, deadline, holes);
      return TakeByPath(naive, to);
    };
    co_return co_await reactor_.Blocking(std::move(job), Pool::kTransfer);
  }

  Task<Result<TakenTree>> TakeTree(std::string inside, fs::path to, TreeCaps caps,
                                   Deadline deadline) override {
    constexpr std::string_view kHome = "/home/";
    if (!inside.starts_with(kHome))
      co_return Fail(ErrorCode::kUsage, "folders are taken from /home alone, not " + inside);
    auto root = HoldHome();
    std::string relative = inside.substr(kHome.size());
    caps.bytes = std::min(caps.bytes, spec_.limits.disk_bytes);
    auto job = [root, relative, to, caps, deadline] {
      return TakeTreeBeneath(root->get(), relative, to, caps, deadline);
    };
    co_return co_await reactor_.Blocking(std::move(job), Pool::kTransfer);
  }

  Result<Usage> ReadUsage() override {
    Usage usage;
    usage.memory_peak_bytes = counters_.MemoryPeak();
    usage.cpu = counters_.Cpu();
    usage.oom_kills = counters_.OomKills();
    usage.throttled = counters_.Throttled();
    struct statvfs st {};
    if (::fstatvfs(parts_.workspace->disk(), &st) == 0)
      usage.disk_bytes = (st.f_blocks - st.f_bfree) * st.f_frsize;
    return usage;
  }

  Task<Result<Snapshot>> TakeSnapshot(Deadline deadline) override {
    auto possible = CanChangeWorkspace();
    if (!possible) co_return tl::unexpected(possible.error());
    auto job = [this, pid = MountsPid(), deadline] {
      return parts_.workspace->Freeze(pid, deadline);
    };
    co_return co_await reactor_.Blocking(std::move(job));
  }

  Task<Status> Restore(Snapshot snapshot, Deadline deadline) override {
    auto possible = CanChangeWorkspace();
    if (!possible) co_return possible;
    auto job = [this, pid = MountsPid(), snapshot, deadline] {
      return parts_.workspace->Restore(snapshot, pid, deadline);
    };
    co_return co_await reactor_.Blocking(std::move(job));
  }

  Task<Result<PackedLayer>> PackLayer(Snapshot snapshot, fs::path tar, Deadline) override {
    auto job = [layer = snapshot.layers.front(), tar] { return PackTopLayer(layer, tar); };
    co_return co_await reactor_.Blocking(std::move(job), Pool::kTransfer);
  }

  Task<Result<Snapshot>> AddLayer(Snapshot below, fs::path tar, Deadline) override {
    auto possible = CanChangeWorkspace();
    if (!possible) co_return tl::unexpected(possible.error());
    auto job = [this, below, tar, number = added_layers_++] {
      auto fill = [&tar](const fs::path& dir, std::uint32_t first) {
        return UnpackLayer(tar, dir, first);
      };
      return parts_.workspace->AddLayer(below, fill, number);
    };
    co_return co_await reactor_.Blocking(std::move(job), Pool::kTransfer);
  }

  Task<Status> DropLayers(std::vector<Snapshot::Layer> layers) override {
    if (!CanChangeWorkspace()) co_return Status{};
    auto job = [this, layers = std::move(layers)]() -> Status {
      parts_.workspace->Drop(layers);
      return {};
    };
    co_return co_await reactor_.Blocking(std::move(job));
  }

  Task<Result<UniqueFd>> Listen(std::uint16_t port, Deadline deadline) override {
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    if (broken_) co_return tl::unexpected(InitIsGone().error());
    if (!parts_.relays) co_return co_await channel_.Listen(port, deadline);
    std::string name = std::to_string(port);
    auto listener = ListenAt(parts_.paths.sockets() / name, kRelayQueue);
    if (!listener) co_return tl::unexpected(listener.error());
    auto relayed = co_await channel_.Relay(port, "/.podium/" + name, deadline);
    if (!relayed) co_return tl::unexpected(relayed.error());
    co_return std::move(*listener);
  }

  const IsolationRecord& isolation() const override { return parts_.isolation; }

  Task<Status> Seal(Deadline deadline) override {
    if (sealed_) co_return Status{};
    sealed_ = true;
    auto job = [groups = groups_, fd = parts_.pidfd.get(), freeze = parts_.can_freeze,
                deadline]() -> Status {
      // Nothing runs between the first and the last kill.
      auto frozen = freeze ? FreezeGroups(groups, deadline) : Status{};
      ::syscall(SYS_pidfd_send_signal, fd, SIGKILL, nullptr, 0);
      KillGroups(groups);
      ThawGroups(groups);
      return frozen;
    };
    auto killed = co_await reactor_.Blocking(std::move(job));
    if (!killed) co_return killed;
    asio::posix::stream_descriptor ended(reactor_.io(),
                                         ::fcntl(parts_.pidfd.get(), F_DUPFD_CLOEXEC, 3));
    Alarm alarm(reactor_, deadline, [&ended] { ended.cancel(); });
    error_code ec;
    co_await ended.async_wait(asio::posix::descriptor_base::wait_read,
                              asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return Fail(ErrorCode::kTimeout, "the container's processes did not end");
    co_return Status{};
  }

  Task<Status> TakeRoot(fs::path tar, Deadline) override {
    if (!spec_.own_root || !sealed_ || !parts_.ids)
      co_return Fail(ErrorCode::kUsage, "a root is taken of a sealed sandbox that owns it");
    LayerPacking layer{
        .first_id = parts_.ids->first(),
        .left_out = {"home", "tmp", "dev", "proc", "sys", ".podium-init", ".podium"}};
    auto job = [upper = parts_.paths.base / "disk" / "upper", tar, layer] {
      return sandbox::PackLayer(upper, tar, layer);
    };
    co_return co_await reactor_.Blocking(std::move(job), Pool::kTransfer);
  }

  Task<Status> Destroy(Deadline deadline) override {
    sealed_ = true;
    channel_.Shutdown();
    channel_.Close();
    KillInit();
    auto job = [this, deadline] {
      parts_.workspace->Close();
      auto removed = parts_.remove(parts_.paths, deadline);
      siginfo_t ignored{};  // where init is our own child
      if (parts_.pidfd)
        ::waitid(P_PIDFD, static_cast<id_t>(parts_.pidfd.get()), &ignored, WEXITED | WNOHANG);
      return removed;
    };
    auto removed = co_await reactor_.Blocking(std::move(job));
    if (removed) parts_.ids.reset();
    co_return removed;
  }

 private:
  // For the knock-out run alone: what a backend does that passes its environment on.
  void AddOwnEnvironment() {
    for (char** e = environ; *e; ++e) {
      std::string_view entry = *e;
      std::size_t at = entry.find('=');
      if (at != std::string_view::npos)
        spec_.env.emplace_back(entry.substr(0, at), entry.substr(at + 1));
    }
  }

  void KillInit() {
    if (parts_.pidfd) ::syscall(SYS_pidfd_send_signal, parts_.pidfd.get(), SIGKILL, nullptr, 0);
  }

  // Whose mounts follow the workspace's; 0 when there is nobody left in there.
  [[nodiscard]] int MountsPid() const { return sealed_ || broken_ ? 0 : parts_.init_pid; }

  Status CanChangeWorkspace() const {
    if (jobs_.count() > 0 && !sealed_ && !broken_)
      return Fail(ErrorCode::kBusy, "a job in the background works in the workspace");
    if (parts_.own_mounts || sealed_ || broken_) return {};
    return Fail(ErrorCode::kUnavailable,
                parts_.isolation.backend +
                    " cannot change a running container's mounts; begin a new sandbox on the "
                    "snapshot instead");
  }

  // A duplicate of the held descriptor: the copy may outlive a cancelled caller.
  [[nodiscard]] std::shared_ptr<UniqueFd> HoldHome() const {
    return std::make_shared<UniqueFd>(::fcntl(parts_.workspace->root(), F_DUPFD_CLOEXEC, 3));
  }

  static Status InitIsGone() {
    Error gone{ErrorCode::kSandbox, "the container's init is gone"};
    return tl::unexpected(std::move(gone).With(kAgentsFault.first, kAgentsFault.second));
  }

  // Before anything of an agent ran in here, nothing is its fault; afterwards a silent init is.
  [[nodiscard]] Status Blamed(Status put, bool init_gone = false) const {
    if (put) return put;
    std::erase(put.error().context, kAgentsFault);
    // Nothing of an agent runs meanwhile: that init is slow is the host's affair.
    if (!acted_ || (init_gone && put.error().code == ErrorCode::kTimeout)) return put;
    put.error().context.push_back(kAgentsFault);
    return put;
  }

  // Runs beside a command until it is cancelled, and does what init may be kept from: after the
  // deadline everything but init is killed from outside; so it is where locks grow without end.
  Task<void> Watch(const MovingDeadline& until) {
    bool count = parts_.can_freeze && !spec_.without.contains(Mitigation::kLockLimit);
    for (;;) {
      Deadline overdue = until.Now(kOverdue);
      Deadline step = Deadline::In(kLockCountStep).Earlier(overdue);
      if (overdue.expired()) step = Deadline::In(kOverdue);
      co_await SleepUntil(step);
      if (co_await Cancelled()) co_return;
      auto job = [groups = groups_, pid = parts_.init_pid, count, freeze = parts_.can_freeze,
                  late = until.Now(kOverdue).expired()] {
        bool locks = count && CountLocks(pid, groups, kMostLocks) >= kMostLocks;
        if (freeze && (locks || late)) KillOthers(groups, pid);
        return locks;
      };
      too_many_locks_ = co_await reactor_.Blocking(std::move(job)) || too_many_locks_;
    }
  }

  static Task<bool> Cancelled() {
    auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
  }

  // Init does not answer any more: nothing of the container goes on.
  Task<void> GiveUpInit() {
    broken_ = true;
    KillInit();
    auto job = [groups = groups_] {
      KillGroups(groups);
      return true;
    };
    co_await reactor_.Blocking(std::move(job));
  }

  [[nodiscard]] JobList::Counted Count() const {
    return {counters_.OomKills(), counters_.ForkRefusals()};
  }
  [[nodiscard]] ExecSigns SeenSince(JobList::Counted before) const {
    return {.oom = counters_.OomKills() > before.ooms,
            .refused = counters_.ForkRefusals() > before.refusals,
            .locks = too_many_locks_};
  }

  // What init has told of jobs meanwhile; where it is gone, all of them are.
  void HearOfJobs() {
    auto full = [this] { return parts_.workspace->DiskFull(); };
    for (const wire::JobEnd& told : channel_.TakeEndedJobs()) {
      const auto* job = jobs_.Find(static_cast<int>(told.id));
      if (job) jobs_.End(told, SeenSince(job->before), full);
    }
    if (!broken_) return;
    for (int job : jobs_.numbers()) jobs_.Lose(job);
  }

  Reactor& reactor_;
  ContainerParts parts_;
  SandboxSpec spec_;
  InitChannel channel_;
  std::vector<CgroupDir> groups_;
  CgroupCounters counters_;
  JobList jobs_;
  int added_layers_ = 0;
  bool sealed_ = false;
  bool broken_ = false;          // init is gone, by the agent's doing
  bool acted_ = false;           // something of an agent's ran in here, or what it left is here
  bool too_many_locks_ = false;  // of the command under way
};

}  // namespace

Task<Result<std::unique_ptr<Sandbox>>> StartContained(Reactor& reactor, ContainerParts parts,
                                                      SandboxSpec spec, Deadline deadline) {
  spec.env.insert(spec.env.end(), spec.gpus.env.begin(), spec.gpus.env.end());
  auto made = std::make_unique<ContainedSandbox>(reactor, std::move(parts), std::move(spec));
  auto ready = co_await made->WaitReady(deadline);
  if (ready) co_return std::unique_ptr<Sandbox>(std::move(made));
  Deadline last = Deadline::In(kRemovalTime);
  auto destroyed = co_await made->Destroy(last);
  if (!destroyed) LogError(destroyed.error().message);
  co_return tl::unexpected(ready.error());
}

}  // namespace podium::sandbox
