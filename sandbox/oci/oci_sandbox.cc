#include <fcntl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <cstring>
#include <optional>

#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "sandbox/handover.h"
#include "sandbox/init/protocol.h"
#include "sandbox/oci/cgroup.h"
#include "sandbox/oci/config.h"
#include "sandbox/oci/host_paths.h"
#include "sandbox/oci/mounts.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using boost::system::error_code;
using Socket = asio::local::stream_protocol::socket;

// Beyond a command's deadline, how long init may take to report that everything was killed.
constexpr auto kKillGrace = std::chrono::seconds(20);

std::string RuncRoot() { return std::string(kHostDir) + "/runc"; }

void PutNumber(std::string& out, std::uint32_t n) {
  out.append(reinterpret_cast<const char*>(&n), 4);
}
void PutText(std::string& out, std::string_view text) {
  PutNumber(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

std::string Frame(wire::Type type, const std::string& payload) {
  wire::Header h{type, static_cast<std::uint32_t>(payload.size())};
  return std::string(reinterpret_cast<const char*>(&h), sizeof h) + payload;
}

// Keeps the first and last bytes of a command's output.
class OutputKeeper {
 public:
  OutputKeeper(std::size_t head, std::size_t tail) : head_cap_(head), tail_cap_(tail) {}
  void Add(std::string_view bytes) {
    total_ += bytes.size();
    std::size_t take = std::min(bytes.size(), head_cap_ - head_.size());
    head_ += bytes.substr(0, take);
    tail_ += bytes.substr(take);
    if (tail_.size() > 2 * tail_cap_ + 65536) tail_.erase(0, tail_.size() - tail_cap_);
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  std::string Take() {
    if (tail_.size() > tail_cap_) tail_.erase(0, tail_.size() - tail_cap_);
    std::uint64_t lost = total_ - head_.size() - tail_.size();
    if (lost > 0) head_ += "\n... (" + std::to_string(lost) + " bytes left out) ...\n";
    return head_ + tail_;
  }

 private:
  std::size_t head_cap_, tail_cap_;
  std::string head_, tail_;
  std::uint64_t total_ = 0;
};

// What Create has made so far; handed to the sandbox when complete.
struct Parts {
  HostPaths paths;
  std::optional<IdRange> ids;
  UniqueFd host_socket;
  UniqueFd pidfd;
  UniqueFd upper;  // the writable layer's folder, held since it was made
  int init_pid = 0;
  std::string disk;
};

Status Launch(Parts& parts, const SandboxSpec& spec, const std::string& seccomp,
              Deadline deadline) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return FailErrno(ErrorCode::kSandbox, "socketpair", errno);
  parts.host_socket = UniqueFd(pair[0]);
  UniqueFd inner(pair[1]);
  std::error_code ec;
  fs::path init = parts.paths.base / "podium-init";
  if (!fs::copy_file(ProgramDir() / "podium-init", init, ec))
    return FailErrno(ErrorCode::kSandbox, "cannot copy " + (ProgramDir() / "podium-init").string(),
                     ec.value());
  fs::permissions(init, fs::perms(0555), ec);
  PODIUM_ASSIGN(auto config, MakeOciConfig(parts.paths, spec, parts.ids->first(), seccomp));
  PODIUM_TRY(WriteFileAtomic(parts.paths.base / "config.json", config));
  fs::path pid_file = parts.paths.base / "pid";
  ProcessSpec runc;
  runc.argv = {"runc",       "--root",          RuncRoot(),
               "run",        "--detach",        "--preserve-fds",
               "1",          "--bundle",        parts.paths.base.string(),
               "--pid-file", pid_file.string(), parts.paths.id};
  runc.pass_fds = {{3, inner.get()}};
  auto ran = RunTool(runc, deadline);
  if (!ran) return Fail(ErrorCode::kSandbox, "the container did not start: " + ran.error().message);
  PODIUM_ASSIGN(auto pid_text, ReadFile(pid_file, 64));
  parts.init_pid = std::atoi(pid_text.c_str());
  parts.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, parts.init_pid, 0)));
  if (!parts.pidfd)
    return FailErrno(ErrorCode::kSandbox, "pidfd_open of the container's init", errno);
  return {};
}

