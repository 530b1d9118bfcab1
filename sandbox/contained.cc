#include "sandbox/contained.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "base/log.h"
#include "sandbox/host/delegation.h"
#include "sandbox/host/handover.h"
#include "sandbox/host/rootless.h"
#include "sandbox/host/unix_socket.h"

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
        groups_(OwnGroups(CgroupsOf(parts_.init_pid), parts_.cgroup_name)),
        counters_(groups_) {
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
    co_return Status{};
  }

  Task<Result<ExecResult>> Exec(ExecSpec spec, Deadline deadline) override {
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    if (broken_) co_return Fail(ErrorCode::kSandbox, "the container's init is gone");
    if (spec_.without.contains(Mitigation::kOutputCap))
      spec.output_head_bytes = std::size_t{1} << 30;
    if (spec_.without.contains(Mitigation::kDeadline))
      deadline = Deadline(deadline.at() + std::chrono::seconds(15));
    std::uint64_t ooms = counters_.OomKills(), refusals = counters_.ForkRefusals();
    auto started = std::chrono::steady_clock::now();
    auto ended = co_await channel_.Exec(spec, spec_.env, deadline);
    ExecResult result;
    result.wall = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started);
    bool oom = counters_.OomKills() > ooms, refused = counters_.ForkRefusals() > refusals;
    if (!ended) {
      if (!oom && !refused) co_return tl::unexpected(ended.error());
      broken_ = true;  // the kernel chose init itself
      result.end = oom ? ExecEnd::kMemoryLimit : ExecEnd::kPidLimit;
      co_return result;
    }
    result.output = std::move(ended->output);
    result.output_bytes = ended->output_bytes;
    Classify(result, ended->status, ended->timed_out, oom, refused);
    co_return result;
  }

  Task<Status> PutFile(std::string inside, std::string bytes, unsigned mode,
                       Deadline deadline) override {
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    co_return co_await channel_.Put(std::move(inside), std::move(bytes), mode, deadline);
  }

  Task<Result<TakenFile>> TakeFile(std::string inside, fs::path to, std::uint64_t max_bytes,
                                   Deadline) override {
    constexpr std::string_view kHome = "/home/";
    if (!inside.starts_with(kHome))
      co_return Fail(ErrorCode::kUsage, "files are taken from /home alone, not " + inside);
    // The held descriptor is duplicated: the copy may outlive a cancelled caller.
    auto root = std::make_shared<UniqueFd>(::fcntl(parts_.workspace->root(), F_DUPFD_CLOEXEC, 3));
    std::string relative = inside.substr(kHome.size());
    bool guarded = !spec_.without.contains(Mitigation::kGuardedHandOver);
    fs::path naive = parts_.paths.base / "home" / relative;
    auto job = [root, relative, to, max_bytes, guarded, naive]() -> Result<TakenFile> {
      if (guarded) return TakeBeneath(root->get(), relative, to, max_bytes);
      return TakeByPath(naive, to);
    };
    co_return co_await reactor_.Blocking(std::move(job));
  }

  Result<Usage> ReadUsage() override {
    Usage usage;
    usage.memory_peak_bytes = counters_.MemoryPeak();
    usage.cpu = counters_.Cpu();
    usage.oom_kills = counters_.OomKills();
    struct statvfs st {};
    if (::fstatvfs(parts_.workspace->disk(), &st) == 0)
      usage.disk_bytes = (st.f_blocks - st.f_bfree) * st.f_frsize;
    return usage;
  }

  Task<Result<Snapshot>> TakeSnapshot(Deadline) override {
    auto possible = CanChangeWorkspace();
    if (!possible) co_return tl::unexpected(possible.error());
    int pid = sealed_ ? 0 : parts_.init_pid;
    auto job = [this, pid] { return parts_.workspace->Freeze(pid); };
    co_return co_await reactor_.Blocking(std::move(job));
  }

  Task<Status> Restore(Snapshot snapshot, Deadline) override {
    auto possible = CanChangeWorkspace();
    if (!possible) co_return possible;
    int pid = sealed_ ? 0 : parts_.init_pid;
    auto job = [this, pid, snapshot] { return parts_.workspace->Restore(snapshot, pid); };
    co_return co_await reactor_.Blocking(std::move(job));
  }

  Task<Result<UniqueFd>> Listen(std::uint16_t port, Deadline deadline) override {
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
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
    asio::steady_timer timer(reactor_.io(), deadline.at());
    timer.async_wait([&ended](error_code ec) {
      if (!ec) ended.cancel();
    });
    error_code ec;
    co_await ended.async_wait(asio::posix::descriptor_base::wait_read,
                              asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return Fail(ErrorCode::kTimeout, "the container's processes did not end");
    co_return Status{};
  }

  Task<Status> Destroy(Deadline deadline) override {
    sealed_ = true;
    channel_.Shutdown();
    channel_.Close();
    KillInit();
    auto job = [this, deadline] {
      parts_.workspace->Close();
      auto removed = RemoveSandbox(parts_.paths, deadline);
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

  // Groups that are this container's alone: killing or freezing another's would stop the host.
  static std::vector<CgroupDir> OwnGroups(std::vector<CgroupDir> all, const std::string& name) {
    std::erase_if(all, [&](const CgroupDir& d) {
      return name.empty() || d.dir.filename().string().find(name) == std::string::npos;
    });
    return all;
  }

  void KillInit() {
    if (parts_.pidfd) ::syscall(SYS_pidfd_send_signal, parts_.pidfd.get(), SIGKILL, nullptr, 0);
  }

  Status CanChangeWorkspace() const {
    if (broken_) return Fail(ErrorCode::kSandbox, "the container's init is gone");
    if (parts_.own_mounts || sealed_) return {};
    return Fail(ErrorCode::kUnavailable,
                parts_.isolation.backend +
                    " cannot change a running container's mounts; begin a new sandbox on the "
                    "snapshot instead");
  }

  [[nodiscard]] bool DiskFull() const {
    struct statvfs st {};
    if (::fstatvfs(parts_.workspace->disk(), &st) != 0) return false;
    return st.f_bavail * st.f_frsize < (std::uint64_t{1} << 20) || st.f_favail < 8;
  }

  void Classify(ExecResult& result, int status, bool timed_out, bool oom, bool refused) const {
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    bool failed = result.exit_code != 0;
    result.end = WIFSIGNALED(status) ? ExecEnd::kSignalled : ExecEnd::kExited;
    if (timed_out) {
      result.end = refused ? ExecEnd::kPidLimit : ExecEnd::kTimeLimit;
    } else if (oom && failed) {
      result.end = ExecEnd::kMemoryLimit;
    } else if (refused && failed) {
      result.end = ExecEnd::kPidLimit;
    } else if (failed && DiskFull()) {
      result.end = ExecEnd::kDiskLimit;
    }
  }

  Reactor& reactor_;
  ContainerParts parts_;
  SandboxSpec spec_;
  InitChannel channel_;
  std::vector<CgroupDir> groups_;
  CgroupCounters counters_;
  bool sealed_ = false;
  bool broken_ = false;
};

}  // namespace

Task<Result<std::unique_ptr<Sandbox>>> StartContained(Reactor& reactor, ContainerParts parts,
                                                      SandboxSpec spec, Deadline deadline) {
  spec.env.insert(spec.env.end(), spec.gpus.env.begin(), spec.gpus.env.end());
  auto made = std::make_unique<ContainedSandbox>(reactor, std::move(parts), std::move(spec));
  auto ready = co_await made->WaitReady(deadline);
  if (ready) co_return std::unique_ptr<Sandbox>(std::move(made));
  Deadline last = Deadline::In(std::chrono::seconds(60));
  auto destroyed = co_await made->Destroy(last);
  if (!destroyed) LogError(destroyed.error().message);
  co_return tl::unexpected(ready.error());
}

}  // namespace podium::sandbox
