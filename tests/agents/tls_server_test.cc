// ServeHttp over TLS: certificates by the name that is asked for, and handshakes of every kind.
#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <random>

#include "base/http/server.h"
#include "tests/agents/loopback_client.h"
#include "tests/agents/tls_client.h"

namespace podium::agents {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::RawConnection;
using tests::TlsClient;

std::string Get(const std::string& host, const std::string& more = "") {
  return "GET /x HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n";
}

Task<void> Echo(HttpExchange& exchange) {
  std::string body =
      exchange.request().HostName() + " " + std::to_string(exchange.request().body.size());
  HttpHeaders none;
  auto sent = co_await exchange.Answer(200, std::move(none), std::move(body));
}

class TlsServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TlsIdentity::Make({"api.openai.com", "openrouter.ai"}, WallNow());
    ASSERT_TRUE(made) << made.error().message;
    limits_.tls = *made;
    limits_.hosts = limits_.tls->hosts();
    limits_.steps_a_second = 100'000;
  }
  void Serve(const std::function<void(std::uint16_t port)>& client) {
    tests::ServeFor(reactor_, limits_, Echo, client);
  }
  // Whether an ordinary client is served.
  bool Works(std::uint16_t port) {
    TlsClient client(port, limits_.tls->authority(), "openrouter.ai");
    client.Send(Get("openrouter.ai", "Connection: close\r\n"));
    return client.ReceiveToEnd().find("openrouter.ai 0") != std::string::npos;
  }

  ServerLimits limits_;
  Reactor reactor_;
};

TEST_F(TlsServerTest, TheNameAskedForPicksTheCertificate) {
  Serve([&](std::uint16_t port) {
    for (const std::string host : {"api.openai.com", "openrouter.ai"}) {
      TlsClient client(port, limits_.tls->authority(), host);
      EXPECT_TRUE(client.connected()) << client.error();
      EXPECT_EQ(client.PeerName(), host);
      EXPECT_EQ(client.Protocol(), "http/1.1");
      client.Send(Get(host));
      client.Send(Get(host, "Connection: close\r\n"));
      std::string answers = client.ReceiveToEnd();
      EXPECT_THAT(answers, HasSubstr("Connection: keep-alive\r\n\r\n" + host + " 0HTTP/1.1 200"));
      EXPECT_TRUE(client.ended_cleanly()) << "the end is told from a cut";
    }
  });
}

TEST_F(TlsServerTest, AnotherNameIsTurnedAwayAndTold) {
  std::vector<std::string> strangers;
  limits_.tls->OnStranger([&](std::string_view name) { strangers.emplace_back(name); });
  Serve([&](std::uint16_t port) {
    TlsClient other(port, limits_.tls->authority(), "example.org");
    EXPECT_THAT(other.error(), HasSubstr("unrecognized name"));
    TlsClient below(port, limits_.tls->authority(), "x.api.openai.com");
    EXPECT_THAT(below.error(), HasSubstr("unrecognized name"));
    TlsClient none(port, limits_.tls->authority(), "");
    EXPECT_THAT(none.error(), HasSubstr("unrecognized name"));
    EXPECT_TRUE(Works(port));
  });
  EXPECT_THAT(strangers, ElementsAre("example.org", "x.api.openai.com", ""));
}

// A group of 8,192 bits costs a hundred times what the usual ones do.
TEST_F(TlsServerTest, HandshakesThatCostMoreAreNotHad) {
  Serve([&](std::uint16_t port) {
    TlsClient dear(port, limits_.tls->authority(), "openrouter.ai", "ffdhe8192");
    EXPECT_FALSE(dear.connected());
    TlsClient either(port, limits_.tls->authority(), "openrouter.ai", "ffdhe8192:P-256");
    EXPECT_TRUE(either.connected()) << either.error();
  });
}

TEST_F(TlsServerTest, OneTrialsAuthorityIsNothingToAnother) {
  auto other = TlsIdentity::Make({"api.openai.com", "openrouter.ai"}, WallNow());
  ASSERT_TRUE(other);
  EXPECT_NE((*other)->authority(), limits_.tls->authority());
  EXPECT_NE((*other)->hashed_name(), limits_.tls->hashed_name());
  Serve([&](std::uint16_t port) {
    TlsClient client(port, (*other)->authority(), "api.openai.com");
    EXPECT_THAT(client.error(), HasSubstr("certificate verify failed"));
  });
}

TEST_F(TlsServerTest, TheAuthorityIsConfinedToItsHosts) {
  const std::string& text = limits_.tls->authority();
  EXPECT_EQ(text.find("PRIVATE"), std::string::npos);
  BIO* bytes = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  X509* certificate = PEM_read_bio_X509(bytes, nullptr, nullptr, nullptr);
  ASSERT_TRUE(certificate);
  int critical = 0;
  auto* names = static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(certificate, NID_name_constraints, &critical, nullptr));
  ASSERT_TRUE(names);
  EXPECT_EQ(critical, 1);
  EXPECT_EQ(sk_GENERAL_SUBTREE_num(names->permittedSubtrees), 2);
  EXPECT_EQ(X509_get_pathlen(certificate), 0) << "it makes no further authorities";
  EXPECT_EQ(X509_check_ca(certificate), 1);
  NAME_CONSTRAINTS_free(names);
  X509_free(certificate);
  BIO_free(bytes);
}

