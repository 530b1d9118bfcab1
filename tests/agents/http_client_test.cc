// The client's transfers: many at once, cancelled, late, held back by a slow reader.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include "base/http/client.h"
#include "base/http/server.h"
#include "tests/agents/loopback_client.h"

namespace podium {
namespace {

using namespace boost::asio::experimental::awaitable_operators;

class HttpClientTest : public testing::Test {
 protected:
  // `body` beside a server that answers by `handler`.
  void Serve(HttpHandler handler, std::function<Task<void>(const std::string&)> body) {
    auto [listener, port] = tests::ListenOnLoopback();
    std::string base = "http://127.0.0.1:" + std::to_string(port);
    auto status = reactor_.Run([&]() -> Task<Status> {
      ServerLimits limits;
      limits.connections = 1000;
      limits.steps_a_second = 1'000'000;
      auto ended = co_await (ServeHttp(std::move(listener), limits, handler) || body(base));
      EXPECT_EQ(ended.index(), 1u);
      co_return Status{};
    });
    EXPECT_TRUE(status) << status.error().message;
  }

  Task<HttpResponse> Post(std::string url, std::string text,
                          Deadline deadline = Deadline::In(std::chrono::seconds(60))) {
    HttpRequest request;
    request.url = std::move(url);
    request.headers = {"Expect:"};
    request.body = std::move(text);
    co_return co_await client_.Post(std::move(request), deadline);
  }

  Reactor reactor_{1};
  HttpClient client_;
};

Task<void> Echo(HttpExchange& exchange) {
  HttpHeaders headers;
  std::string body(exchange.request().body);
  auto told = co_await exchange.Answer(200, std::move(headers), std::move(body));
}

Task<void> Silence(HttpExchange&) {
  Deadline later = Deadline::In(std::chrono::seconds(600));
  co_await SleepUntil(later);
}

TEST_F(HttpClientTest, ManyTransfersAtOnceEachGetTheirOwnAnswer) {
  constexpr int kTransfers = 300;
  int answered = 0, ended = 0;
  Serve(Echo, [&](const std::string& base) -> Task<void> {
    auto one = [&](int i) -> Task<void> {
      std::string text = "number " + std::to_string(i) + std::string(5000, 'x');
      std::string sent = text;
      auto response = co_await Post(base, std::move(sent));
      answered += response.status == 200 && response.body == text ? 1 : 0;
      ++ended;
    };
    for (int i = 0; i < kTransfers; ++i)
      boost::asio::co_spawn(reactor_.io(), one(i), boost::asio::detached);
    while (ended < kTransfers) {
      Deadline step = Deadline::In(Millis(5));
      co_await SleepUntil(step);
    }
  });
  EXPECT_EQ(answered, kTransfers);
}

TEST_F(HttpClientTest, OneThatIsCancelledEndsAtOnceAndLeavesTheOthers) {
  int served = 0;
  HttpHandler handler = [&](HttpExchange& exchange) -> Task<void> {
    if (exchange.request().body == "wait") {
      co_await Silence(exchange);
    } else {
      ++served;
      co_await Echo(exchange);
    }
  };
  Serve(handler, [&](const std::string& base) -> Task<void> {
    auto begun = Deadline::Clock::now();
    for (int i = 0; i < 20; ++i) {
      auto raced = co_await (Post(base, "wait") || Post(base, "answer"));
      EXPECT_EQ(raced.index(), 1u);
      if (raced.index() == 1) EXPECT_EQ(std::get<1>(raced).status, 200);
    }
    EXPECT_LT(Deadline::Clock::now() - begun, std::chrono::seconds(20));
  });
  EXPECT_EQ(served, 20);
}

TEST_F(HttpClientTest, EachKeepsItsOwnDeadlineAndNeverEndsBeforeIt) {
  Serve(Silence, [&](const std::string& base) -> Task<void> {
    for (int i = 0; i < 5; ++i) {
      Deadline soon = Deadline::In(Millis(40 + i)), late = Deadline::In(std::chrono::seconds(60));
      auto raced = co_await (Post(base, "a", soon) || Post(base, "b", late));
      EXPECT_EQ(raced.index(), 0u);
      EXPECT_TRUE(soon.expired()) << "who looks at the deadline finds it passed";
      if (raced.index() == 0) EXPECT_EQ(std::get<0>(raced).status, 0);
    }
  });
}

TEST_F(HttpClientTest, ASlowReaderHoldsItsServerBackAndGetsAll) {
  constexpr std::size_t kPiece = 1 << 20, kPieces = 12;
  std::size_t sent = 0;
  HttpHandler handler = [&](HttpExchange& exchange) -> Task<void> {
    HttpHeaders headers;
    auto begun = co_await exchange.Begin(200, std::move(headers));
    for (std::size_t i = 0; begun && i < kPieces; ++i) {
      std::string piece(kPiece, static_cast<char>('a' + i));
      begun = co_await exchange.Send(std::move(piece));
      if (begun) sent += kPiece;
    }
    auto ended = co_await exchange.End();
  };
  Serve(handler, [&](const std::string& base) -> Task<void> {
    HttpRequest request;
    request.url = base;
    Deadline deadline = Deadline::In(std::chrono::seconds(60));
    auto stream = co_await client_.Open(std::move(request), deadline);
    HttpHead head = co_await stream->Head();
    EXPECT_EQ(head.status, 200);
    Deadline pause = Deadline::In(Millis(300));
    co_await SleepUntil(pause);
    EXPECT_LT(sent, kPiece * kPieces) << "nobody has read a byte";
    std::size_t read = 0;
    for (;;) {
      auto piece = co_await stream->Next();
      EXPECT_TRUE(piece);
      if (!piece || piece->empty()) break;
      read += piece->size();
    }
    EXPECT_EQ(read, kPiece * kPieces);
  });
}

TEST_F(HttpClientTest, StreamsThatAreDroppedMidwayLeaveNothingThatHinders) {
  HttpHandler handler = [&](HttpExchange& exchange) -> Task<void> {
    if (!exchange.request().body.empty()) co_return co_await Echo(exchange);
    HttpHeaders headers;
    auto going = co_await exchange.Begin(200, std::move(headers));
    while (going) {
      std::string piece(100'000, 'x');
      going = co_await exchange.Send(std::move(piece));
    }
  };
  Serve(handler, [&](const std::string& base) -> Task<void> {
    for (int i = 0; i < 30; ++i) {
      HttpRequest request;
      request.url = base;
      Deadline deadline = Deadline::In(std::chrono::seconds(60));
      auto stream = co_await client_.Open(std::move(request), deadline);
      HttpHead head = co_await stream->Head();
      EXPECT_EQ(head.status, 200);
      if (i % 2 == 0) EXPECT_TRUE(co_await stream->Next());
    }
    auto response = co_await Post(base, "still there?");
    EXPECT_EQ(response.body, "still there?");
  });
}

TEST_F(HttpClientTest, AServerThatIsNotThereIsAValue) {
  auto status = reactor_.Run([&]() -> Task<Status> {
    auto response = co_await Post("http://127.0.0.1:1/", "x");
    EXPECT_EQ(response.status, 0);
    EXPECT_FALSE(response.lasting);
    EXPECT_NE(response.transport_error, "");
    auto strange = co_await Post("gopher://127.0.0.1:1/", "x");
    EXPECT_TRUE(strange.lasting);
    co_return Status{};
  });
  EXPECT_TRUE(status);
}

}  // namespace
}  // namespace podium
