#include "base/http/transfers.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <map>
#include <thread>

#include "base/http/address.h"
#include "base/text.h"

namespace podium {
namespace {

namespace asio = boost::asio;

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto* t = static_cast<Transfer*>(user);
  std::size_t n = size * count;
  {
    std::lock_guard lock(t->channel->mutex);
    t->channel->paused = t->channel->waiting.size() >= kMostWaiting;
    if (t->channel->paused) return CURL_WRITEFUNC_PAUSE;  // the same bytes come again
  }
  std::string clean = t->scrubber->Add(std::string_view(data, n));
  t->channel->Change([&] { t->channel->waiting += clean; });
  return n;
}

// A line of the head: interim answers (1xx) begin it anew.
std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
  auto* t = static_cast<Transfer*>(user);
  Channel& channel = *t->channel;
  std::string line = KeyScrubber::Scrub(std::string_view(data, size * count), t->secrets);
  std::string_view text = Trim(line);
  std::size_t colon = text.find(':');
  channel.Change([&] {
    if (text.starts_with("HTTP/")) {
      channel.head.headers.clear();
      channel.head.status = std::atoi(std::string(text.substr(text.find(' ') + 1)).c_str());
    } else if (text.empty()) {
      channel.head_complete = channel.head_complete || channel.head.status >= 200;
    } else if (colon != std::string_view::npos && !channel.head_complete) {
      channel.head.headers.emplace_back(Lower(text.substr(0, colon)),
                                        std::string(Trim(text.substr(colon + 1))));
    }
  });
  return size * count;
}

// Errors that do not pass by themselves: the address, the certificates.
bool Lasting(CURLcode code) {
  return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
         code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
         code == CURLE_SSL_CACERT_BADFILE;
}

void Configure(const CurlApi& curl, Transfer& t) {
  t.curl = &curl;
  t.easy = curl.easy_init();
  t.direct_hosts = DirectHosts();
  for (const auto& h : t.request.headers) t.headers = curl.slist_append(t.headers, h.c_str());
  auto set = [&](auto option, auto value) { curl.easy_setopt(t.easy, option, value); };
  set(CURLOPT_URL, t.request.url.c_str());
  set(CURLOPT_HTTPHEADER, t.headers);
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDS, t.request.body.c_str());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(t.request.body.size()));
  set(CURLOPT_WRITEFUNCTION, &OnBody);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&t));
  set(CURLOPT_HEADERFUNCTION, &OnHeader);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&t));
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(t.error));
  set(CURLOPT_PRIVATE, static_cast<void*>(&t));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOPROXY, t.direct_hosts.c_str());
  // Asks for no compression, and undoes what a server or a proxy compresses all the same.
  set(CURLOPT_ACCEPT_ENCODING, "identity");
  set(CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
  // Never before the deadline: who looks at it then finds it passed.
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(t.deadline.remaining().count() + 1));
  set(CURLOPT_USERAGENT, "podium/" PODIUM_VERSION);
}

}  // namespace

Transfer::~Transfer() {
  if (easy) curl->easy_cleanup(easy);
  if (headers) curl->slist_free_all(headers);
}

void Transfer::End(const std::string& why) {
  std::string rest = scrubber ? scrubber->End() : std::string();
  std::string shown = KeyScrubber::Scrub(why, secrets);
  std::string proxy = why.empty() ? std::string() : ProxyFor(request.url);
  if (!proxy.empty()) shown += " (through the proxy " + proxy + " of the environment)";
  channel->Change([&] {
    if (channel->ended) return;  // the reader has ended it
    channel->waiting += rest;
    channel->ended = true;
    channel->error = shown;
    channel->head.sent = sent;
    channel->head.lasting = lasting;
  });
}

// All but the constructor and destructor runs on the thread.
struct Transfers::Impl {
  // A socket of libcurl's, which opens and closes it; watched for what libcurl waits for.
  struct Watch {
    Watch(asio::io_context& loop, curl_socket_t fd) : descriptor(loop, fd) {}
    ~Watch() { descriptor.release(); }  // without effect where it was done before
    asio::posix::stream_descriptor descriptor;
    int wanted = CURL_POLL_NONE;
    bool reading = false, writing = false;  // a wait is under way
  };

