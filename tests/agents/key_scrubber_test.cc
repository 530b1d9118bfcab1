#include "base/http/key_scrubber.h"

#include <gtest/gtest.h>

#include "base/http/address.h"

namespace podium::agents {
namespace {

const std::vector<std::string> kKey = {"sk-canary/RED+7f3a9c\n"};

TEST(KeyScrubberTest, FindsAKeyInEveryForm) {
  for (const char* form :
       {"sk-canary/RED+7f3a9c", "sk-canary%2FRED%2B7f3a9c", "sk%2dcanary%2fRED%2b7f3a9c",
        "sk-canary%252FRED%252B7f3a9c", "sk-canary\\/RED+7f3a9c",
        "sk-canary\\u002fRED\\u002B7f3a9c", "sk-canary\\x2fRED+7f3a9c",
        "sk-canary&#x2F;RED&#43;7f3a9c", "736b2d63616e6172792f5245442b376633613963",
        "736B2D63616E6172792F5245442B376633613963"}) {
    std::string text = std::string("{\"message\": \"key ") + form + " is wrong\"}";
    EXPECT_EQ(KeyScrubber::Scrub(text, kKey), "{\"message\": \"key [key] is wrong\"}") << form;
  }
}

TEST(KeyScrubberTest, FindsAKeyInBase64WhereverItBegins) {
  // base64 of "sk-canary/RED+7f3a9c", "u:..." and "me:..."
  for (const char* form : {"c2stY2FuYXJ5L1JFRCs3ZjNhOWM=", "dTpzay1jYW5hcnkvUkVEKzdmM2E5Yw==",
                           "bWU6c2stY2FuYXJ5L1JFRCs3ZjNhOWM="}) {
    std::string clean = KeyScrubber::Scrub(std::string("Basic ") + form + " no", kKey);
    EXPECT_NE(clean.find("[key]"), std::string::npos) << form;
    EXPECT_EQ(clean.find(std::string(form).substr(4, 16)), std::string::npos) << clean;
  }
}

TEST(KeyScrubberTest, PiecesMayBeCutAnywhere) {
  std::string text = "a sk-canary%2FRED+7f3a9c b sk-canary/RED+7f3a9c c sk-can";
  for (std::size_t size : {1U, 2U, 3U, 7U}) {
    KeyScrubber scrubber(kKey);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size)
      out += scrubber.Add(text.substr(at, size));
    out += scrubber.End();
    EXPECT_EQ(out, "a [key] b [key] c sk-can") << size;
  }
  EXPECT_EQ(KeyScrubber::Scrub("cut: sk-canary/RED", kKey), "cut: [key]");
}

TEST(KeyScrubberTest, LeavesAllElseAsItIs) {
  for (const char* text : {"", "sk-cana", "100% of & \\ \\u00", "sk-canary/REX+7f3a9c", "&lt;"})
    EXPECT_EQ(KeyScrubber::Scrub(text, kKey), text);
  EXPECT_EQ(KeyScrubber::Scrub("abc", {""}), "abc");
  EXPECT_EQ(KeyScrubber::Scrub("abc", {"a"}), "abc") << "too short to be a secret";
}

TEST(KeyScrubberTest, KnowsWhatIsSecretInARequest) {
  auto secrets = SecretsOf(
      "https://me:p%40ss@h/v1?api_key=k1234&a=b",
      {"Authorization: Bearer sk-1", "x-api-key: sk-2", "Accept: text/html", "Cookie: c=1"});
  EXPECT_EQ(secrets,
            (std::vector<std::string>{"sk-1", "sk-2", "c=1", "me:p%40ss", "p@ss", "k1234"}));
}

}  // namespace
}  // namespace podium::agents
