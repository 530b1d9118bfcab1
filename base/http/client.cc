#include "base/http/client.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cctype>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "base/http/address.h"
#include "base/http/key_scrubber.h"
#include "base/http/curl.h"
#include "base/text.h"

namespace podium {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMostWaiting = 1 << 20;

// What passes from libcurl's thread to the reader of a stream.
struct Channel {
  std::mutex mutex;
  HttpHead head;
  std::string waiting;
  bool head_complete = false;
  bool ended = false;
  bool paused = false;           // libcurl was told to stop until the reader has caught up
  std::string error;             // why it ended early
  std::function<void()> notify;  // empty once nobody reads

  // Changes something under the lock, then wakes the reader.
  template <class F>
  void Change(F change) {
    std::lock_guard lock(mutex);
    change();
    if (notify) notify();
  }
};

struct Transfer {
  HttpRequest request;
  Deadline deadline{Deadline::In(Millis(0))};
  const CurlApi* curl = nullptr;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = {};
  std::string direct_hosts;
  std::vector<std::string> secrets;
  std::optional<KeyScrubber> scrubber;  // of the body
  bool sent = false;                    // the whole request
  bool lasting = false;                 // its error
  std::shared_ptr<Channel> channel;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);

  // Tells who reads how it ended; `why` is empty when all came.
  void End(const std::string& why) {
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

  ~Transfer() {
    if (easy) curl->easy_cleanup(easy);
    if (headers) curl->slist_free_all(headers);
  }
};

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
  set(CURLOPT_TIMEOUT_MS,
      static_cast<long>(std::max<std::int64_t>(1, t.deadline.remaining().count())));
  set(CURLOPT_USERAGENT, "podium/" PODIUM_VERSION);
}

}  // namespace

struct HttpClient::Impl {
  explicit Impl(const CurlApi& api) : curl(api) {}

  const CurlApi& curl;
  CURLM* multi = curl.multi_init();
  std::mutex mutex;
  std::vector<std::unique_ptr<Transfer>> incoming;    // guarded by mutex
  std::map<CURL*, std::unique_ptr<Transfer>> active;  // the thread's own
  std::atomic<bool> stop{false};
  std::thread thread{[this] { Loop(); }};

  ~Impl() {
    stop = true;
    curl.multi_wakeup(multi);
    thread.join();
    for (auto& [easy, transfer] : active) curl.multi_remove_handle(multi, easy);
    active.clear();
    curl.multi_cleanup(multi);
  }

  void Add(std::unique_ptr<Transfer> transfer) {
    {
      std::lock_guard lock(mutex);
      incoming.push_back(std::move(transfer));
    }
    curl.multi_wakeup(multi);
  }

  void Loop() {
    while (!stop) {
      TakeIncoming();
      DropCancelled();
      Resume();
      int running = 0;
      curl.multi_perform(multi, &running);
      Finish();
      curl.multi_poll(multi, nullptr, 0, 1000, nullptr);
    }
  }

  void TakeIncoming() {
    std::vector<std::unique_ptr<Transfer>> fresh;
    {
      std::lock_guard lock(mutex);
      fresh.swap(incoming);
    }
    for (auto& t : fresh) {
      Configure(curl, *t);
      CURL* easy = t->easy;
      curl.multi_add_handle(multi, easy);
      active.emplace(easy, std::move(t));
    }
  }

  // Lets those go on whose readers have caught up.
  void Resume() {
    for (auto& [easy, transfer] : active) {
      bool resume = false;
      {
        std::lock_guard lock(transfer->channel->mutex);
        resume = transfer->channel->paused && transfer->channel->waiting.empty();
        if (resume) transfer->channel->paused = false;
      }
      if (resume) curl.easy_pause(easy, CURLPAUSE_CONT);
    }
  }

  void DropCancelled() {
    for (auto it = active.begin(); it != active.end();) {
      auto next = std::next(it);
      if (*it->second->cancelled) {
        curl.multi_remove_handle(multi, it->first);
        auto node = active.extract(it);
        node.mapped()->End("cancelled");
      }
      it = next;
    }
  }

  void Finish() {
    int left = 0;
    while (CURLMsg* message = curl.multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      CURLcode code = message->data.result;
      curl.multi_remove_handle(multi, easy);
      auto node = active.extract(easy);
      Transfer& t = *node.mapped();
      curl_off_t uploaded = 0;
      curl.easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
      t.sent = uploaded > 0 && static_cast<std::size_t>(uploaded) == t.request.body.size();
      std::string error;
      if (code != CURLE_OK) error = t.error[0] ? t.error : curl.easy_strerror(code);
      t.lasting = Lasting(code);
      t.End(error);
    }
  }
};

