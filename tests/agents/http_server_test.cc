#include <gtest/gtest.h>

#include "base/async/race.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/http/server.h"
#include "base/text.h"
#include "tests/agents/loopback_client.h"

namespace podium::agents {
namespace {

using tests::RawConnection;

constexpr const char* kHost = "Host: localhost:8000\r\n";

std::string Get(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\n" + kHost + more + "\r\n";
}

std::string Post(const std::string& body, const std::string& more = "") {
  return std::string("POST /x HTTP/1.1\r\n") + kHost + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Says what it was asked.
Task<void> Echo(HttpExchange& exchange) {
  const auto& r = exchange.request();
  std::string body = r.method + " " + r.target + " " + Digest::Of(r.body).hex();
  HttpHeaders none;
  auto sent = co_await exchange.Answer(200, std::move(none), std::move(body));
}

Task<void> TwoPieces(HttpExchange& exchange) {
  HttpHeaders headers;
  headers.emplace_back("Content-Type", "text/event-stream");
  auto begun = co_await exchange.Begin(200, std::move(headers));
  auto first = co_await exchange.Send("one");
  auto second = co_await exchange.Send("two");
  auto ended = co_await exchange.End();
}

class HttpServerTest : public testing::Test {
 protected:
  std::string Talk(const std::string& request, ServerLimits limits = {}, int answers = 1) {
    std::string out;
    tests::ServeFor(reactor_, std::move(limits), Echo, [&](std::uint16_t port) {
      RawConnection c(port);
      c.Send(request);
      out = c.Receive(answers);
    });
    return out;
  }
  int StatusOf(const std::string& request, ServerLimits limits = {}) {
    std::string answer = Talk(request, std::move(limits));
    return answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + 9) : 0;
  }
  Reactor reactor_;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  std::string out = Talk(Get("/a?b=1") + Get("/c"), {}, 2);  // the second one pipelined
  EXPECT_NE(out.find("GET /a?b=1 "), std::string::npos) << out;
  EXPECT_NE(out.find("GET /c "), std::string::npos) << out;
  EXPECT_NE(out.find("Connection: keep-alive"), std::string::npos);
}

TEST_F(HttpServerTest, WhatIsNotAPlainRequestIsRefused) {
  const std::pair<std::string, int> cases[] = {
      {"GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"GET x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"not http at all\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 421},
      {"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 421},
      {"GET / HTTP/1.1\r\nHost: localhost.example.org\r\n\r\n", 421},
      {"GET / HTTP/1.1\r\nHost: localhost:80@example.org\r\n\r\n", 421},
      {"GET / HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\n\r\n", 421},
      {std::string("POST / HTTP/1.1\r\n") + kHost +
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {std::string("POST / HTTP/1.1\r\n") + kHost +
           "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
       400},
      {Post("x", "Content-Encoding: gzip\r\n"), 415},
      {Get("/", "X: " + std::string(40'000, 'x') + "\r\n"), 431},
  };
  for (const auto& [request, status] : cases)
    EXPECT_EQ(StatusOf(request), status) << request.substr(0, 200);
}

TEST_F(HttpServerTest, ABodyBeyondTheLimitIsRefusedBeforeItIsRead) {
  ServerLimits limits;
  limits.body_bytes = 1000;
  EXPECT_EQ(StatusOf(Post(std::string(1000, 'x')), limits), 200);
  EXPECT_EQ(StatusOf(Post(std::string(1001, 'x')), limits), 413);
  std::string chunked = std::string("POST /x HTTP/1.1\r\n") + kHost +
                        "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') +
                        "\r\n0\r\n\r\n";
  EXPECT_EQ(StatusOf(chunked, limits), 413);
}

TEST_F(HttpServerTest, ALargeBodyArrivesWholeThroughTheSpoolFolder) {
  auto temp = TempDir::Make("podium-spool");
  ASSERT_TRUE(temp);
  ServerLimits limits;
  limits.spool_dir = temp->path();
  std::string body(5'000'000, 'a');
  for (std::size_t i = 0; i < body.size(); i += 977) body[i] = static_cast<char>(i % 251);
  EXPECT_NE(Talk(Post(body), limits).find(Digest::Of(body).hex()), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(temp->path()));
}

TEST_F(HttpServerTest, AClientThatAsksBeforeItSendsIsTold) {
  std::string out;
  tests::ServeFor(reactor_, {}, Echo, [&](std::uint16_t port) {
    RawConnection c(port);
    c.Send(std::string("POST /x HTTP/1.1\r\n") + kHost +
           "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    c.Send("abc");
    c.Send(Get("/end", "Connection: close\r\n"));
    out = c.ReceiveToEnd();
  });
  EXPECT_TRUE(out.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")) << out;
  EXPECT_NE(out.find(Digest::Of("abc").hex()), std::string::npos);
}

TEST_F(HttpServerTest, ASlowHeaderIsCutOff) {
  ServerLimits limits;
  limits.header_time = Millis(50);
  std::string out = "never ended";
  tests::ServeFor(reactor_, limits, Echo, [&](std::uint16_t port) {
    RawConnection c(port);
    c.Send("GET / HT");
    out = c.ReceiveToEnd();
  });
  EXPECT_EQ(out, "");
}

TEST_F(HttpServerTest, PiecesArriveAsTheyAreSent) {
  std::string out;
  tests::ServeFor(reactor_, {}, TwoPieces, [&](std::uint16_t port) {
    RawConnection c(port);
    c.Send(Get("/", "Connection: close\r\n"));
    out = c.ReceiveToEnd();
  });
  EXPECT_NE(out.find("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), std::string::npos) << out;
}

TEST_F(HttpServerTest, MoreConnectionsThanAllowedWaitTheirTurn) {
  ServerLimits limits;
  limits.connections = 2;
  limits.idle_time = Millis(50);
  int answered = 0;
  tests::ServeFor(reactor_, limits, Echo, [&](std::uint16_t port) {
    std::vector<RawConnection> open;
    for (int i = 0; i < 10; ++i) open.emplace_back(port);
    for (auto& c : open) c.Send(Get("/", "Connection: close\r\n"));
    for (auto& c : open) answered += c.Receive().starts_with("HTTP/1.1 200");
  });
  EXPECT_EQ(answered, 10);
}

// 64 idle connections of an agent's own client locked the agent out for two minutes.
TEST_F(HttpServerTest, AtTheCapTheOldestIdleConnectionMakesRoom) {
  ServerLimits limits;
  limits.connections = 3;
  limits.idle_time = std::chrono::hours(1);
  std::string late, kept;
  tests::ServeFor(reactor_, limits, Echo, [&](std::uint16_t port) {
    std::vector<RawConnection> idle;
    for (int i = 0; i < 3; ++i) {
      idle.emplace_back(port);
      idle.back().Send(Get("/" + std::to_string(i)));
      idle.back().Receive();
    }
    RawConnection one_more(port);
    one_more.Send(Get("/late"));
    late = one_more.Receive();
    idle[2].Send(Get("/kept"));
    kept = idle[2].Receive();
  });
  EXPECT_TRUE(late.starts_with("HTTP/1.1 200")) << late;
  EXPECT_TRUE(kept.starts_with("HTTP/1.1 200")) << "not the oldest was closed: " << kept;
}

// Whoever connects and asks a moment later is not closed for the next one at the door.
TEST_F(HttpServerTest, ANewConnectionHasTimeForItsFirstRequest) {
  ServerLimits limits;
  limits.connections = 1;
  limits.first_request_grace = std::chrono::minutes(1);
  std::string first, second;
  tests::ServeFor(reactor_, limits, Echo, [&](std::uint16_t port) {
    RawConnection one(port), two(port);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // both are at the door
    one.Send(Get("/one", "Connection: close\r\n"));
    first = one.Receive();
    two.Send(Get("/two", "Connection: close\r\n"));
    second = two.Receive();
  });
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200")) << first;
  EXPECT_TRUE(second.starts_with("HTTP/1.1 200")) << second;
}

TEST_F(HttpServerTest, OneThatNeverAsksMakesRoomAfterAWhile) {
  ServerLimits limits;
  limits.connections = 1;
  limits.idle_time = std::chrono::hours(1);
  limits.first_request_grace = Millis(20);
  std::string late;
  tests::ServeFor(reactor_, limits, Echo, [&](std::uint16_t port) {
    RawConnection silent(port), asks(port);
    asks.Send(Get("/late", "Connection: close\r\n"));
    late = asks.Receive();
  });
  EXPECT_TRUE(late.starts_with("HTTP/1.1 200")) << late;
}

TEST_F(HttpServerTest, APeerThatNeverTiresIsServedAtAPace) {
  ServerLimits limits;
  limits.steps_a_second = 100;
  std::string many;
  for (int i = 0; i < 200; ++i) many += Get("/" + std::to_string(i));
  auto begun = std::chrono::steady_clock::now();
  std::string answers = Talk(many, limits, 200);
  EXPECT_NE(answers.find("GET /199 "), std::string::npos) << "all are answered";
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(900))
      << "a hundred at once, and then a hundred a second";
}

TEST_F(HttpServerTest, WhoIsNotAdmittedSendsNoBody) {
  ServerLimits limits;
  limits.admit = [](const ServedRequest& request) {
    Admission out{nullptr, 429, {}, "later"};
    if (request.Path() != "/x") out.ticket = std::make_shared<int>(0);
    return out;
  };
  // A tenth of the body alone is sent: the answer does not wait for the rest.
  std::string half = std::string("POST /x HTTP/1.1\r\n") + kHost + "Content-Length: 1000\r\n\r\n" +
                     std::string(100, 'b');
  EXPECT_EQ(StatusOf(half, limits), 429);
  EXPECT_EQ(StatusOf(Get("/y"), limits), 200);
}

// The end of ServeFor waits for it: idle connections must not hold a cancelled server.
TEST_F(HttpServerTest, ACancelledServerClosesWhatIsOpenAndItsCallerEndsToo) {
  auto [listener, port] = tests::ListenOnLoopback();
  RawConnection idle(port), half(port);
  half.Send("GET / HT");
  bool went_on = false;
  auto main = [&, fd = std::make_shared<UniqueFd>(std::move(listener))]() -> Task<Status> {
    auto serve = [&]() -> Task<void> {
      ServerLimits limits;
      co_await ServeHttp(std::move(*fd), limits, Echo);
      Deadline never = Deadline::In(std::chrono::hours(1));
      co_await SleepUntil(never);
      went_on = true;
    };
    Deadline soon = Deadline::In(Millis(50));
    auto first = co_await Race(SleepUntil(soon), serve());
    EXPECT_EQ(first.index(), 0u);
    co_return Status{};
  };
  ASSERT_TRUE(reactor_.Run(main));
  EXPECT_FALSE(went_on);
  EXPECT_EQ(idle.ReceiveToEnd(), "");
  EXPECT_EQ(half.ReceiveToEnd(), "");
}

}  // namespace
}  // namespace podium::agents
