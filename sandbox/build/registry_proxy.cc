#include "sandbox/build/registry_proxy.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <list>
#include <optional>

#include "base/async/alarm.h"
#include "base/async/race.h"
#include "base/deadlines.h"
#include "base/log.h"
#include "base/text.h"

namespace podium::sandbox {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Inner = asio::generic::stream_protocol::socket;
using Outer = asio::ip::tcp::socket;

constexpr std::size_t kLongestHead = 32 << 10;
constexpr std::size_t kMostConnections = 128;

tl::unexpected<Error> NoRequest(const std::string& what) {
  return Fail(ErrorCode::kUsage, "a client of a registry sent " + what);
}

Result<RegistryHost> HostAndPort(std::string_view text) {
  RegistryHost out;
  std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    std::string port(text.substr(colon + 1));
    out.port = port.empty() || port.size() > 5 ? 0 : std::atoi(port.c_str());
    bool number = port.find_first_not_of("0123456789") == std::string::npos;
    if (!number || out.port < 1 || out.port > 65'535)
      return NoRequest("a port that is none: '" + Printable(text) + "'");
    text = text.substr(0, colon);
  }
  out.name = Lower(text);
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  if (out.name.empty() || out.name.find_first_not_of(kLetters) != std::string::npos)
    return NoRequest("a host's name that is none: '" + Printable(text) + "'");
  return out;
}

std::string Answer(const std::string& status, const std::string& text) {
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
}

// Headers that are between the client and its proxy alone.
bool IsForProxy(std::string_view line) {
  std::string lower = Lower(line);
  return lower.starts_with("proxy-") || lower.starts_with("connection:") ||
         lower.starts_with("keep-alive:");
}

// What both connections of one client share with the proxy.
struct Way {
  const std::vector<RegistryHost>& allowed;
  const std::string& through;
  std::vector<std::string>& refused;

  // Whether this host reaches it through a proxy of its own.
  [[nodiscard]] bool Through(const RegistryHost& host) const {
    return !through.empty() && host.name != "localhost" && !host.name.starts_with("127.");
  }
  [[nodiscard]] bool Allows(const RegistryHost& host) const {
    auto same = [&](const RegistryHost& one) {
      bool port = one.port == 0 ? host.port == 80 || host.port == 443 : one.port == host.port;
      return one.name == host.name && port;
    };
    return std::ranges::any_of(allowed, same);
  }
};

class Passage {
 public:
  Passage(Inner& inner, const Way& way) : inner_(inner), outer_(inner.get_executor()), way_(way) {}

  Task<void> Run() {
    try {
      co_await Serve();
    } catch (const std::exception& e) {  // cancelled: the build is over
      LogDebug(std::string("a connection of the registry's proxy ended: ") + e.what());
    }
    error_code ec;
    inner_.close(ec);
    outer_.close(ec);
  }

 private:
  Task<void> Serve() {
    std::string head = co_await ReadHead();
    auto request = ParseProxyRequest(head);
    if (!request) {
      co_await Refuse("400 Bad Request", request.error().message);
      co_return;
    }
    if (!way_.Allows(request->to)) {
      if (std::ranges::find(way_.refused, request->to.name) == way_.refused.end())
        way_.refused.push_back(request->to.name);
      co_await Refuse("403 Forbidden", request->to.name + " is no package registry of this build");
      co_return;
    }
    if (!co_await Connect(request->to)) {
      co_await Refuse("502 Bad Gateway", request->to.name + " cannot be reached from this host");
      co_return;
    }
    std::string to_server = request->head, to_client;
    if (way_.Through(request->to)) {
      to_server = head;
    } else if (request->tunnel) {
      to_client = "HTTP/1.1 200 Connection established\r\n\r\n";
    }
    bool sent = co_await Send(inner_, to_client) && co_await Send(outer_, to_server + rest_);
    if (!sent) co_return;
    std::vector<Task<void>> both;
    both.push_back(Pump(inner_, outer_));
    both.push_back(Pump(outer_, inner_));
    co_await AllOf(std::move(both));
  }