HttpClient::HttpClient()
    : HttpClient([](const HttpRequest& r) { return SecretsOf(r.url, r.headers); }) {}
HttpClient::HttpClient(Secrets secrets) : secrets_(std::move(secrets)) {
  if (auto curl = Curl()) impl_ = std::make_unique<Impl>(**curl);
}
HttpClient::~HttpClient() = default;

namespace {

class Stream final : public HttpStream {
 public:
  Stream(const asio::any_io_executor& executor, std::shared_ptr<Channel> channel,
         std::shared_ptr<std::atomic<bool>> cancelled, Millis idle,
         std::function<void()> wake_client)
      : changed_(std::make_shared<asio::steady_timer>(executor)),
        channel_(std::move(channel)),
        cancelled_(std::move(cancelled)),
        idle_(idle),
        wake_client_(std::move(wake_client)) {
    channel_->notify = [executor, changed = changed_] {
      asio::post(executor, [changed] { changed->cancel(); });
    };
  }

  ~Stream() override {
    {
      std::lock_guard lock(channel_->mutex);
      channel_->notify = nullptr;
    }
    *cancelled_ = true;
    wake_client_();
  }

  Task<HttpHead> Head() override {
    for (;;) {
      {
        std::lock_guard lock(channel_->mutex);
        if (channel_->head_complete) co_return channel_->head;
        if (channel_->ended)
          co_return HttpHead{0, {}, Reason(), channel_->head.sent, channel_->head.lasting};
      }
      co_await Changed();
    }
  }

  Task<Result<std::string>> Next() override {
    for (;;) {
      std::string piece;
      bool paused = false, ended = false;
      {
        std::lock_guard lock(channel_->mutex);
        piece.swap(channel_->waiting);
        paused = channel_->paused;
        ended = channel_->ended;
      }
      if (paused) wake_client_();
      if (!piece.empty()) co_return piece;
      if (ended && !channel_->error.empty()) co_return Fail(ErrorCode::kModel, channel_->error);
      if (ended) co_return std::string();
      co_await Changed();
    }
  }

 private:
  [[nodiscard]] std::string Reason() const {
    return channel_->error.empty() ? "it sent no answer" : channel_->error;
  }

  // Whatever changes wakes through the loop, so nothing is missed between a look and this wait.
  // Ends the transfer where nothing comes for too long.
  Task<void> Changed() {
    if (idle_.count() > 0)
      changed_->expires_after(idle_);
    else
      changed_->expires_at(asio::steady_timer::time_point::max());
    boost::system::error_code ec;
    co_await changed_->async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return;
    {
      std::lock_guard lock(channel_->mutex);
      channel_->ended = true;
      channel_->error = "not a byte came for " + FormatDuration(idle_);
      channel_->head.sent = true;
    }
    *cancelled_ = true;
    wake_client_();
  }

  std::shared_ptr<asio::steady_timer> changed_;
  std::shared_ptr<Channel> channel_;
  std::shared_ptr<std::atomic<bool>> cancelled_;
  Millis idle_;
  std::function<void()> wake_client_;
};

}  // namespace

Task<std::unique_ptr<HttpStream>> HttpClient::Open(HttpRequest request, Deadline deadline) {
  auto executor = co_await asio::this_coro::executor;
  auto channel = std::make_shared<Channel>();
  auto transfer = std::make_unique<Transfer>();
  transfer->secrets = secrets_(request);
  transfer->scrubber.emplace(transfer->secrets);
  Millis idle = request.idle;
  transfer->request = std::move(request);
  transfer->deadline = deadline;
  transfer->channel = channel;
  auto wake = [impl = impl_.get()] {
    if (impl) impl->curl.multi_wakeup(impl->multi);
  };
  auto stream = std::make_unique<Stream>(executor, channel, transfer->cancelled, idle, wake);
  if (impl_)
    impl_->Add(std::move(transfer));
  else
    transfer->End(Curl().error().message);
  co_return stream;
}

Task<HttpResponse> HttpClient::Post(HttpRequest request, Deadline deadline) {
  std::size_t cap = request.response_cap_bytes;
  auto stream = co_await Open(std::move(request), deadline);
  HttpHead head = co_await stream->Head();
  HttpResponse out{head.status, std::move(head.headers), {}, head.transport_error, head.lasting};
  while (out.status != 0) {
    auto piece = co_await stream->Next();
    if (!piece) out.transport_error = piece.error().message;
    if (!piece || piece->empty()) break;
    out.body += *piece;
    if (out.body.size() <= cap) continue;
    out.transport_error = "the answer is larger than " + FormatBytes(cap);
    break;
  }
  co_return out;
}

}  // namespace podium
