#include "base/http/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <chrono>
#include <list>
#include <optional>
#include <vector>

#include "base/async/alarm.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/http/pace.h"
#include "base/http/peer_stream.h"
#include "base/http/request_body.h"
#include "base/text.h"

namespace podium {
namespace {

// A piece of a stream does not wait until the peer has acknowledged the one before: a peer may take
// 40 ms for that. Nothing to a unix socket.
void SendAtOnce(int socket) {
  int on = 1;
  [[maybe_unused]] int done = ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Socket = PeerStream::Socket;

// Cancels what the socket does once the time is over.
Alarm CancelAfter(Socket& socket, Millis time) {
  return Alarm(socket.get_executor(), Deadline::In(time), [&socket] {
    error_code ignored;
    socket.cancel(ignored);
  });
}

std::string Head(int status, const HttpHeaders& headers, bool keep) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " " +
                    std::string(http::obsolete_reason(static_cast<http::status>(status))) + "\r\n";
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  out += keep ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  return out;
}

class Connection final : public HttpExchange {
 public:
  Connection(Socket& socket, const ServerLimits& limits, Pace& pace, const HttpHandler& handler)
      : socket_(socket),
        limits_(limits),
        stream_(socket, limits.tls.get()),
        pace_(pace),
        handler_(handler) {}

  Task<void> Run() {
    if (stream_.secure()) co_await Greet();
    while (open_) {
      request_ = {};
      answered_ = false;
      int refusal = co_await ReadRequest();
      if (!open_) break;
      served_ = true;
      if (refusal != 0) {
        keep_ = false;
        std::string text = "{\"error\": \"" + std::to_string(refusal) + "\"}\n";
        HttpHeaders headers = {{"Content-Type", "application/json"}};
        if (refusal == kNotAdmitted) {
          refusal = admission_.status;
          headers = std::move(admission_.headers);
          text = std::move(admission_.body);
        }
        auto refused = co_await Answer(refusal, std::move(headers), std::move(text));
        co_await Linger();
        break;
      }
      co_await handler_(*this);
      admission_.ticket.reset();
      if (!answered_ || !keep_) {
        co_await Farewell();
        break;
      }
    }
  }

  const ServedRequest& request() const override { return request_; }

  // Since when it waits for a request and might be closed; empty while it has one, or bytes of one,
  // or is too new.
  [[nodiscard]] std::optional<SteadyTime> idle_since() const {
    error_code ec;
    bool young = !served_ && idle_since_ && Since(*idle_since_) < limits_.first_request_grace;
    if (young || !idle_since_ || socket_.available(ec) > 0) return std::nullopt;
    return idle_since_;
  }
  void Close() {
    error_code ignored;
    socket_.cancel(ignored);
  }

  Task<Status> Answer(int status, HttpHeaders headers, std::string body) override {
    headers.emplace_back("Content-Length", std::to_string(body.size()));
    std::string bytes = Head(status, headers, keep_) + "\r\n";
    if (request_.method != "HEAD") bytes += body;
    auto written = co_await Write(std::move(bytes));
    answered_ = written.has_value();
    co_return written;
  }

  Task<Status> Begin(int status, HttpHeaders headers) override {
    headers.emplace_back("Transfer-Encoding", "chunked");
    std::string bytes = Head(status, headers, keep_) + "\r\n";
    co_return co_await Write(std::move(bytes));
  }

  Task<Status> Send(std::string piece) override {
    if (piece.empty()) co_return Status{};
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    std::string bytes = size + piece + "\r\n";
    co_return co_await Write(std::move(bytes));
  }

  Task<Status> End() override {
    std::string bytes = "0\r\n\r\n";
    auto written = co_await Write(std::move(bytes));
    answered_ = written.has_value();
    co_return written;
  }

 private:
  using Parser = http::request_parser<http::buffer_body>;
  static constexpr int kNotAdmitted = -1;
  static constexpr std::size_t kLargePiece = 4096;  // smaller ones of a body are a step each
  static constexpr std::size_t kFirstPiece = 4096;  // of what is read of a request at first
  static constexpr int kHandshakeSteps = 10;

  // The handshake of TLS, a few hundred microseconds of this thread. A connection that is stuck in
  // one makes room like an idle one.
  Task<void> Greet() {
    co_await pace_.Step(kHandshakeSteps);
    auto slow = CancelAfter(socket_, limits_.handshake_time);
    idle_since_ = SteadyNow();
    open_ = co_await stream_.Handshake();
    idle_since_.reset();
  }

  Task<void> Farewell() {
    if (!stream_.secure() || !open_) co_return;
    auto end = CancelAfter(socket_, kLingerTime);
    co_await stream_.Farewell();
  }