  Task<std::string> ReadHead() {
    Alarm slow(inner_.get_executor(), Deadline::In(kStepTime), [this] {
      error_code ec;
      inner_.cancel(ec);
    });
    std::string seen;
    std::array<char, 4096> block{};
    for (error_code ec; !ec && seen.size() < kLongestHead;) {
      auto buffer = asio::buffer(block);
      std::size_t n =
          co_await inner_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, ec));
      seen.append(block.data(), n);
      std::size_t end = seen.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      rest_ = seen.substr(end + 4);
      seen.resize(end + 4);
      break;
    }
    co_return seen;
  }

  Task<bool> Connect(const RegistryHost& to) {
    RegistryHost next = to;
    if (way_.Through(to)) {
      if (auto proxy = HostAndPort(way_.through)) next = *proxy;
    }
    Alarm slow(inner_.get_executor(), Deadline::In(kStepTime), [this] {
      error_code ec;
      outer_.close(ec);
    });
    asio::ip::tcp::resolver resolver(inner_.get_executor());
    error_code ec;
    auto found = co_await resolver.async_resolve(next.name, std::to_string(next.port),
                                                 asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return false;
    co_await asio::async_connect(outer_, found, asio::redirect_error(asio::use_awaitable, ec));
    co_return !ec;
  }

  template <class Socket>
  static Task<bool> Send(Socket& to, std::string bytes) {
    error_code ec;
    if (!bytes.empty())
      co_await asio::async_write(to, asio::buffer(bytes),
                                 asio::redirect_error(asio::use_awaitable, ec));
    co_return !ec;
  }

  Task<void> Refuse(std::string status, std::string why) {
    std::string answer = Answer(status, "podium: " + why + "\n");
    co_await Send(inner_, std::move(answer));
    error_code ec;
    inner_.shutdown(Inner::shutdown_send, ec);
  }

  // Until the end of what comes, which is passed on as an end.
  template <class From, class To>
  static Task<void> Pump(From& from, To& to) {
    std::vector<char> block(64 << 10);
    error_code ec;
    while (!ec) {
      auto buffer = asio::buffer(block);
      std::size_t n =
          co_await from.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, ec));
      if (n == 0) continue;
      error_code failed;
      co_await asio::async_write(to, asio::buffer(block.data(), n),
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed) break;
    }
    error_code ignored;
    to.shutdown(To::shutdown_send, ignored);
    from.shutdown(From::shutdown_receive, ignored);
  }

  Inner& inner_;
  Outer outer_;
  Way way_;
  std::string rest_;  // what came after the head
};

}  // namespace

Result<RegistryHost> RegistryHostOf(const std::string& url) {
  std::string_view rest = url;
  std::size_t scheme = rest.find("://");
  if (scheme != std::string_view::npos) rest.remove_prefix(scheme + 3);
  rest = rest.substr(0, rest.find('/'));
  std::size_t login = rest.rfind('@');
  if (login != std::string_view::npos) rest.remove_prefix(login + 1);
  auto out = HostAndPort(rest);
  if (out) return out;
  return Fail(ErrorCode::kConfig, "'" + Printable(url) + "' names no registry's host");
}

Result<ProxyRequest> ParseProxyRequest(const std::string& head) {
  if (!head.ends_with("\r\n\r\n")) return NoRequest("no whole request");
  auto lines = Split(std::string_view(head).substr(0, head.size() - 4), '\n');
  auto words = Split(Trim(lines[0]), ' ');
  if (words.size() != 3 || !words[2].starts_with("HTTP/1.")) return NoRequest("no request");
  ProxyRequest out;
  out.tunnel = words[0] == "CONNECT";
  constexpr std::string_view kScheme = "http://";
  std::string_view target = words[1];
  if (out.tunnel) {
    PODIUM_ASSIGN(out.to, HostAndPort(target));
    if (out.to.port == 0) return NoRequest("CONNECT without a port");
    return out;
  }
  if (!target.starts_with(kScheme)) return NoRequest("a request for no absolute http address");
  target.remove_prefix(kScheme.size());
  std::size_t slash = std::min(target.find('/'), target.size());
  PODIUM_ASSIGN(out.to, HostAndPort(target.substr(0, slash)));
  if (out.to.port == 0) out.to.port = 80;
  std::string path(target.substr(slash));
  out.head = std::string(words[0]) + " " + (path.empty() ? "/" : path) + " HTTP/1.1\r\n";
  for (std::size_t i = 1; i < lines.size(); ++i) {
    auto line = Trim(lines[i]);
    if (!IsForProxy(line)) out.head += std::string(line) + "\r\n";
  }
  out.head += "Connection: close\r\n\r\n";
  return out;
}

