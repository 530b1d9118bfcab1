#include "agents/validator/validator.h"

#include <gtest/gtest.h>

#include "agents/validator/multipart.h"
#include "base/async/race.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "tests/agents/loopback_client.h"

namespace podium::agents {
namespace {

constexpr const char* kType = "multipart/form-data; boundary=edge";

std::string Part(const std::string& disposition, const std::string& content) {
  return "--edge\r\nContent-Disposition: " + disposition + "\r\n\r\n" + content + "\r\n";
}

TEST(MultipartTest, TheNamedPartIsFoundWhereverItStands) {
  std::string content = "id,y\n1,2\r\n--edgy\n";  // nearly a delimiter
  std::string body = Part("form-data; name=\"note\"", "x") +
                     Part("form-data; name=\"file\"; filename=\"a b.csv\"", content) +
                     "--edge--\r\n";
  auto found = FindFormFile(kType, body, "file");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->content, content);
  EXPECT_EQ(found->file_name, "a b.csv");
  // Words in any case, a quoted boundary, a part without quotes.
  std::string other = "--edge\r\ncontent-disposition: FORM-DATA; NAME=file\r\n\r\n\r\n--edge--";
  found = FindFormFile("Multipart/Form-Data; charset=utf-8; boundary=\"edge\"", other, "file");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->content, "");
}

TEST(MultipartTest, TricksAreRefusedByName) {
  const std::string good = "form-data; name=\"file\"; filename=\"a.csv\"";
  const std::string end = "--edge--\r\n";
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"text/csv", Part(good, "x") + end, "not_multipart"},
      {"multipart/form-data", Part(good, "x") + end, "not_multipart"},
      {"multipart/form-data; boundary=" + std::string(71, 'x'), "", "not_multipart"},
      {kType, "", "bad_multipart"},
      {kType, "preamble\r\n" + Part(good, "x") + end, "bad_multipart"},
      {kType, Part(good, "x"), "bad_multipart"},
      {kType, "--edge\r\n" + good, "bad_multipart"},
      {kType, Part("attachment; name=\"file\"", "x") + end, "bad_multipart"},
      {kType, Part("form-data", "x") + end, "bad_multipart"},
      {kType, Part("form-data; name=\"a\"; name=\"file\"", "x") + end, "bad_multipart"},
      {kType, Part("form-data; name=\"fi\\\"le\"", "x") + end, "bad_multipart"},
      {kType, Part(good, "x") + Part(good, "y") + end, "repeated_part"},
      {kType, Part("form-data; name=\"data\"", "x") + end, "no_such_part"},
      {kType, Part("form-data; name=\"file\"; filename=\"../../etc/passwd\"", "x") + end,
       "bad_file_name"},
      {kType, Part("form-data; name=\"file\"; filename=\"..\"", "x") + end, "bad_file_name"},
      {kType, Part("form-data; name=\"file\"; filename=\"a\tb\"", "x") + end, "bad_file_name"},
      {kType, Part(good + "\r\nContent-Transfer-Encoding: base64", "eA==") + end, "encoded_part"},
  };
  for (const auto& [type, body, code] : cases) {
    auto found = FindFormFile(type, body, "file");
    ASSERT_FALSE(found) << body;
    EXPECT_EQ(found.error().message, code) << body;
  }
}

TEST(MultipartTest, MorePartsThanAFormHasAreRefused) {
  std::string body;
  for (int i = 0; i < 20; ++i) body += Part("form-data; name=\"p\"", "x");
  auto found = FindFormFile(kType, body + "--edge--\r\n", "file");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "bad_multipart");
}

class MemoryEvents final : public EventSink {
 public:
  Status Record(records::Event event) override {
    lines.push_back(std::string(records::EventName(event)) + " " + records::BodyText(event));
    return {};
  }
  std::vector<std::string> lines;
};

class ValidatorTest : public testing::Test {
 protected:
  // The answers to the requests, sent one after another.
  std::vector<std::string> Ask(Validator& validator, const std::vector<std::string>& requests) {
    auto [listener, port] = tests::ListenOnLoopback();
    auto temp = TempDir::Make("podium-validator");
    std::vector<std::string> out;
    auto client = [&, port = port] {
      for (const auto& request : requests) {
        tests::RawConnection c(port);
        c.Send(request);
        out.push_back(c.Receive());
      }
      return true;
    };
    auto main = [&, fd = std::make_shared<UniqueFd>(std::move(listener))]() -> Task<Status> {
      auto ended =
          co_await Race(reactor_.Blocking(client), validator.Serve(std::move(*fd), temp->path()));
      co_return Status{};
    };
    EXPECT_TRUE(reactor_.Run(main));
    return out;
  }

  static std::string Form(const std::string& csv) {
    std::string body =
        Part("form-data; name=\"file\"; filename=\"submission.csv\"", csv) + "--edge--\r\n";
    return "POST /validate HTTP/1.1\r\nHost: localhost:5000\r\nContent-Type: " +
           std::string(kType) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
  }

  static ShapeVerdict OnlyGood(std::string_view bytes) {
    if (bytes.starts_with("good")) return {true, "", "Submission is valid."};
    return {false, "bad_csv", "Submission invalid (bad_csv)."};
  }

  Reactor reactor_;
  MemoryEvents events_;
};

