#include "sandbox/container/init_channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "base/async/alarm.h"
#include "base/deadlines.h"
#include "sandbox/container/moving_deadline.h"

namespace podium::sandbox {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// The longest frame init may send beside a tail of output.
constexpr std::size_t kFrameRoom = 128 << 10;

void PutNumber(std::string& out, std::uint32_t n) {
  out.append(reinterpret_cast<const char*>(&n), 4);
}
void PutText(std::string& out, std::string_view text) {
  PutNumber(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

std::string MakeFrame(wire::Type type, const std::string& payload) {
  wire::Header h{type, static_cast<std::uint32_t>(payload.size())};
  return std::string(reinterpret_cast<const char*>(&h), sizeof h) + payload;
}

template <class T>
T NumberAt(const std::string& payload, std::size_t at) {
  T value{};
  std::memcpy(&value, payload.data() + at, sizeof value);
  return value;
}

// How much is sent as it comes.
std::size_t HeadBytes(const ExecSpec& spec) {
  return std::max(spec.output_head_bytes, spec.on_output ? spec.follow_bytes : 0);
}

using Variables = std::vector<std::pair<std::string, std::string>>;

// Each name once, or programs would not agree which one counts: the last that was given.
Variables Joined(const Variables& first, const Variables& then) {
  std::map<std::string, std::string> all;
  for (const auto* part : {&first, &then}) {
    for (const auto& [name, value] : *part) all[name] = value;
  }
  return {all.begin(), all.end()};
}

void PutCommand(std::string& payload, const ExecSpec& spec, const Variables& env) {
  PutNumber(payload, static_cast<std::uint32_t>(spec.argv.size()));
  for (const auto& a : spec.argv) PutText(payload, a);
  Variables all = Joined(env, spec.env);
  PutNumber(payload, static_cast<std::uint32_t>(all.size()));
  for (const auto& [key, value] : all) PutText(payload, key + "=" + value);
  PutText(payload, spec.cwd);
}

std::string ExecFrame(const ExecSpec& spec, const Variables& env) {
  std::string payload;
  PutNumber(payload, static_cast<std::uint32_t>(HeadBytes(spec)));
  PutNumber(payload, static_cast<std::uint32_t>(spec.output_tail_bytes));
  PutCommand(payload, spec, env);
  PutText(payload, spec.stdin_data);
  return MakeFrame(wire::kExec, payload);
}

std::string JobFrame(std::uint32_t id, const ExecSpec& spec, const Variables& env, Millis most) {
  std::string payload;
  PutNumber(payload, id);
  PutNumber(payload, static_cast<std::uint32_t>(spec.output_tail_bytes));
  auto limit = std::clamp<std::int64_t>(most.count(), 0, std::numeric_limits<std::int32_t>::max());
  PutNumber(payload, static_cast<std::uint32_t>(limit));
  PutCommand(payload, spec, env);
  return MakeFrame(wire::kJob, payload);
}

// The head and the tail of what a command says, whatever is followed of it.
class KeptOutput {
 public:
  explicit KeptOutput(const ExecSpec& spec) : spec_(spec) {}

  void Add(std::string_view piece) {
    if (spec_.on_output && seen_ < spec_.follow_bytes)
      spec_.on_output(piece.substr(0, spec_.follow_bytes - seen_));
    seen_ += piece.size();
    std::size_t head = std::min(piece.size(), spec_.output_head_bytes - head_.size());
    head_ += piece.substr(0, head);
    tail_ += piece.substr(head);
    if (tail_.size() > 2 * spec_.output_tail_bytes + kFrameRoom) Trim();
  }

  // What has come so far, kept or not.
  [[nodiscard]] std::size_t seen() const { return seen_; }

  // `bytes`: of all that the command said.
  std::string Finish(std::uint64_t bytes) {
    Trim();
    std::uint64_t kept = head_.size() + tail_.size();
    if (bytes > kept) head_ += "\n... (" + std::to_string(bytes - kept) + " bytes left out) ...\n";
    return std::move(head_) + tail_;
  }

 private:
  void Trim() {
    if (tail_.size() > spec_.output_tail_bytes)
      tail_.erase(0, tail_.size() - spec_.output_tail_bytes);
  }

  const ExecSpec& spec_;
  std::string head_, tail_;
  std::size_t seen_ = 0;
};

// Of more no sandbox can tell before they are taken: whoever runs beside the agent floods.
constexpr std::size_t kMostEndedJobs = 4096;

// Reads once; a descriptor that comes along is kept, any further one is closed.
ssize_t Receive(int socket, char* buffer, std::size_t size, UniqueFd& fd) {
  iovec part{buffer, size};
  alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (n < 0) return n;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int value = -1;
      std::memcpy(&value, CMSG_DATA(c) + i * sizeof(int), sizeof value);
      UniqueFd one(value);
      if (!fd) fd = std::move(one);
    }
  }
  return n;
}

}  // namespace