struct RegistryProxy::Impl {
  std::vector<RegistryHost> allowed;
  std::string through;
  std::vector<std::string> refused;

  struct Live {
    std::optional<Inner> socket;
    std::optional<Passage> passage;
    asio::cancellation_signal stop;
  };
  std::list<Live> live;
  std::optional<asio::steady_timer> changed;  // cancelled when a connection ends

  void Start(const asio::any_io_executor& loop, UniqueFd fd) {
    auto one = live.emplace(live.end());
    one->socket.emplace(loop);
    error_code ec;
    one->socket->assign(asio::generic::stream_protocol(AF_INET, 0), fd.get(), ec);
    if (ec) {
      live.erase(one);
      return;
    }
    (void)fd.release();
    one->passage.emplace(*one->socket, Way{allowed, through, refused});
    // Not erased while the coroutine's own frames still unwind.
    auto ended = [this, loop, one](std::exception_ptr) {
      asio::post(loop, [this, one] {
        live.erase(one);
        changed->cancel();
      });
    };
    asio::co_spawn(loop, one->passage->Run(),
                   asio::bind_cancellation_slot(one->stop.slot(), std::move(ended)));
  }

  Task<void> Changed() {
    error_code ec;
    co_await changed->async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }

  static Task<bool> Cancelled() {
    auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
  }

  Task<void> Accept(asio::posix::stream_descriptor& listener) {
    auto loop = co_await asio::this_coro::executor;
    for (;;) {
      error_code ec;
      co_await listener.async_wait(asio::posix::descriptor_base::wait_read,
                                   asio::redirect_error(asio::use_awaitable, ec));
      if (ec || co_await Cancelled()) co_return;
      if (live.size() >= kMostConnections) {
        co_await Changed();
        continue;
      }
      UniqueFd fd(
          ::accept4(listener.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (fd) {
        Start(loop, std::move(fd));
        continue;
      }
      Deadline pause = Deadline::In(kAcceptPause);
      co_await SleepUntil(pause);
    }
  }
};

RegistryProxy::RegistryProxy(std::vector<RegistryHost> allowed, std::string through)
    : impl_(std::make_unique<Impl>()) {
  impl_->allowed = std::move(allowed);
  impl_->through = std::move(through);
}
RegistryProxy::~RegistryProxy() = default;

const std::vector<std::string>& RegistryProxy::refused() const { return impl_->refused; }

Task<void> RegistryProxy::Serve(UniqueFd listener) {
  auto loop = co_await asio::this_coro::executor;
  impl_->changed.emplace(loop, asio::steady_timer::time_point::max());
  asio::posix::stream_descriptor socket(loop, listener.release());
  socket.non_blocking(true);
  // A cancellation ends the waiting for connections; those there are must still be joined.
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await impl_->Accept(socket);
  for (auto& one : impl_->live) one.stop.emit(asio::cancellation_type::terminal);
  while (!impl_->live.empty()) co_await impl_->Changed();
  co_await asio::this_coro::throw_if_cancelled(true);
}

std::string HostsOwnProxy() {
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"}) {
    const char* value = ::getenv(name);
    if (!value || !*value) continue;
    auto host = RegistryHostOf(value);
    if (host) return host->name + ":" + std::to_string(host->port == 0 ? 80 : host->port);
  }
  return "";
}

}  // namespace podium::sandbox