// Everything that blocks between the spec and a running init.
Result<Parts> MakeParts(const SandboxSpec& spec, Deadline deadline) {
  Parts parts;
  parts.paths = HostPaths::For(spec.state_dir, spec.id);
  PODIUM_ASSIGN(auto seccomp,
                ReadFile(ShareDir() / "configs" / "sandboxes" / "seccomp.json", 1 << 20));
  PODIUM_TRY(MakeDirs(spec.state_dir));
  PODIUM_TRY(WriteRecord(parts.paths));
  auto made = [&]() -> Status {
    PODIUM_ASSIGN(auto ids, IdRange::Take());
    parts.ids.emplace(std::move(ids));
    PODIUM_ASSIGN(parts.disk, MakeFileSystems(parts.paths, spec, *parts.ids, deadline));
    parts.upper = UniqueFd(::open((parts.paths.base / "disk" / "upper").c_str(),
                                  O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!parts.upper)
      return FailErrno(ErrorCode::kSandbox, "cannot hold the writable layer", errno);
    return Launch(parts, spec, seccomp, deadline);
  }();
  if (made) return parts;
  if (auto removed = RemoveSandbox(parts.paths, Deadline::In(std::chrono::seconds(60))); !removed)
    LogError(removed.error().message);
  return tl::unexpected(made.error());
}

class OciSandbox final : public Sandbox {
 public:
  OciSandbox(Reactor& reactor, Parts parts, SandboxSpec spec, IsolationRecord isolation)
      : reactor_(reactor),
        parts_(std::move(parts)),
        spec_(std::move(spec)),
        isolation_(std::move(isolation)),
        socket_(reactor.io()),
        counters_(CgroupsOf(parts_.init_pid)) {
    socket_.assign(asio::local::stream_protocol(), parts_.host_socket.release());
  }

  ~OciSandbox() override {
    if (parts_.pidfd) ::syscall(SYS_pidfd_send_signal, parts_.pidfd.get(), SIGKILL, nullptr, 0);
  }

  Task<Status> WaitReady(Deadline deadline) {
    auto frame = co_await ReadFrame(deadline);
    if (!frame) co_return tl::unexpected(frame.error());
    if (frame->first != wire::kReady)
      co_return Fail(ErrorCode::kSandbox, "podium-init did not say that it is ready");
    for (const char* controller : {"memory", "pids"}) {
      if (counters_.Enforces(controller)) continue;
      if (!spec_.allow_unenforced) {
        co_return Fail(ErrorCode::kUnavailable,
                       std::string("this host has no ") + controller +
                           " cgroup controller, so that limit cannot be enforced; set "
                           "allow_unenforced to go on without it");
      }
      isolation_.not_enforced.emplace_back(controller);
    }
    co_return Status{};
  }

  Task<Result<ExecResult>> Exec(ExecSpec spec, Deadline deadline) override {
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    std::uint64_t ooms = counters_.OomKills(), refusals = counters_.ForkRefusals();
    auto started = std::chrono::steady_clock::now();
    std::string frame = ExecFrame(spec);
    auto sent = co_await Write(std::move(frame), Deadline::In(std::chrono::seconds(60)));
    if (!sent) co_return tl::unexpected(sent.error());
    // At the deadline init is told to kill; its answer is the command's end like any other.
    bool timed_out = false;
    asio::steady_timer killer(reactor_.io(), deadline.at());
    killer.async_wait([this, &timed_out](error_code ec) {
      if (ec) return;
      timed_out = true;
      Kill();
    });
    OutputKeeper output(spec.output_head_bytes, spec.output_tail_bytes);
    auto status = co_await ReadUntilExit(output, Deadline(deadline.at() + kKillGrace));
    killer.cancel();
    ExecResult result;
    result.wall = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started);
    result.output_bytes = output.total();
    result.output = output.Take();
    if (!status) {
      if (counters_.OomKills() == ooms) co_return tl::unexpected(status.error());
      broken_ = true;  // the kernel chose init itself
      result.end = ExecEnd::kMemoryLimit;
      co_return result;
    }
    Classify(result, *status, timed_out, counters_.OomKills() > ooms,
             counters_.ForkRefusals() > refusals);
    co_return result;
  }

  Task<Status> PutFile(std::string inside, std::string bytes, unsigned mode,
                       Deadline deadline) override {
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    std::string payload;
    PutText(payload, inside);
    PutNumber(payload, mode);
    PutText(payload, bytes);
    auto sent = co_await Write(Frame(wire::kPut, payload), deadline);
    if (!sent) co_return sent;
    auto frame = co_await ReadFrame(deadline);
    if (!frame) co_return tl::unexpected(frame.error());
    std::int32_t error = 0;
    if (frame->first != wire::kPutDone || frame->second.size() != 4)
      co_return Fail(ErrorCode::kSandbox, "podium-init gave an unexpected answer");
    std::memcpy(&error, frame->second.data(), 4);
    if (error != 0)
      co_return FailErrno(ErrorCode::kSandbox, "cannot write " + inside + " in the sandbox", error);
    co_return Status{};
  }

  Task<Result<TakenFile>> TakeFile(std::string inside, fs::path to, std::uint64_t max_bytes,
                                   Deadline) override {
    // The held descriptor is duplicated: the copy may outlive a cancelled caller.
    auto root = std::make_shared<UniqueFd>(::fcntl(parts_.upper.get(), F_DUPFD_CLOEXEC, 3));
    std::string relative = inside.substr(inside.find_first_not_of('/'));
    auto job = [root, relative, to, max_bytes] {
      return TakeBeneath(root->get(), relative, to, max_bytes);
    };
    co_return co_await reactor_.Blocking(std::move(job));
  }

  Result<Usage> ReadUsage() override {
    Usage usage;
    usage.memory_peak_bytes = counters_.MemoryPeak();
    usage.cpu = counters_.Cpu();
    usage.oom_kills = counters_.OomKills();
    struct statvfs st {};
    if (::fstatvfs(parts_.upper.get(), &st) == 0)
      usage.disk_bytes = (st.f_blocks - st.f_bfree) * st.f_frsize;
    return usage;
  }

  const IsolationRecord& isolation() const override { return isolation_; }

  Task<Status> Seal(Deadline deadline) override {
    if (sealed_) co_return Status{};
    sealed_ = true;
    auto job = [paths = parts_.paths, deadline] { return FreezeAndKill(paths, deadline); };
    auto sealed = co_await reactor_.Blocking(std::move(job));
    if (!sealed) co_return sealed;
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
    error_code ignored;
    socket_.close(ignored);
    if (parts_.pidfd) ::syscall(SYS_pidfd_send_signal, parts_.pidfd.get(), SIGKILL, nullptr, 0);
    parts_.upper.reset();
    auto job = [paths = parts_.paths, deadline] { return RemoveSandbox(paths, deadline); };
    auto removed = co_await reactor_.Blocking(std::move(job));
    if (removed) parts_.ids.reset();
    co_return removed;
  }

 private:
  static Status FreezeAndKill(const HostPaths& paths, Deadline deadline) {
    for (const char* verb : {"pause", "kill", "resume"}) {
      ProcessSpec runc;
      runc.argv = {"runc", "--root", RuncRoot(), verb, paths.id};
      if (std::string_view(verb) == "kill")
        runc.argv = {"runc", "--root", RuncRoot(), "kill", "--all", paths.id, "KILL"};
      auto done = RunTool(runc, deadline);
      // The init may be gone already (the kernel killed it for memory): then so is everything in
      // its pid namespace.
      if (!done && done.error().code == ErrorCode::kTimeout) return tl::unexpected(done.error());
    }
    return {};
  }

  void Kill() {
    std::string frame = Frame(wire::kKill, "");
    ::send(socket_.native_handle(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  std::string ExecFrame(const ExecSpec& spec) const {
    std::string payload;
    PutNumber(payload, static_cast<std::uint32_t>(spec.argv.size()));
    for (const auto& a : spec.argv) PutText(payload, a);
    PutNumber(payload, static_cast<std::uint32_t>(spec_.env.size() + spec.env.size()));
    for (const auto* env : {&spec_.env, &spec.env}) {
      for (const auto& [key, value] : *env) PutText(payload, key + "=" + value);
    }
    PutText(payload, spec.cwd);
    PutText(payload, spec.stdin_data);
    return Frame(wire::kExec, payload);
  }

  Task<Status> Write(std::string frame, Deadline deadline) {
    if (broken_) co_return Fail(ErrorCode::kSandbox, "the container's init is gone");
    asio::steady_timer timer(reactor_.io(), deadline.at());
    timer.async_wait([this](error_code ec) {
      error_code ignored;
      if (!ec) socket_.cancel(ignored);
    });
    error_code ec;
    co_await asio::async_write(socket_, asio::buffer(frame),
                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec)
      co_return Fail(ErrorCode::kSandbox, "cannot reach the container's init: " + ec.message());
    co_return Status{};
  }

  Task<Result<std::pair<std::uint32_t, std::string>>> ReadFrame(Deadline deadline) {
    asio::steady_timer timer(reactor_.io(), deadline.at());
    bool late = false;
    timer.async_wait([this, &late](error_code ec) {
      error_code ignored;
      if (ec) return;
      late = true;
      socket_.cancel(ignored);
    });
    error_code ec;
    wire::Header header{};
    std::string payload;
    co_await asio::async_read(socket_, asio::buffer(&header, sizeof header),
                              asio::redirect_error(asio::use_awaitable, ec));
    if (!ec && header.size > wire::kMaxPayload)
      co_return Fail(ErrorCode::kSandbox, "podium-init sent a frame out of bounds");
    if (!ec) {
      payload.resize(header.size);
      co_await asio::async_read(socket_, asio::buffer(payload),
                                asio::redirect_error(asio::use_awaitable, ec));
    }
    if (ec)
      co_return Fail(late ? ErrorCode::kTimeout : ErrorCode::kSandbox,
                     "the container's init did not answer: " + ec.message());
    co_return std::pair<std::uint32_t, std::string>(header.type, std::move(payload));
  }

  // The leader's wait status.
  Task<Result<int>> ReadUntilExit(OutputKeeper& output, Deadline deadline) {
    for (;;) {
      auto frame = co_await ReadFrame(deadline);
      if (!frame) co_return tl::unexpected(frame.error());
      if (frame->first == wire::kOutput) output.Add(frame->second);
      if (frame->first != wire::kExit || frame->second.size() != 4) continue;
      std::int32_t status = 0;
      std::memcpy(&status, frame->second.data(), 4);
      co_return status;
    }
  }

  [[nodiscard]] bool DiskFull() const {
    struct statvfs st {};
    if (::fstatvfs(parts_.upper.get(), &st) != 0) return false;
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
  Parts parts_;
  SandboxSpec spec_;
  IsolationRecord isolation_;
  Socket socket_;
  CgroupCounters counters_;
  bool sealed_ = false;
  bool broken_ = false;
};

class OciBackend final : public Backend {
 public:
  OciBackend(Reactor& reactor, std::string version)
      : reactor_(reactor), version_(std::move(version)) {}

  Task<Result<std::unique_ptr<Sandbox>>> Create(SandboxSpec spec, Deadline deadline) override {
    auto job = [spec, deadline] { return MakeParts(spec, deadline); };
    auto parts = co_await reactor_.Blocking(std::move(job));
    if (!parts) co_return tl::unexpected(parts.error());
    IsolationRecord isolation;
    isolation.backend = "oci:" + version_;
    DescribeIsolation(spec, parts->disk, isolation);
    auto made =
        std::make_unique<OciSandbox>(reactor_, std::move(*parts), spec, std::move(isolation));
    auto ready = co_await made->WaitReady(deadline);
    if (!ready) {
      Deadline last = Deadline::In(std::chrono::seconds(60));
      auto destroyed = co_await made->Destroy(last);
      if (!destroyed) LogError(destroyed.error().message);
      co_return tl::unexpected(ready.error());
    }
    co_return std::unique_ptr<Sandbox>(std::move(made));
  }

 private:
  Reactor& reactor_;
  std::string version_;
};

}  // namespace

Result<std::unique_ptr<Backend>> MakeOciBackend(Reactor& reactor) {
  for (const auto& check : CheckHost()) {
    if (check.required && !check.ok)
      return Fail(ErrorCode::kUnavailable, check.name + ": " + check.found + ". " + check.advice +
                                               " (`podium doctor` shows all checks)");
  }
  ProcessSpec runc;
  runc.argv = {"runc", "--version"};
  PODIUM_ASSIGN(auto text, RunTool(runc, Deadline::In(std::chrono::seconds(20))));
  std::string first(Split(text, '\n').front());
  std::size_t space = first.rfind(' ');
  return std::make_unique<OciBackend>(
      reactor, "runc " + first.substr(space == std::string::npos ? 0 : space + 1));
}

}  // namespace podium::sandbox