  // 0, or the status with which the request is refused. A peer that is gone or too slow closes.
  Task<int> ReadRequest() {
    Parser parser;
    parser.header_limit(limits_.header_bytes);
    parser.body_limit(limits_.body_bytes);
    error_code ec;
    // Idle until its first byte; from then on it has header_time.
    if (buffer_.size() == 0) {
      auto idle = CancelAfter(socket_, limits_.idle_time);
      idle_since_ = SteadyNow();
      std::size_t read = co_await stream_.async_read_some(
          buffer_.prepare(kFirstPiece), asio::redirect_error(asio::use_awaitable, ec));
      idle_since_.reset();
      if (ec) co_return Gone();
      buffer_.commit(read);
    }
    {
      auto slow = CancelAfter(socket_, limits_.header_time);
      co_await http::async_read_header(stream_, buffer_, parser,
                                       asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return Refusal(ec);
    }
    co_await pace_.Step();
    int refusal = TakeHeader(parser);
    if (refusal != 0) co_return refusal;
    if (limits_.admit) {
      admission_ = limits_.admit(request_);
      if (!admission_.ticket) co_return kNotAdmitted;
    }
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      std::string go = "HTTP/1.1 100 Continue\r\n\r\n";
      auto sent = co_await Write(std::move(go));
      if (!sent) co_return Gone();
    }
    co_return co_await ReadBody(parser);
  }

  Task<int> ReadBody(Parser& parser) {
    auto slow = CancelAfter(socket_, limits_.body_time);
    body_.emplace(limits_.spool_dir);
    std::vector<char> chunk(64 << 10);
    buffer_.reserve(chunk.size());  // as much is read at once as the buffer has room for
    std::size_t owed = 0;           // bytes for which no step was taken yet
    while (!parser.is_done()) {
      auto& into = parser.get().body();
      into.data = chunk.data();
      into.size = chunk.size();
      error_code ec;
      co_await http::async_read_some(stream_, buffer_, parser,
                                     asio::redirect_error(asio::use_awaitable, ec));
      if (ec && ec != http::error::need_buffer) co_return Refusal(ec);
      std::size_t read = chunk.size() - into.size;
      auto kept = body_->Append({chunk.data(), read});
      if (!kept) co_return 507;
      owed += read;
      if (read >= kLargePiece && owed < chunk.size()) continue;
      owed = 0;
      co_await pace_.Step();
    }
    auto view = body_->View();
    if (!view) co_return 507;
    request_.body = *view;
    co_return 0;
  }

  int TakeHeader(const Parser& parser) {
    const auto& message = parser.get();
    keep_ = message.keep_alive();
    request_.method = std::string(message.method_string());
    request_.target = std::string(message.target());
    for (const auto& field : message)
      request_.headers.emplace_back(Lower(std::string_view(field.name_string())), field.value());
    if (!request_.target.starts_with('/')) return 400;
    if (message.count(http::field::host) != 1 || !HostIsOurs()) return 421;
    std::string coding = Lower(request_.Header("content-encoding"));
    if (!coding.empty() && coding != "identity") return 415;
    // Of a coding that is not known the parser would take the rest for the next request.
    std::size_t codings = message.count(http::field::transfer_encoding);
    bool chunked = Lower(request_.Header("transfer-encoding")) == "chunked";
    if (codings > 1 || (codings == 1 && !chunked)) return 501;
    return 0;
  }

  bool HostIsOurs() const {
    std::string_view host = request_.Header("host");
    std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos) {
      std::string_view port = host.substr(colon + 1);
      if (port.empty() || port.find_first_not_of("0123456789") != std::string_view::npos)
        return false;
    }
    return std::ranges::find(limits_.hosts, request_.HostName()) != limits_.hosts.end();
  }

  int Gone() {
    open_ = false;
    return 0;
  }

  int Refusal(error_code ec) {
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow) return 431;
    if (ec == http::error::body_limit) return 413;
    if (ec.category() == http::make_error_code(http::error::bad_method).category() &&
        ec != http::error::end_of_stream && ec != http::error::partial_message)
      return 400;
    return Gone();
  }

  Task<Status> Write(std::string bytes) {
    if (!open_) co_return Fail(ErrorCode::kIo, "the peer is gone");
    auto slow = CancelAfter(socket_, limits_.write_time);
    error_code ec;
    co_await asio::async_write(stream_, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, ec));
    if (!ec) co_return Status{};
    open_ = false;
    co_return Fail(ErrorCode::kIo, slow.rang() ? "the peer does not read" : ec.message());
  }

  // Reads on for a moment, so that closing does not take the answer from a peer that still sends.
  Task<void> Linger() {
    co_await Farewell();
    error_code ec;
    socket_.shutdown(Socket::shutdown_send, ec);
    if (ec || !open_) co_return;
    auto end = CancelAfter(socket_, kLingerTime);
    std::vector<char> sink(64 << 10);
    for (std::size_t seen = 0; !ec && !end.rang() && seen < (64u << 20);) {
      seen += co_await socket_.async_read_some(asio::buffer(sink),
                                               asio::redirect_error(asio::use_awaitable, ec));
      co_await pace_.Step();
    }
  }

  Socket& socket_;
  const ServerLimits& limits_;
  PeerStream stream_;
  Pace& pace_;
  const HttpHandler& handler_;
  beast::flat_buffer buffer_{64 << 10};
  ServedRequest request_;
  std::optional<RequestBody> body_;
  bool open_ = true;
  bool keep_ = true;
  bool answered_ = false;
  Admission admission_;
  std::optional<SteadyTime> idle_since_;
  bool served_ = false;  // a request, at least
};

