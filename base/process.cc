#include "base/process.h"

#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/process/args.hpp>
#include <boost/process/async_pipe.hpp>
#include <boost/process/child.hpp>
#include <boost/process/env.hpp>
#include <boost/process/exe.hpp>
#include <boost/process/extend.hpp>
#include <boost/process/io.hpp>
#include <boost/process/posix.hpp>
#include <boost/process/start_dir.hpp>
#include <cerrno>
#include <cstdlib>

#include "base/deadlines.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace podium {
namespace {

namespace bp = boost::process;
namespace asio = boost::asio;

// Keeps the last `cap` bytes of a pipe.
class Tail {
 public:
  Tail(asio::io_context& io, std::size_t cap) : pipe(io), cap_(cap) {}
  void Start() {
    pipe.async_read_some(asio::buffer(buffer_),
                         [this](boost::system::error_code ec, std::size_t n) {
                           text_.append(buffer_.data(), n);
                           if (text_.size() > 2 * cap_) text_.erase(0, text_.size() - cap_);
                           if (ec) {
                             done = true;
                           } else {
                             Start();
                           }
                         });
  }
  std::string Take() {
    if (text_.size() > cap_) text_.erase(0, text_.size() - cap_);
    return std::move(text_);
  }
  bp::async_pipe pipe;
  bool done = false;

 private:
  std::size_t cap_;
  std::array<char, 16384> buffer_{};
  std::string text_;
};

// Runs in the child before exec: a process group of its own, and the descriptors to pass on in
// their places. Every other one, inherited from whoever started Podium too, closes at exec.
struct ChildSetup : bp::extend::handler {
  explicit ChildSetup(const std::vector<std::pair<int, int>>& f) : fds(f) {}
  template <class Executor>
  void on_exec_setup(Executor&) const {
    ::setpgid(0, 0);
    ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    // First move the sources out of the way of the targets, then put each in its place without
    // close-on-exec.
    int high[16];
    std::size_t n = std::min<std::size_t>(fds.size(), 16);
    for (std::size_t i = 0; i < n; ++i) high[i] = ::fcntl(fds[i].second, F_DUPFD_CLOEXEC, 100);
    for (std::size_t i = 0; i < n; ++i) ::dup2(high[i], fds[i].first);
  }
  const std::vector<std::pair<int, int>>& fds;
};

bp::environment MakeEnvironment(const ProcessSpec& spec) {
  if (!spec.env) return boost::this_process::environment();
  bp::environment env;
  for (const auto& [key, value] : *spec.env) env[key] = value;
  return env;
}

struct Running {
  asio::io_context io;
  Tail out;
  Tail err;
  bp::child child;
  explicit Running(std::size_t cap) : out(io, cap), err(io, cap) {}
};

// Runs the event loop until the child ended and its pipes closed (a grandchild may hold them: 200
// ms of grace), the deadline, or the caller's stop.
bool PumpUntilExit(Running& r, int pidfd, int stop_fd, Deadline deadline) {
  asio::posix::stream_descriptor exit_watch(r.io, ::fcntl(pidfd, F_DUPFD_CLOEXEC, 3));
  asio::posix::stream_descriptor stop_watch(r.io);
  asio::steady_timer timer(r.io, deadline.at());
  bool exited = false;
  bool timed_out = false;
  exit_watch.async_wait(asio::posix::descriptor_base::wait_read, [&](auto ec) { exited = !ec; });
  timer.async_wait([&](auto ec) { timed_out = timed_out || !ec; });
  if (stop_fd >= 0) {
    stop_watch.assign(::fcntl(stop_fd, F_DUPFD_CLOEXEC, 3));
    stop_watch.async_wait(asio::posix::descriptor_base::wait_read,
                          [&](auto ec) { timed_out = timed_out || !ec; });
  }
  r.out.Start();
  r.err.Start();
  while (!exited && !timed_out) r.io.run_one();
  if (timed_out) ::kill(-r.child.id(), SIGKILL);
  auto grace = SteadyNow() + (timed_out ? kKillGrace : kPipeGrace);
  while (!(exited && r.out.done && r.err.done) && SteadyNow() < grace) r.io.run_one_until(grace);
  r.out.pipe.close();
  r.err.pipe.close();
  exit_watch.close();
  stop_watch.close();
  timer.cancel();
  r.io.poll();
  return timed_out;
}

}  // namespace

std::filesystem::path FindProgram(std::string_view name) {
  if (name.find('/') != std::string_view::npos) return std::filesystem::path(name);
  const char* path = std::getenv("PATH");
  std::string all =
      std::string(path ? path : "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
  for (auto dir : Split(all, ':')) {
    if (dir.empty()) continue;
    std::filesystem::path candidate = std::filesystem::path(dir) / name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Result<ProcessResult> RunProcess(const ProcessSpec& spec, Deadline deadline) {
  auto program = FindProgram(spec.argv.at(0));
  if (program.empty())
    return Fail(ErrorCode::kUnavailable, "program '" + spec.argv[0] + "' is not installed");
  Running r(spec.output_cap_bytes);
  std::vector<std::string> args(spec.argv.begin() + 1, spec.argv.end());
  std::error_code ec;
  auto cwd = spec.cwd.empty() ? std::string(".") : spec.cwd.string();
  r.child = bp::child(bp::exe = program.string(), bp::args = args, bp::env = MakeEnvironment(spec),
                      bp::start_dir = cwd, bp::std_in<bp::null, bp::std_out> r.out.pipe,
                      bp::std_err > r.err.pipe, ChildSetup(spec.pass_fds), ec);
  if (ec) return FailErrno(ErrorCode::kIo, "cannot start " + program.string(), ec.value());
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, r.child.id(), 0)));
  if (!pidfd) return FailErrno(ErrorCode::kIo, "pidfd_open", errno);
  ProcessResult result;
  result.timed_out = PumpUntilExit(r, pidfd.get(), spec.stop_fd, deadline);
  int status = 0;
  while (::waitpid(r.child.id(), &status, 0) < 0 && errno == EINTR) {
  }
  r.child.detach();
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.out = r.out.Take();
  result.err = r.err.Take();
  return result;
}

Result<std::string> RunTool(const ProcessSpec& spec, Deadline deadline) {
  PODIUM_ASSIGN(auto result, RunProcess(spec, deadline));
  if (result.ok()) return std::move(result.out);
  std::string how = result.timed_out ? "ran past its deadline"
                    : result.signal  ? "was ended by signal " + std::to_string(result.signal)
                                     : "exited with " + std::to_string(result.exit_code);
  std::string tail(
      Trim(result.err.size() > 2000 ? result.err.substr(result.err.size() - 2000) : result.err));
  return Fail(ErrorCode::kIo,
              Join(spec.argv, " ") + " " + how + (tail.empty() ? "" : ":\n" + Printable(tail)));
}

}  // namespace podium