  explicit Impl(const CurlApi& api) : curl(api) {
    curl.multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &OnSocket);
    curl.multi_setopt(multi, CURLMOPT_SOCKETDATA, static_cast<void*>(this));
    curl.multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &OnTimer);
    curl.multi_setopt(multi, CURLMOPT_TIMERDATA, static_cast<void*>(this));
    thread = std::thread([this] { io.run(); });
  }

  ~Impl() {
    io.stop();
    thread.join();
    for (auto& [easy, transfer] : active) curl.multi_remove_handle(multi, easy);
    active.clear();
    curl.multi_cleanup(multi);
    watches.clear();
  }

  void Add(const std::shared_ptr<Transfer>& transfer) {
    Configure(curl, *transfer);
    curl.easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETFUNCTION, &OnClose);
    curl.easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
    active.emplace(transfer->easy, transfer);
    if (CURLMcode code = curl.multi_add_handle(multi, transfer->easy); code != CURLM_OK) {
      active.erase(transfer->easy);
      transfer->End("libcurl does not take the request (code " + std::to_string(code) + ")");
    }
  }

  void Cancel(const std::shared_ptr<Transfer>& transfer) {
    if (active.erase(transfer->easy) == 0) return;
    curl.multi_remove_handle(multi, transfer->easy);
    transfer->End("cancelled");
  }

  void Resume(const std::shared_ptr<Transfer>& transfer) {
    if (!active.contains(transfer->easy)) return;
    bool resume = false;
    {
      std::lock_guard lock(transfer->channel->mutex);
      resume = std::exchange(transfer->channel->paused, false);
    }
    if (resume) curl.easy_pause(transfer->easy, CURLPAUSE_CONT);
    Finish();
  }

  void Act(curl_socket_t fd, int what) {
    int running = 0;
    curl.multi_socket_action(multi, fd, what, &running);
    Finish();
  }

  // Takes those out that have ended.
  void Finish() {
    int left = 0;
    while (CURLMsg* message = curl.multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURLcode code = message->data.result;
      auto node = active.extract(message->easy_handle);
      if (node.empty()) continue;
      curl.multi_remove_handle(multi, node.key());
      EndWith(*node.mapped(), code);
    }
  }

  void EndWith(Transfer& t, CURLcode code) const {
    curl_off_t uploaded = 0;
    curl.easy_getinfo(t.easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    t.sent = uploaded > 0 && static_cast<std::size_t>(uploaded) == t.request.body.size();
    std::string error;
    if (code != CURLE_OK) error = t.error[0] ? t.error : curl.easy_strerror(code);
    t.lasting = Lasting(code);
    t.End(error);
  }

  static int OnSocket(CURL*, curl_socket_t fd, int what, void* user, void*) {
    auto* self = static_cast<Impl*>(user);
    if (what == CURL_POLL_REMOVE) {
      self->Forget(fd);
      return 0;
    }
    auto& watch = self->watches[fd];
    if (!watch) watch = std::make_shared<Watch>(self->io, fd);
    watch->wanted = what;
    self->Arm(fd, watch);
    return 0;
  }

  // At once, also where a handler still holds the watch: the next socket may have this number, and
  // would be taken out of epoll in its place.
  void Forget(curl_socket_t fd) {
    auto watch = watches.find(fd);
    if (watch == watches.end()) return;
    watch->second->descriptor.release();
    watches.erase(watch);
  }

  static int OnClose(void* user, curl_socket_t fd) {
    static_cast<Impl*>(user)->Forget(fd);
    return ::close(fd);
  }

  static int OnTimer(CURLM*, long timeout_ms, void* user) {
    auto* self = static_cast<Impl*>(user);
    self->timer.cancel();
    if (timeout_ms < 0) return 0;
    self->timer.expires_after(Millis(timeout_ms));
    self->timer.async_wait([self](boost::system::error_code ec) {
      if (!ec) self->Act(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
  }

  // Waits for what is wanted and not waited for yet.
  void Arm(curl_socket_t fd, const std::shared_ptr<Watch>& watch) {
    bool in = (watch->wanted & CURL_POLL_IN) != 0, out = (watch->wanted & CURL_POLL_OUT) != 0;
    if (in && !std::exchange(watch->reading, true)) Await(fd, watch, true);
    if (out && !std::exchange(watch->writing, true)) Await(fd, watch, false);
  }

  void Await(curl_socket_t fd, const std::shared_ptr<Watch>& watch, bool read) {
    auto kind =
        read ? asio::posix::descriptor_base::wait_read : asio::posix::descriptor_base::wait_write;
    std::weak_ptr<Watch> weak = watch;
    watch->descriptor.async_wait(kind, [this, fd, weak, read](boost::system::error_code ec) {
      auto now = weak.lock();
      if (!now) return;
      (read ? now->reading : now->writing) = false;
      bool wanted = (now->wanted & (read ? CURL_POLL_IN : CURL_POLL_OUT)) != 0;
      if (ec == asio::error::operation_aborted) return;
      if (wanted) Act(fd, ec ? CURL_CSELECT_ERR : (read ? CURL_CSELECT_IN : CURL_CSELECT_OUT));
      if (auto it = watches.find(fd); it != watches.end() && it->second == now) Arm(fd, now);
    });
  }

  const CurlApi& curl;
  CURLM* multi = curl.multi_init();
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer timer{io};
  std::map<curl_socket_t, std::shared_ptr<Watch>> watches;
  std::map<CURL*, std::shared_ptr<Transfer>> active;
  std::thread thread;
};

Transfers::Transfers(const CurlApi& curl) : impl_(std::make_unique<Impl>(curl)) {}
Transfers::~Transfers() = default;

void Transfers::Add(std::shared_ptr<Transfer> transfer) {
  auto add = [impl = impl_.get(), transfer = std::move(transfer)] { impl->Add(transfer); };
  asio::post(impl_->io, std::move(add));
}

void Transfers::Cancel(std::shared_ptr<Transfer> transfer) {
  auto cancel = [impl = impl_.get(), transfer = std::move(transfer)] { impl->Cancel(transfer); };
  asio::post(impl_->io, std::move(cancel));
}

void Transfers::Resume(std::shared_ptr<Transfer> transfer) {
  auto resume = [impl = impl_.get(), transfer = std::move(transfer)] { impl->Resume(transfer); };
  asio::post(impl_->io, std::move(resume));
}

}  // namespace podium