// The connections of one server, each cancelled and waited for at its end.
class Server {
 public:
  Server(asio::any_io_executor executor, ServerLimits limits, HttpHandler handler)
      : executor_(executor),
        limits_(std::move(limits)),
        pace_(limits_.steps_a_second),
        handler_(std::move(handler)),
        changed_(executor, asio::steady_timer::time_point::max()) {}

  Task<void> Accept(asio::posix::stream_descriptor& listener) {
    for (;;) {
      error_code ec;
      co_await listener.async_wait(asio::posix::descriptor_base::wait_read,
                                   asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return;
      if (static_cast<int>(live_.size()) >= limits_.connections) {
        CloseOldestIdle();
        co_await ChangedWithin(limits_.first_request_grace);
        if (co_await Cancelled()) co_return;
        continue;
      }
      UniqueFd fd(
          ::accept4(listener.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (fd) {
        SendAtOnce(fd.get());
        Start(std::move(fd));
        co_await pace_.Step();
        if (co_await Cancelled()) co_return;
      } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        Deadline pause = Deadline::In(kAcceptPause);  // no descriptor is free, or the sandbox ended
        co_await SleepUntil(pause);
        if (co_await Cancelled()) co_return;
      }
    }
  }

  Task<void> End() {
    for (auto& one : live_) one.stop.emit(asio::cancellation_type::terminal);
    while (!live_.empty()) co_await Changed();
  }

 private:
  struct Live {
    std::optional<Socket> socket;
    std::optional<Connection> connection;
    asio::cancellation_signal stop;
  };

  void Start(UniqueFd fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    auto live = live_.emplace(live_.end());
    live->socket.emplace(executor_);
    error_code ec;
    live->socket->assign(asio::generic::stream_protocol(address.ss_family, 0), fd.get(), ec);
    if (ec) {
      live_.erase(live);
      return;
    }
    (void)fd.release();
    live->connection.emplace(*live->socket, limits_, pace_, handler_);
    // Not erased while the coroutine's own frames still unwind.
    auto ended = [this, live](std::exception_ptr) {
      asio::post(executor_, [this, live] {
        live_.erase(live);
        changed_.cancel();
      });
    };
    asio::co_spawn(executor_, live->connection->Run(),
                   asio::bind_cancellation_slot(live->stop.slot(), std::move(ended)));
  }

  // Makes room for who is at the door: an agent's client pool must not lock the agent out.
  void CloseOldestIdle() {
    Live* oldest = nullptr;
    for (auto& one : live_) {
      auto since = one.connection->idle_since();
      if (since && (!oldest || *since < *oldest->connection->idle_since())) oldest = &one;
    }
    if (oldest) oldest->connection->Close();
  }

  static Task<bool> Cancelled() {
    auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
  }

  // A connection has ended, or none has for so long: those that were too new are so no more.
  Task<void> ChangedWithin(Millis time) {
    changed_.expires_after(time);
    co_await Changed();
    changed_.expires_at(Deadline::Never().at());
  }

  Task<void> Changed() {
    error_code ec;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }

  asio::any_io_executor executor_;
  ServerLimits limits_;
  Pace pace_;
  HttpHandler handler_;
  std::list<Live> live_;
  asio::steady_timer changed_;  // cancelled when a connection ends
};

}  // namespace

std::string_view ServedRequest::Header(std::string_view name) const {
  auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string ServedRequest::HostName() const {
  std::string_view host = Header("host");
  return Lower(host.substr(0, host.rfind(':')));
}

std::string_view ServedRequest::Path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

Task<void> ServeHttp(UniqueFd listener, ServerLimits limits, HttpHandler handler) {
  auto executor = co_await asio::this_coro::executor;
  Server server(executor, std::move(limits), std::move(handler));
  asio::posix::stream_descriptor socket(executor, listener.release());
  socket.non_blocking(true);
  // A cancellation ends the waiting for connections; those there are must still be joined. The
  // caller's next wait then throws, as after any cancelled one.
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await server.Accept(socket);
  co_await server.End();
  co_await asio::this_coro::throw_if_cancelled(true);
}

}  // namespace podium