TEST_F(ValidatorTest, SaysWhatTheCheckSaysInMleBenchsForm) {
  Validator validator(reactor_, OnlyGood, events_);
  auto answers = Ask(validator, {Form("good"), Form("else"),
                                 "GET /health HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n"});
  EXPECT_NE(answers[0].find(R"({"result":"Submission is valid."})"), std::string::npos);
  EXPECT_NE(answers[1].find(R"({"result":"Submission invalid (bad_csv)."})"), std::string::npos);
  EXPECT_NE(answers[2].find(R"({"status": "running"})"), std::string::npos);
  EXPECT_EQ(validator.counts().valid, 1);
  EXPECT_EQ(validator.counts().invalid, 1);
  EXPECT_EQ(validator.counts().refused, 0);
  ASSERT_EQ(events_.lines.size(), 2u);
  EXPECT_EQ(events_.lines[1], R"(validation {"bytes":4,"reason":"bad_csv","valid":false})");
}

TEST_F(ValidatorTest, EqualShapesGetEqualBytes) {
  Validator validator(reactor_, OnlyGood, events_);
  auto answers = Ask(validator, {Form("good 1"), Form("good 2")});
  EXPECT_EQ(answers[0], answers[1]);
}

TEST_F(ValidatorTest, ABurstIsAnsweredAndWhatFollowsIsRefusedAndCounted) {
  ValidatorLimits limits;
  limits.burst = 3;
  limits.interval = Millis(3'600'000);
  Validator validator(reactor_, OnlyGood, events_, limits);
  auto answers = Ask(validator, std::vector<std::string>(10, Form("good")));
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(
        answers[static_cast<std::size_t>(i)].starts_with(i < 3 ? "HTTP/1.1 200" : "HTTP/1.1 429"))
        << i;
  EXPECT_NE(answers[9].find("Retry-After: 3600"), std::string::npos);
  EXPECT_EQ(validator.counts().valid, 3);
  EXPECT_EQ(validator.counts().refused, 7);
}

TEST_F(ValidatorTest, ALargeFileTakesMoreTurns) {
  ValidatorLimits limits;
  limits.burst = 6;
  limits.interval = Millis(1'000'000);
  limits.bytes_a_turn = 1000;
  Validator validator(reactor_, OnlyGood, events_, limits);
  std::string large = Form("good" + std::string(3000, ' '));  // four turns
  auto answers = Ask(validator, {large, large, Form("good"), Form("good"), Form("good")});
  EXPECT_TRUE(answers[0].starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(answers[1].starts_with("HTTP/1.1 429"));
  EXPECT_NE(answers[1].find("Retry-After: 2000"), std::string::npos) << answers[1];
  EXPECT_TRUE(answers[2].starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(answers[3].starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(answers[4].starts_with("HTTP/1.1 429"));
}

TEST_F(ValidatorTest, ATrialHasSoManyChecksThroughAllItsAttempts) {
  ValidatorLimits limits;
  limits.calls = 5;
  Validator validator(reactor_, OnlyGood, events_, limits);
  validator.Resume({.valid = 2, .invalid = 2, .refused = 1});
  auto answers = Ask(validator, {Form("good"), Form("good")});
  EXPECT_TRUE(answers[0].starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(answers[1].starts_with("HTTP/1.1 429"));
  EXPECT_NE(answers[1].find("no_checks_left"), std::string::npos);
  EXPECT_EQ(validator.counts().refused, 2);
}

TEST_F(ValidatorTest, AFileBeyondTheLimitIsRefused) {
  ValidatorLimits limits;
  limits.file_bytes = 100'000;
  Validator validator(reactor_, OnlyGood, events_, limits);
  auto answers = Ask(validator, {Form("good" + std::string(400'000, 'x'))});
  EXPECT_TRUE(answers[0].starts_with("HTTP/1.1 413")) << answers[0];
  EXPECT_TRUE(events_.lines.empty());
}

// R12: eight uploads at once that never ended took 4 GiB of the host's disk, and counted as
// nothing.
TEST_F(ValidatorTest, OneUploadGoesOnAtATimeAndOneThatIsCutOffCounts) {
  Validator validator(reactor_, OnlyGood, events_);
  auto [listener, port] = tests::ListenOnLoopback();
  auto temp = TempDir::Make("podium-validator");
  std::string second, third;
  auto client = [&, port = port] {
    {
      tests::RawConnection first(port);
      std::string form = Form("good" + std::string(5000, 'x'));
      first.Send(form.substr(0, form.size() - 1000));
      for (int i = 0; i < 2000 && second.find("one_at_a_time") == std::string::npos; ++i) {
        tests::RawConnection other(port);
        other.Send(Form("good"));
        second = other.Receive();
      }
    }
    for (int i = 0; i < 2000 && !third.starts_with("HTTP/1.1 200"); ++i) {
      tests::RawConnection other(port);
      other.Send(Form("good"));
      third = other.Receive();
    }
    return true;
  };
  auto main = [&, fd = std::make_shared<UniqueFd>(std::move(listener))]() -> Task<Status> {
    auto ended =
        co_await Race(reactor_.Blocking(client), validator.Serve(std::move(*fd), temp->path()));
    co_return Status{};
  };
  EXPECT_TRUE(reactor_.Run(main));
  EXPECT_NE(second.find("one_at_a_time"), std::string::npos) << second;
  EXPECT_TRUE(third.starts_with("HTTP/1.1 200")) << third;
  EXPECT_GE(validator.counts().refused, 2) << "the one that was cut off, and those beside it";
}

}  // namespace
}  // namespace podium::agents
