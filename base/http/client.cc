#include "base/http/client.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/http/address.h"
#include "base/http/transfers.h"
#include "base/text.h"

namespace podium {
namespace {

namespace asio = boost::asio;

class Stream final : public HttpStream {
 public:
  Stream(const asio::any_io_executor& executor, std::shared_ptr<Transfer> transfer,
         Transfers* transfers)
      : changed_(std::make_shared<asio::steady_timer>(executor)),
        channel_(transfer->channel),
        idle_(transfer->request.idle),
        transfer_(std::move(transfer)),
        transfers_(transfers) {
    channel_->notify = [executor, changed = changed_] {
      asio::post(executor, [changed] { changed->cancel(); });
    };
  }

  ~Stream() override {
    {
      std::lock_guard lock(channel_->mutex);
      channel_->notify = nullptr;
    }
    if (transfers_) transfers_->Cancel(transfer_);
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
      if (paused && transfers_) transfers_->Resume(transfer_);
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
    if (transfers_) transfers_->Cancel(transfer_);
  }

  std::shared_ptr<asio::steady_timer> changed_;
  std::shared_ptr<Channel> channel_;
  Millis idle_;
  std::shared_ptr<Transfer> transfer_;
  Transfers* transfers_;  // nullptr: libcurl is not there
};

}  // namespace

struct HttpClient::Impl {
  explicit Impl(const CurlApi& curl) : transfers(curl) {}
  Transfers transfers;
};

HttpClient::HttpClient()
    : HttpClient([](const HttpRequest& r) { return SecretsOf(r.url, r.headers); }) {}
HttpClient::HttpClient(Secrets secrets) : secrets_(std::move(secrets)) {
  if (auto curl = Curl()) impl_ = std::make_unique<Impl>(**curl);
}
HttpClient::~HttpClient() = default;

Task<std::unique_ptr<HttpStream>> HttpClient::Open(HttpRequest request, Deadline deadline) {
  auto executor = co_await asio::this_coro::executor;
  auto transfer = std::make_shared<Transfer>();
  transfer->secrets = secrets_(request);
  transfer->scrubber.emplace(transfer->secrets);
  transfer->request = std::move(request);
  transfer->deadline = deadline;
  transfer->channel = std::make_shared<Channel>();
  Transfers* transfers = impl_ ? &impl_->transfers : nullptr;
  auto stream = std::make_unique<Stream>(executor, transfer, transfers);
  if (transfers)
    transfers->Add(std::move(transfer));
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
