#include "agents/llm/http_client.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
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

#include "base/curl.h"
#include "base/text.h"

namespace podium::agents {
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
  HttpResponse response;
  Deadline deadline{Deadline::In(Millis(0))};
  std::function<void(HttpResponse)> done;
  const CurlApi* curl = nullptr;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = {};
  bool too_large = false;
  bool sent = false;                 // the whole request
  std::shared_ptr<Channel> channel;  // of a stream; `done` is empty then
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);

  // Tells who waits how it ended; `why` is empty when all came.
  void End(const std::string& why) {
    if (channel) {
      channel->Change([&] {
        channel->ended = true;
        channel->error = why;
        channel->head.sent = sent;
      });
      return;
    }
    if (!why.empty()) response.status = 0;
    response.transport_error = why;
    done(std::move(response));
  }

  ~Transfer() {
    if (easy) curl->easy_cleanup(easy);
    if (headers) curl->slist_free_all(headers);
  }
};

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto* t = static_cast<Transfer*>(user);
  std::size_t n = size * count;
  if (t->channel) {
    std::size_t taken = n;
    t->channel->Change([&] {
      t->channel->paused = t->channel->waiting.size() >= kMostWaiting;
      if (t->channel->paused) taken = CURL_WRITEFUNC_PAUSE;
      if (!t->channel->paused) t->channel->waiting.append(data, n);
    });
    return taken;
  }
  if (t->response.body.size() + n > t->request.response_cap_bytes) {
    t->too_large = true;
    return 0;
  }
  t->response.body.append(data, n);
  return n;
}

// A stream's head: interim answers (1xx) begin it anew.
void OnStreamHeader(Channel& channel, std::string_view line) {
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
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
  auto* t = static_cast<Transfer*>(user);
  std::string_view line(data, size * count);
  if (t->channel) OnStreamHeader(*t->channel, line);
  std::size_t colon = line.find(':');
  if (t->channel || colon == std::string_view::npos) return line.size();
  std::string name = Lower(line.substr(0, colon));
  std::string value(Trim(line.substr(colon + 1)));
  double number = std::atof(value.c_str());
  if (name == "retry-after-ms") t->response.retry_after = Millis(static_cast<std::int64_t>(number));
  if (name == "retry-after" && !t->response.retry_after && number > 0) {
    t->response.retry_after = Millis(static_cast<std::int64_t>(number * 1000));
  }
  if (name == "x-should-retry") t->response.should_retry = value == "true";
  return line.size();
}

void Configure(const CurlApi& curl, Transfer& t) {
  t.curl = &curl;
  t.easy = curl.easy_init();
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
      if (!transfer->channel) continue;
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
      long status = 0;
      curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      t.response.status = static_cast<int>(status);
      curl_off_t uploaded = 0;
      curl.easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
      t.sent = uploaded > 0 && static_cast<std::size_t>(uploaded) == t.request.body.size();
      std::string error;
      if (code != CURLE_OK)
        error = t.too_large  ? "the answer is too large"
                : t.error[0] ? t.error
                             : curl.easy_strerror(code);
      t.End(error);
    }
  }
};

HttpClient::HttpClient() {
  if (auto curl = Curl()) impl_ = std::make_unique<Impl>(**curl);
}
HttpClient::~HttpClient() = default;

Task<HttpResponse> HttpClient::Post(HttpRequest request, Deadline deadline) {
  if (!impl_) {
    HttpResponse none;
    none.transport_error = Curl().error().message;
    co_return none;
  }
  auto start = [this, &request, deadline](auto handler) {
    auto executor = asio::get_associated_executor(handler);
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->deadline = deadline;
    if (slot.is_connected()) {
      slot.assign([flag = transfer->cancelled, impl = impl_.get()](asio::cancellation_type) {
        *flag = true;
        impl->curl.multi_wakeup(impl->multi);
      });
    }
    transfer->done = [shared, slot, executor,
                      work = asio::make_work_guard(executor)](HttpResponse response) mutable {
      asio::post(executor, [shared, slot, response = std::move(response)]() mutable {
        if (slot.is_connected()) slot.clear();
        (*shared)(std::move(response));
      });
    };
    impl_->Add(std::move(transfer));
  };
  auto token = asio::use_awaitable;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(HttpResponse)>(start,
                                                                                             token);
}

namespace {

class Stream final : public HttpStream {
 public:
  Stream(const asio::any_io_executor& executor, std::shared_ptr<Channel> channel,
         std::shared_ptr<std::atomic<bool>> cancelled, std::function<void()> wake_client)
      : changed_(std::make_shared<asio::steady_timer>(executor)),
        channel_(std::move(channel)),
        cancelled_(std::move(cancelled)),
        wake_client_(std::move(wake_client)) {
    changed_->expires_at(asio::steady_timer::time_point::max());
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
        if (channel_->ended) co_return HttpHead{0, {}, Reason(), channel_->head.sent};
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
  Task<void> Changed() {
    boost::system::error_code ec;
    co_await changed_->async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }

  std::shared_ptr<asio::steady_timer> changed_;
  std::shared_ptr<Channel> channel_;
  std::shared_ptr<std::atomic<bool>> cancelled_;
  std::function<void()> wake_client_;
};

}  // namespace

Task<std::unique_ptr<HttpStream>> HttpClient::Open(HttpRequest request, Deadline deadline) {
  auto executor = co_await asio::this_coro::executor;
  auto channel = std::make_shared<Channel>();
  auto transfer = std::make_unique<Transfer>();
  transfer->request = std::move(request);
  transfer->deadline = deadline;
  transfer->channel = channel;
  auto wake = [impl = impl_.get()] {
    if (impl) impl->curl.multi_wakeup(impl->multi);
  };
  auto stream = std::make_unique<Stream>(executor, channel, transfer->cancelled, wake);
  if (impl_)
    impl_->Add(std::move(transfer));
  else
    transfer->End(Curl().error().message);
  co_return stream;
}

}  // namespace podium::agents