TEST_F(TlsServerTest, WhatIsNoHostIsNoName) {
  for (const std::string bad : {"", "a b", "x,DNS:evil.org", "UPPER.org", "a\nb"})
    EXPECT_FALSE(TlsIdentity::Make({"api.openai.com", bad}, WallNow())) << bad;
  EXPECT_FALSE(TlsIdentity::Make({}, WallNow()));
}

TEST_F(TlsServerTest, ALargeBodyComesThrough) {
  std::string body(3 << 20, 'x');
  Serve([&](std::uint16_t port) {
    TlsClient client(port, limits_.tls->authority(), "api.openai.com");
    client.Send(
        "POST /x HTTP/1.1\r\nHost: api.openai.com\r\nConnection: close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    EXPECT_THAT(client.ReceiveToEnd(), HasSubstr("api.openai.com 3145728"));
  });
}

TEST_F(TlsServerTest, ABadRequestIsAnsweredOverTlsToo) {
  Serve([&](std::uint16_t port) {
    TlsClient client(port, limits_.tls->authority(), "api.openai.com");
    client.Send(Get("localhost"));
    EXPECT_THAT(client.ReceiveToEnd(), HasSubstr("HTTP/1.1 421"));
  });
}

TEST_F(TlsServerTest, WhatIsNoHandshakeIsCutOff) {
  std::string hello = tests::ClientHello("openrouter.ai");
  ASSERT_GT(hello.size(), 100u);
  const std::string cases[] = {Get("openrouter.ai"),
                               std::string(64, '\0'),
                               std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x'),
                               std::string("\x16\x03\x01\x00\x00", 5),
                               std::string("\x15\x03\x01\x00\x02\x02\x28", 7),
                               std::string("\x80\x2e\x01\x00\x02", 5),
                               hello.substr(0, 5) + std::string(hello.size(), '\xff'),
                               hello + hello};
  limits_.handshake_time = Millis(500);
  Serve([&](std::uint16_t port) {
    for (const auto& bytes : cases) {
      RawConnection c(port);
      c.Send(bytes);
      c.ReceiveToEnd();
    }
    EXPECT_TRUE(Works(port));
  });
}

// Every byte of a first message changed once, and every length of it: none of them hangs, and the
// server is as it was.
TEST_F(TlsServerTest, ChangedHandshakesDoNoHarm) {
  std::string hello = tests::ClientHello("openrouter.ai");
  std::mt19937 random(1);
  limits_.handshake_time = Millis(30);
  limits_.connections = 16;
  Serve([&](std::uint16_t port) {
    for (std::size_t i = 0; i < hello.size(); ++i) {
      std::string changed = hello;
      changed[i] = static_cast<char>(random());
      if (i % 3 == 0) changed.resize(i);
      RawConnection c(port);
      c.Send(changed);
    }
  });
  limits_.handshake_time = Millis(10'000);
  Serve([&](std::uint16_t port) { EXPECT_TRUE(Works(port)); });
}

TEST_F(TlsServerTest, ASlowHandshakeIsCutOff) {
  limits_.handshake_time = Millis(50);
  std::string out = "never ended";
  Serve([&](std::uint16_t port) {
    RawConnection c(port);
    c.Send(tests::ClientHello("openrouter.ai").substr(0, 20));
    out = c.ReceiveToEnd();
  });
  EXPECT_EQ(out, "");
}

// Handshakes that stand still must not lock the agent out of its own gateway.
TEST_F(TlsServerTest, UnfinishedHandshakesMakeRoom) {
  limits_.connections = 3;
  limits_.handshake_time = std::chrono::hours(1);
  limits_.first_request_grace = Millis(20);
  Serve([&](std::uint16_t port) {
    std::vector<RawConnection> stuck;
    for (int i = 0; i < 3; ++i) stuck.emplace_back(port);
    EXPECT_TRUE(Works(port));
  });
}

// New keys without end are bytes that no limit of requests would see.
TEST_F(TlsServerTest, EndlessNewKeysEndTheConnection) {
  Serve([&](std::uint16_t port) {
    TlsClient few(port, limits_.tls->authority(), "openrouter.ai");
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(few.UpdateKeys());
    few.Send(Get("openrouter.ai", "Connection: close\r\n"));
    EXPECT_THAT(few.ReceiveToEnd(), HasSubstr("200 OK"));
    TlsClient many(port, limits_.tls->authority(), "openrouter.ai");
    for (int i = 0; i < 100; ++i) many.UpdateKeys();
    many.Send(Get("openrouter.ai", "Connection: close\r\n"));
    EXPECT_EQ(many.ReceiveToEnd(), "");
    EXPECT_TRUE(Works(port));
  });
}

}  // namespace
}  // namespace podium::agents