InitChannel::InitChannel(Reactor& reactor, UniqueFd socket)
    : reactor_(reactor), socket_(reactor.io()) {
  socket_.assign(asio::local::stream_protocol(), socket.release());
}

void InitChannel::Close() {
  error_code ignored;
  socket_.close(ignored);
}

void InitChannel::SendNow(const std::string& frame) {
  ::send(socket_.native_handle(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void InitChannel::KillAll() { SendNow(MakeFrame(wire::kKill, "")); }

void InitChannel::Shutdown() { SendNow(MakeFrame(wire::kShutdown, "")); }

void InitChannel::Terminate() { SendNow(MakeFrame(wire::kTerm, "")); }

void InitChannel::CancelWaits() {
  error_code ignored;
  socket_.cancel(ignored);
}

Task<Status> InitChannel::Write(std::string frame, Deadline deadline) {
  Alarm alarm(reactor_, deadline, [this] { CancelWaits(); });
  error_code ec;
  co_await asio::async_write(socket_, asio::buffer(frame),
                             asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return Fail(ErrorCode::kSandbox, "cannot reach the container's init: " + ec.message());
  co_return Status{};
}

Status InitChannel::KeepJobEnd(const std::string& payload) {
  if (payload.size() != sizeof(wire::JobEnd) || ended_jobs_.size() >= kMostEndedJobs)
    return Fail(ErrorCode::kSandbox, "podium-init told of a job's end that cannot be");
  ended_jobs_.push_back(NumberAt<wire::JobEnd>(payload, 0));
  return {};
}

Task<Result<InitChannel::Frame>> InitChannel::Read(Deadline deadline) {
  for (;;) {
    auto frame = co_await ReadAny(deadline);
    if (!frame || frame->first != wire::kJobEnd) co_return frame;
    PODIUM_CO_TRY(KeepJobEnd(frame->second));
  }
}

Task<Result<InitChannel::Frame>> InitChannel::ReadAny(Deadline deadline) {
  Alarm alarm(reactor_, deadline, [this] { CancelWaits(); });
  for (;;) {
    wire::Header header{};
    if (pending_.size() >= sizeof header) {
      header = NumberAt<wire::Header>(pending_, 0);
      if (header.size > wire::kMaxPayload)
        co_return Fail(ErrorCode::kSandbox, "podium-init sent a frame out of bounds");
      if (pending_.size() >= sizeof header + header.size) {
        Frame frame(header.type, pending_.substr(sizeof header, header.size));
        pending_.erase(0, sizeof header + header.size);
        co_return frame;
      }
    }
    char chunk[65536];
    ssize_t n = Receive(socket_.native_handle(), chunk, sizeof chunk, received_);
    if (n > 0) {
      pending_.append(chunk, static_cast<std::size_t>(n));
      if (pending_.size() > (64 << 20))
        co_return Fail(ErrorCode::kSandbox, "podium-init sent a frame out of bounds");
      continue;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
      co_return Fail(ErrorCode::kSandbox, "the container's init is gone");
    error_code ec;
    co_await socket_.async_wait(asio::socket_base::wait_read,
                                asio::redirect_error(asio::use_awaitable, ec));
    if (ec)
      co_return Fail(alarm.rang() ? ErrorCode::kTimeout : ErrorCode::kSandbox,
                     "the container's init did not answer: " + ec.message());
  }
}

Task<Result<InitChannel::Frame>> InitChannel::Ask(std::string frame, wire::Type answer,
                                                  std::size_t least_size, Deadline deadline) {
  auto sent = co_await Write(std::move(frame), deadline);
  if (!sent) co_return tl::unexpected(sent.error());
  auto got = co_await Read(deadline);
  if (!got) co_return tl::unexpected(got.error());
  if (got->first != answer || got->second.size() < least_size)
    co_return Fail(ErrorCode::kSandbox, "podium-init gave an unexpected answer");
  co_return got;
}

Task<Status> InitChannel::WaitReady(Deadline deadline) {
  auto frame = co_await Read(deadline);
  if (!frame) co_return tl::unexpected(frame.error());
  if (frame->first != wire::kReady)
    co_return Fail(ErrorCode::kSandbox, "podium-init did not say that it is ready");
  co_return Status{};
}

Task<Result<InitChannel::Ended>> InitChannel::Exec(
    const ExecSpec& spec, const std::vector<std::pair<std::string, std::string>>& env,
    Deadline deadline) {
  auto sent = co_await Write(ExecFrame(spec, env), Deadline::In(kStepTime));
  if (!sent) co_return tl::unexpected(sent.error());
  // At the deadline init is told to kill; its answer is the command's end like any other.
  Ended ended;
  MovingDeadline until(deadline, spec.moved);
  std::optional<Alarm> killer;
  std::function<void()> ring = [&] {
    if (until.Now().expired()) return KillAll();
    killer.emplace(reactor_, until.Now(), ring);
  };
  killer.emplace(reactor_, until.Now(), ring);
  std::optional<Alarm> noticer;
  std::function<void()> notice = [&] {
    ended.noticed = until.Now(-spec.notice).expired();
    if (ended.noticed) return Terminate();
    noticer.emplace(reactor_, until.Now(-spec.notice), notice);
  };
  if (spec.notice > Millis(0)) noticer.emplace(reactor_, until.Now(-spec.notice), notice);
  KeptOutput kept(spec);
  std::size_t room = HeadBytes(spec) + spec.output_tail_bytes + kFrameRoom;
  for (;;) {
    auto frame = co_await Read(until.Now(kInitKillGrace));
    bool moved = !frame && frame.error().code == ErrorCode::kTimeout;
    if (moved && !until.Now(kInitKillGrace).expired()) continue;
    if (!frame) co_return tl::unexpected(frame.error());
    if (frame->first == wire::kOutput) kept.Add(frame->second);
    if (kept.seen() > room)
      co_return Fail(ErrorCode::kSandbox, "podium-init sent more output than was asked for");
    if (frame->first != wire::kExit || frame->second.size() != 12) continue;
    ended.status = NumberAt<std::int32_t>(frame->second, 0);
    ended.output_bytes = NumberAt<std::uint64_t>(frame->second, 4);
    ended.timed_out = killer->rang();
    break;
  }
  ended.output = kept.Finish(ended.output_bytes);
  co_return ended;
}

Task<Status> InitChannel::Put(std::string inside, std::string bytes, unsigned mode,
                              Deadline deadline) {
  std::string payload;
  PutText(payload, inside);
  PutNumber(payload, mode);
  PutText(payload, bytes);
  std::string frame = MakeFrame(wire::kPut, payload);
  auto answer = co_await Ask(std::move(frame), wire::kPutDone, 4, deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  int error = NumberAt<std::int32_t>(answer->second, 0);
  if (error == 0) co_return Status{};
  auto failed = FailErrno(ErrorCode::kSandbox, "cannot write " + inside + " in the sandbox", error);
  // What a file system or a limit of the sandbox refuses; EIO is the disk below.
  if (error != EIO) failed.value().context.push_back(kAgentsFault);
  co_return failed;
}

Task<Status> InitChannel::AskToListen(std::uint16_t port, std::string inside, Deadline deadline) {
  std::string payload;
  PutNumber(payload, port);
  PutText(payload, inside);
  received_.reset();
  std::string frame = MakeFrame(wire::kListen, payload);
  auto answer = co_await Ask(std::move(frame), wire::kListenDone, 4, deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  int error = NumberAt<std::int32_t>(answer->second, 0);
  if (error == 0) co_return Status{};
  co_return FailErrno(ErrorCode::kSandbox,
                      "cannot listen at 127.0.0.1:" + std::to_string(port) + " in the sandbox",
                      error);
}

Task<Result<UniqueFd>> InitChannel::Listen(std::uint16_t port, Deadline deadline) {
  std::string none;
  auto listens = co_await AskToListen(port, std::move(none), deadline);
  if (!listens) co_return tl::unexpected(listens.error());
  if (!received_)
    co_return Fail(ErrorCode::kUnavailable, "cannot listen at 127.0.0.1:" + std::to_string(port) +
                                                " in the sandbox: this backend passes no "
                                                "descriptors");
  co_return std::move(received_);
}

Task<Status> InitChannel::Relay(std::uint16_t port, std::string inside, Deadline deadline) {
  co_return co_await AskToListen(port, std::move(inside), deadline);
}

Task<Result<wire::JobState>> InitChannel::StartJob(
    std::uint32_t id, const ExecSpec& spec,
    const std::vector<std::pair<std::string, std::string>>& env, Millis most, Deadline deadline) {
  std::string frame = JobFrame(id, spec, env, most);
  auto answer = co_await Ask(std::move(frame), wire::kJobState, sizeof(wire::JobState), deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  co_return NumberAt<wire::JobState>(answer->second, 0);
}

Task<Result<InitChannel::JobState>> InitChannel::LookAtJob(std::uint32_t id, std::uint64_t from,
                                                           Deadline deadline) {
  std::string payload;
  PutNumber(payload, id);
  PutNumber(payload, static_cast<std::uint32_t>(from));
  PutNumber(payload, static_cast<std::uint32_t>(from >> 32));
  std::string frame = MakeFrame(wire::kJobLook, payload);
  auto answer = co_await Ask(std::move(frame), wire::kJobState, sizeof(wire::JobState), deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  JobState out{.state = NumberAt<wire::JobState>(answer->second, 0)};
  out.output = answer->second.substr(sizeof(wire::JobState));
  co_return out;
}

Task<Status> InitChannel::StopJob(std::uint32_t id, Deadline deadline) {
  std::string payload;
  PutNumber(payload, id);
  std::string frame = MakeFrame(wire::kJobStop, payload);
  auto answer = co_await Ask(std::move(frame), wire::kJobState, sizeof(wire::JobState), deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  co_return Status{};
}

Task<Status> InitChannel::WaitForJobEnd(Deadline deadline) {
  while (ended_jobs_.empty()) {
    auto frame = co_await ReadAny(deadline);
    if (!frame && frame.error().code == ErrorCode::kTimeout) co_return Status{};
    if (!frame) co_return tl::unexpected(frame.error());
    if (frame->first != wire::kJobEnd)
      co_return Fail(ErrorCode::kSandbox, "podium-init sent what nobody asked for");
    PODIUM_CO_TRY(KeepJobEnd(frame->second));
  }
  co_return Status{};
}

std::vector<wire::JobEnd> InitChannel::TakeEndedJobs() { return std::exchange(ended_jobs_, {}); }

Task<Result<int>> InitChannel::CountProcesses(Deadline deadline) {
  std::string frame = MakeFrame(wire::kStat, "");
  auto answer = co_await Ask(std::move(frame), wire::kStatDone, 8, deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  co_return static_cast<int>(NumberAt<std::uint32_t>(answer->second, 0));
}

}  // namespace podium::sandbox
