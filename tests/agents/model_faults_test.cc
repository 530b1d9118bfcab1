// Every fault of a model's server in every format that converses, met by a native scaffold's
// proposer over real HTTP: whether it is waited for, asked again, or whose failure it is in the
// end. docs/model-faults.md is this table; `PODIUM_MODEL_FAULTS=docs/model-faults.md` writes it.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <cstdlib>
#include <iterator>
#include <map>

#include "agents/models/chat_client.h"
#include "agents/proposers/llm/llm_proposer.h"
#include "base/async/race.h"
#include "base/files.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/model_server.h"
#include "tests/support/wire_answers.h"

namespace podium::agents {
namespace {

using tests::ErrorEventOf;
using tests::ErrorOf;
using tests::ModelServer;
using tests::ReceivedRequest;
using tests::Said;
using tests::ScriptedReply;
using tests::StreamOf;
using tests::WholeOf;

const std::vector<std::string> kFormats = {"chat", "responses", "messages", "gemini"};
constexpr const char* kProgram = "Simple.\n```python\nprint('validation score: 0.5')\n```\n";
constexpr int kAttempts = 3;  // at an answer that can be read, in these tests
constexpr Millis kOutage{700};

using Format = const std::string&;

// Whose affair a fault is, where it stays.
enum class Whose {
  kServers,  // infrastructure: the trial is tried again
  kNobodys,  // the answer counts
  kModels,   // the agent's
};

struct Fault {
  const char* name;
  Whose whose;
  std::function<ScriptedReply(Format)> reply;
  int times = 1;           // that it is met before the server is well again
  bool final = false;      // it is refused at once
  bool question = false;   // a question that a forced tool should answer
  bool only_once = false;  // it is not tried whether it stays
  Millis request{20'000};  // longest wait for an answer, and for its next byte
  Millis idle{2'000};
};

ScriptedReply Good(Format format) {
  return {.body = StreamOf(format, {.text = kProgram}),
          .headers = {{"Content-Type", "text/event-stream"}}};
}

ScriptedReply Streamed(std::string body) {
  return {.body = std::move(body), .headers = {{"Content-Type", "text/event-stream"}}};
}

ScriptedReply Whole(std::string body) {
  return {.body = std::move(body), .headers = {{"Content-Type", "application/json"}}};
}

using Headers = std::vector<std::pair<std::string, std::string>>;

// 429 in the words of each provider.
ScriptedReply TooMany(Format format, Headers headers = {}) {
  std::string code = format == "gemini"     ? "RESOURCE_EXHAUSTED"
                     : format == "messages" ? "rate_limit_error"
                                            : "rate_limit_exceeded";
  return {.status = 429, .body = ErrorOf(format, 429, code), .headers = std::move(headers)};
}

// Without compression, as the format allows.
std::string Gzipped(const std::string& text) {
  auto little = [](std::uint32_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
    return out;
  };
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  auto size = static_cast<std::uint32_t>(text.size());
  std::string head("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  return head + "\x01" + little(size, 2) + little(~size, 2) + text + little(crc.checksum(), 4) +
         little(size, 4);
}

std::string NoChoice(Format format) {
  if (format == "chat") return R"({"choices": null})";
  if (format == "responses") return R"({"object": "response", "output": null})";
  return format == "messages" ? R"({"type": "message", "content": null})"
                              : R"({"candidates": null})";
}

std::string UnreadableUsage(Format format) {
  std::string body = WholeOf(format, {.text = kProgram});
  for (std::size_t at = 0; (at = body.find(":100", at)) != std::string::npos;)
    body.replace(at, 4, ":\"many\"");
  return body;
}

std::string WithoutEnd(Format format) {
  std::string body = StreamOf(format, {.text = std::string(kProgram) + kProgram});
  return body.substr(0, body.find("\n\n", body.find("rint")) + 2);
}

std::string InvalidUtf8(Format format) {
  std::string body = StreamOf(format, {.text = std::string("Caf@. ") + kProgram});
  return body.replace(body.find('@'), 1, "\xE9");
}

std::string TenMegabytes(Format format) {
  return StreamOf(format, {.text = std::string(10 << 20, '#') + "\n" + kProgram});
}

// What is asked for in a day of trouble, the rate limits first.
std::vector<Fault> Limits() {
  return {{"429, `retry-after: 1`", Whose::kServers,
           [](Format f) {
             return TooMany(f, {{"retry-after", "1"}});
           }},
          {"429, `retry-after` a date", Whose::kServers,
           [](Format f) {
             return TooMany(f, {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                                {"retry-after", "Sun, 06 Nov 1994 08:49:38 GMT"}});
           }},
          {"429, `retry-after-ms: 900`", Whose::kServers,
           [](Format f) {
             return TooMany(f, {{"retry-after-ms", "900"}});
           }},
          {"429, Google's `retryDelay` in the body", Whose::kServers,
           [](Format) {
             return ScriptedReply{.status = 429, .body = R"({"error": {"code": 429, "details":
           [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.9s"}]}})"};
           }},
          {"429, nothing said", Whose::kServers, [](Format f) { return TooMany(f); }},
          {"429, `insufficient_quota`", Whose::kServers,
           [](Format f) {
             return ScriptedReply{.status = 429,
                                  .body = ErrorOf(f, 429, "insufficient_quota"),
                                  .headers = {{"x-should-retry", "true"}}};
           },
           1, true},
          {"429, `x-should-retry: false`", Whose::kServers,
           [](Format f) {
             return TooMany(f, {{"x-should-retry", "false"}});
           },
           1, true},
          {"400, `x-should-retry: true`", Whose::kServers,
           [](Format f) {
             return ScriptedReply{.status = 400,
                                  .body = ErrorOf(f, 400, "INVALID_ARGUMENT"),
                                  .headers = {{"x-should-retry", "true"}}};
           }},
          {"401, a key that is none", Whose::kServers,
           [](Format f) {
             return ScriptedReply{.status = 401, .body = ErrorOf(f, 401, "UNAUTHENTICATED")};
           },
           1, true}};
}

std::vector<Fault> Outages() {
  return {
      {"529, overloaded", Whose::kServers,
       [](Format f) {
         return ScriptedReply{.status = 529, .body = ErrorOf(f, 529, "overloaded_error")};
       }},
      {"500, three in a row", Whose::kServers,
       [](Format) { return ScriptedReply{.status = 500, .body = "Internal Server Error"}; }, 3},
      {"the connection closes without an answer", Whose::kServers,
       [](Format) { return ScriptedReply{.hang_up = true}; }},
      {"no byte of an answer", Whose::kServers,
       [](Format f) {
         ScriptedReply out = Good(f);
         out.delay = std::chrono::seconds(600);
         return out;
       },
       1, false, false, false, Millis(20'000), Millis(500)},
      {"a byte now and then (slow loris)", Whose::kServers,
       [](Format f) {
         ScriptedReply out = Good(f);
         out.drip = std::chrono::milliseconds(40);
         return out;
       },
       1, false, false, false, Millis(1'500), Millis(1'000)},
      {"a stream whose connection breaks", Whose::kServers,
       [](Format f) {
         ScriptedReply out = Good(f);
         out.cut_after = out.body.size() / 2;
         return out;
       }},
      {"a stream without its end", Whose::kServers,
       [](Format f) { return Streamed(WithoutEnd(f)); }},
      {"an error event after 200", Whose::kServers,
       [](Format f) { return Streamed(WithoutEnd(f) + ErrorEventOf(f, 503, "overloaded_error")); }},
      {"an error object in a 200", Whose::kServers,
       [](Format f) { return Whole(ErrorOf(f, 503, "server_error")); }}};
}

std::vector<Fault> Answers() {
  return {
      {"usage is missing", Whose::kNobodys,
       [](Format f) { return Streamed(StreamOf(f, {.text = kProgram, .usage = false})); }},
      {"usage is no number", Whose::kNobodys, [](Format f) { return Whole(UnreadableUsage(f)); }},
      {"the answer comes as a whole, not as a stream", Whose::kNobodys,
       [](Format f) { return Whole(WholeOf(f, {.text = kProgram})); }},
      {"an answer of 10 MB", Whose::kNobodys, [](Format f) { return Streamed(TenMegabytes(f)); }, 1,
       false, false, true, Millis(60'000), Millis(30'000)},
      {"bytes that are no UTF-8", Whose::kNobodys,
       [](Format f) { return Streamed(InvalidUtf8(f)); }},
      {"gzip that was not asked for", Whose::kNobodys,
       [](Format f) {
         return ScriptedReply{
             .body = Gzipped(WholeOf(f, {.text = kProgram})),
             .headers = {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}};
       }},
      {"`choices: null`, and its like", Whose::kServers,
       [](Format f) { return Whole(NoChoice(f)); }},
      {"a web page in a 200", Whose::kServers,
       [](Format) { return ScriptedReply{.body = "<html>sign in</html>"}; }},
      {"an empty text", Whose::kModels, [](Format f) { return Streamed(StreamOf(f, {})); }},
      {"a refusal", Whose::kModels,
       [](Format f) {
         return Streamed(StreamOf(f, {.text = "I cannot help.", .stop = "refusal"}));
       }},
      {"cut by the limit of its length", Whose::kModels,
       [](Format f) {
         return Streamed(StreamOf(f, {.text = "```python\nprint(1", .stop = "length"}));
       }},
      {"prose without a program", Whose::kModels,
       [](Format f) { return Streamed(StreamOf(f, {.text = "Shall I begin?"})); }},
      {"prose in place of the forced tool's call", Whose::kModels,
       [](Format f) { return Streamed(StreamOf(f, {.text = "It went well."})); }, 1, false, true}};
}

std::vector<Fault> Faults() {
  std::vector<Fault> out = Limits();
  for (const auto& more : {Outages(), Answers()}) out.insert(out.end(), more.begin(), more.end());
  return out;
}

// How one script ended.
struct Seen {
  std::string end;     // as the page says it
  std::string booked;  // of a budget
  bool waited = false;
};

std::string Times(int n) {
  return n == 1 ? "once" : n == 2 ? "twice" : std::to_string(n) + " times";
}

// One script in one format: `stays`, or the server is well again after fault.times.
class Script {
 public:
  Script(Reactor& reactor, HttpClient& http, const Fault& fault, std::string format, bool stays)
      : fault_(fault),
        format_(std::move(format)),
        stays_(stays),
        server_([this](int number, const ReceivedRequest&) {
          return stays_ || number < fault_.times ? fault_.reply(format_) : Good(format_);
        }) {
    TrialModelsOptions options;
    options.record_dir = temp_.path();
    models_.emplace(reactor, http, gate_, events_, options);
    LlmSettings settings;
    settings.prompts = *PromptSet::Load(PromptSet::Find("aide"));
    proposer_ =
        MakeLlmProposer(std::make_unique<ChatClient>(*models_, Config()), std::move(settings));
  }

  Task<void> Run() {
    Deadline deadline = Deadline::In(std::chrono::seconds(60));
    if (fault_.question)
      co_await Question(deadline);
    else
      co_await Proposed(deadline);
    auto flushed = co_await models_->Flush();
    EXPECT_TRUE(flushed);
    seen.waited = WaitedForTheServer();
    seen.booked = Booked();
  }

  // A busy machine makes a call wait some milliseconds for its turn; that is no fault of the
  // server.
  [[nodiscard]] bool WaitedForTheServer() const {
    return std::ranges::any_of(events_.Of("outage"), [](const Json& outage) {
      std::string why = outage.value("why", "");
      return !why.starts_with("no turn to ask") &&
             !why.starts_with("the provider had no free place");
    });
  }

  [[nodiscard]] int requests() const { return static_cast<int>(server_.requests().size()); }
  Seen seen;

 private:
  [[nodiscard]] ModelConfig Config() const {
    ModelConfig out{.model = "m", .format = format_, .api_key = "k-0123456789"};
    out.base_url = server_.base_url();
    out.max_attempts = kAttempts;
    out.max_outage = stays_ ? kOutage : Millis(30'000);
    out.request_timeout = fault_.request;
    out.idle_timeout = fault_.idle;
    return out;
  }

  Task<void> Proposed(Deadline deadline) {
    TaskBrief task;
    DataPreview preview;
    std::vector<SearchNode> nodes;
    ProposalRequest request;
    request.nodes = &nodes;
    request.task = &task;
    request.preview = &preview;
    auto proposal = co_await proposer_->Propose(request, deadline);
    if (!proposal)
      seen.end = EndOf(proposal.error());
    else if (proposal->code.empty())
      seen.end = "the agent's: `" + proposal->fault + "` after " + Times(requests());
    else
      seen.end = "answered, asked " + Times(requests());
  }

  Task<void> Question(Deadline deadline) {
    TaskBrief task;
    SearchNode node;
    node.output = "all went well";
    auto reading = co_await proposer_->ReadScore(node, task, deadline);
    if (!reading)
      seen.end = EndOf(reading.error());
    else
      seen.end = reading->score ? "a score" : "the node has no score, asked " + Times(requests());
  }

  // How often is not said where it is a matter of time.
  [[nodiscard]] std::string EndOf(const Error& error) const {
    bool outage = error.code == ErrorCode::kUnavailable;
    bool attempts = error.code == ErrorCode::kModel && requests() == kAttempts;
    return std::string("infrastructure, ") + (outage     ? "after `llm.max_outage`"
                                              : attempts ? "after all attempts"
                                                         : "asked " + Times(requests()));
  }

  // What each call of the journal counts as.
  [[nodiscard]] std::string Booked() const {
    std::vector<std::string> out;
    for (const Json& call : events_.Of("model_call")) {
      std::int64_t output = call["output_tokens"];
      std::string one = output == 25 ? "what it says" : output == 0 ? "nothing" : "all set aside";
      if (out.empty() || out.back() != one) out.push_back(one);
    }
    std::string text;
    for (const auto& one : out) text += (text.empty() ? "" : ", then ") + one;
    return text.empty() ? "nothing" : text;
  }

  const Fault& fault_;
  std::string format_;
  bool stays_;
  TempDir temp_ = *TempDir::Make("podium-faults");
  tests::KeptEvents events_;
  ProviderGate gate_;
  ModelServer server_;
  std::optional<TrialModels> models_;
  std::unique_ptr<Proposer> proposer_;
};

// Both scripts in all formats, side by side.
struct Row {
  const Fault* fault = nullptr;
  std::vector<std::unique_ptr<Script>> passes, stays;
};

std::vector<Row> RunAll(Reactor& reactor, HttpClient& http, const std::vector<Fault>& faults) {
  std::vector<Row> rows;
  for (const Fault& fault : faults) {
    Row& row = rows.emplace_back();
    row.fault = &fault;
    for (const auto& format : kFormats) {
      row.passes.push_back(std::make_unique<Script>(reactor, http, fault, format, false));
      if (!fault.only_once)
        row.stays.push_back(std::make_unique<Script>(reactor, http, fault, format, true));
    }
  }
  auto run = reactor.Run([&]() -> Task<Status> {
    std::vector<Task<void>> all;
    for (Row& row : rows) {
      for (auto* scripts : {&row.passes, &row.stays}) {
        for (auto& script : *scripts) all.push_back(script->Run());
      }
    }
    co_await AllOf(std::move(all));
    co_return Status{};
  });
  EXPECT_TRUE(run);
  return rows;
}

// What all formats have in common; else each with its name.
std::string Cell(const std::vector<std::unique_ptr<Script>>& scripts,
                 const std::function<std::string(const Script&)>& text) {
  if (scripts.empty()) return "not tried";
  std::string first = text(*scripts.front()), each;
  bool same = true;
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    std::string own = text(*scripts[i]);
    same = same && own == first;
    each += (i > 0 ? "; " : "") + kFormats[i] + ": " + own;
  }
  return same ? first : each;
}

// How long one that stays was waited for may be less than is counted.
std::string EndOnly(const Script& script) { return script.seen.end; }

std::string EndText(const Script& script) {
  return script.seen.end + (script.seen.waited ? ", waited for" : "");
}

void ExpectWhose(const Row& row) {
  const Fault& fault = *row.fault;
  for (const auto& script : row.passes) {
    bool refused = fault.final && script->seen.end == "infrastructure, asked once";
    bool answered = script->seen.end.starts_with("answered") || fault.question;
    EXPECT_TRUE(refused || answered) << fault.name << ": " << script->seen.end;
  }
  for (const auto& script : row.stays) {
    bool agents = script->seen.end.starts_with("the agent's") || fault.question;
    bool servers = script->seen.end.starts_with("infrastructure");
    EXPECT_EQ(agents, fault.whose == Whose::kModels) << fault.name << ": " << script->seen.end;
    EXPECT_EQ(servers, fault.whose == Whose::kServers) << fault.name << ": " << script->seen.end;
  }
}

constexpr const char* kHead =
    "# Faults of models' servers\n\n"
    "What becomes of a native scaffold's call when its server fails, in each of the formats Chat "
    "Completions, Responses, Messages\n"
    "and Gemini's generateContent. The table is made by `podium_agents_test` "
    "(tests/agents/model_faults_test.cc), which meets every fault over HTTP and\n"
    "compares this page with what it saw. A cell holds for all four formats unless it names them.\n"
    "\n"
    "- **It passes**: the server is well again afterwards. *waited for*: the time is an outage, "
    "which is no working time and no attempt; the\n"
    "  server's own wish is kept, else pauses double from half a second to a minute.\n"
    "- **It stays**: whose failure it is in the end. *infrastructure* gives no verdict: the same "
    "command tries the trial again. *the agent's*: the node\n"
    "  fails with that fault and the search goes on.\n"
    "- **Booked**: what of the trial's budgets the calls that passed took: what the answer says "
    "that it used, or all that was set aside where it does\n"
    "  not say. An answer that cannot be read is asked for five times in all (three in this "
    "table).\n\n"
    "| fault | it passes | it stays | booked |\n| --- | --- | --- | --- |\n";

std::string LineOf(const Row& row) {
  auto booked = [](const Script& script) { return script.seen.booked; };
  return "| " + std::string(row.fault->name) + " | " + Cell(row.passes, EndText) + " | " +
         Cell(row.stays, EndOnly) + " | " + Cell(row.passes, booked) + " |\n";
}

TEST(ModelFaultsTest, EachInEachFormatIsWhoseItIsAndThePageSaysSo) {
  std::vector<Fault> faults = Faults();
  Reactor reactor(1);
  HttpClient http;
  std::map<std::string, std::string> lines;
  // Ten megabytes four times over keep a slow build busy, and the others have their times.
  for (bool large : {true, false}) {
    std::vector<Fault> some;
    auto wanted = [&](const Fault& fault) { return fault.only_once == large; };
    std::ranges::copy_if(faults, std::back_inserter(some), wanted);
    for (const Row& row : RunAll(reactor, http, some)) {
      ExpectWhose(row);
      lines[row.fault->name] = LineOf(row);
    }
  }
  std::string page = kHead;
  for (const Fault& fault : faults) page += lines[fault.name];
  if (const char* to = std::getenv("PODIUM_MODEL_FAULTS")) {
    ASSERT_TRUE(WriteFileAtomic(to, page));
  }
  auto kept = ReadFile(std::filesystem::path(PODIUM_SOURCE_DIR) / "docs" / "model-faults.md");
  ASSERT_TRUE(kept) << "PODIUM_MODEL_FAULTS=docs/model-faults.md podium_agents_test writes it";
  EXPECT_EQ(*kept, page);
}

}  // namespace
}  // namespace podium::agents
