#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "agents/models/wire/conversation.h"
#include "agents/models/wire/model_fault.h"
#include "agents/models/wire/wire_types.h"

namespace podium {
using Json = nlohmann::json;  // named here, included by .cc files alone (base/json.h)
}

namespace podium::agents {

// "Name: value" of the key as a format's provider takes it, or under a server's own name for it.
[[nodiscard]] std::string KeyHeader(const WireTraits& traits, const std::optional<std::string>& own,
                                    const std::string& key);

// Puts one answer together, from events or from the whole.
class AnswerReader {
 public:
  virtual ~AnswerReader() = default;
  // A data event of a stream.
  [[nodiscard]] virtual tl::expected<void, ModelFault> AddEvent(const Json& event) = 0;
  // An answer that is one JSON value.
  [[nodiscard]] virtual tl::expected<void, ModelFault> AddWhole(const Json& answer) = 0;
  // Whether the end of a stream was seen, beside "[DONE]".
  [[nodiscard]] virtual bool ended() const = 0;
  // Whether it holds an answer at all.
  [[nodiscard]] virtual bool has_answer() const = 0;
  [[nodiscard]] virtual ChatReply Finish() = 0;
};

// All that is particular to one wire format: paths, the request fields that a gateway lets through,
// where a request declares its size, what an answer says of its tokens and its end, the shape of an
// error, and, where it carries conversations, how these are written and read. A value without
// state, used from any thread; registry.h holds those that there are.
class WireFormat {
 public:
  explicit WireFormat(WireTraits traits) : traits_(std::move(traits)) {}
  virtual ~WireFormat() = default;
  WireFormat(const WireFormat&) = delete;
  WireFormat& operator=(const WireFormat&) = delete;
  [[nodiscard]] const WireTraits& traits() const { return traits_; }
  [[nodiscard]] const std::string& name() const { return traits_.name; }

  // Requests.
  // The route of a POST to this path; by default the traits' own path.
  [[nodiscard]] virtual std::optional<Route> Match(std::string_view path) const;
  // Whether a client of this format asks at such paths, right or wrong: an error takes its shape.
  [[nodiscard]] virtual bool OwnsPath(std::string_view path) const;
  // Where a request goes, below the model's base_url. `events`: as server-sent events.
  [[nodiscard]] virtual std::string UpstreamPath(const Route& route,
                                                 const std::string& upstream_name,
                                                 bool events) const;
  // Headers that its provider needs beside the key, from those that were asked with ("Name:
  // value"). What is not passed on of a header goes to `dropped`.
  virtual void AddHeaders(const HeaderList& asked, std::vector<std::string>& out,
                          std::vector<std::string>& dropped) const;
  // The fields that are let through, as JSON in the language that gateway/policy.h explains.
  [[nodiscard]] virtual std::string_view Allowlist() const = 0;
  [[nodiscard]] virtual RequestFacts FactsOf(const Json& request) const = 0;
  // Writes the provider's model and an output limit in, and what makes a stream report its usage.
  virtual void Complete(Json& request, const Finish& finish, bool stream) const = 0;

  // Answers.
  virtual void AddUsage(const Json& value, UsageSeen& seen) const = 0;
  // Whether this event is the last that says something of the answer.
  [[nodiscard]] virtual bool Ends(const Json& event) const = 0;
  // Whether it reports an error in place of an answer.
  [[nodiscard]] virtual bool Failed(const Json& value) const;
  // Whether an event is there for its usage alone, and would not be had it not been asked for.
  [[nodiscard]] virtual bool TellsUsageAlone(const Json&) const { return false; }
  // Whether an event can say something of usage, end or error: most carry text alone and are not
  // parsed.
  [[nodiscard]] virtual bool MayTell(std::string_view data) const = 0;
  // An error as the format's own provider writes it, with `code` in it.
  [[nodiscard]] virtual std::string ErrorBody(int status, std::string_view code,
                                              std::string_view message) const;

  // Conversations.
  [[nodiscard]] virtual bool converses() const { return false; }
  // Canonical JSON (keys sorted), asking for a stream. Only where it converses.
  [[nodiscard]] virtual std::string Encode(const ChatRequest& request,
                                           const EncodeOptions& options) const;
  // nullptr where it does not converse.
  [[nodiscard]] virtual std::unique_ptr<AnswerReader> MakeReader() const { return nullptr; }
  // An answer as one JSON value, which its reader reads again.
  [[nodiscard]] virtual std::string EncodeReply(const ChatReply& reply) const;
  // The same as the provider's own clients are answered: whole, and as server-sent events, the last
  // of which says what was used.
  [[nodiscard]] virtual std::string AnswerBody(const ChatReply& reply,
                                               const std::string& model) const;
  [[nodiscard]] virtual std::string AnswerEvents(const ChatReply& reply,
                                                 const std::string& model) const;
  // An error that takes the place of a stream's next event.
  [[nodiscard]] virtual std::string ErrorEvent(int status, std::string_view code,
                                               std::string_view message) const;
  // ChatReply::finish_reason of an answer that ends so.
  [[nodiscard]] virtual std::string StopWord(StopReason stop) const;
  // The texts of an event that are pieces of longer ones, each with the name of what it is a piece
  // of ("choices/0/content"): what is looked for in them may lie across events.
  virtual void Pieces(Json& event, std::vector<std::pair<std::string, Json*>>& out) const;

 private:
  WireTraits traits_;
};

}  // namespace podium::agents
