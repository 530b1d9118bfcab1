#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace podium::agents {

class WireFormat;

// A request line that reaches a model.
struct Route {
  const WireFormat* format = nullptr;
  std::string model;     // where the path names it
  bool streams = false;  // where the path says so
  bool batch = false;    // likewise
};

struct WireTraits {
  std::string name;                 // in configs/models.yaml and in events
  std::string path;                 // where agents send it: "/v1/chat/completions"
  std::string upstream;             // below the model's base_url: "/chat/completions"
  std::string key_header;           // "Authorization"
  std::string key_prefix;           // before the key in that header: "Bearer "
  bool short_path = false;          // agents may leave the version out: `upstream` is a path too
  bool answers = true;              // has output tokens
  bool camel_names = false;         // takes field_name for fieldName
  bool free = false;                // counts tokens and such: its answers cost nothing
  bool answers_by_schema = false;   // a request can give the JSON schema of its answer
  std::string with;                 // models that serve the format of this name serve it too
  std::int64_t default_output = 0;  // tokens of an answer where none are declared; 0: the model's
};

// What a request says of its own size.
struct RequestFacts {
  std::string model;  // empty where the path names it
  bool stream = false;
  bool wants_usage = true;  // in the stream; where a gateway asks for it, the agent need not see it
  std::optional<std::int64_t> output_limit;  // tokens an answer may have, as declared
  std::int64_t answers = 1;                  // how many are asked for
  bool many = false;                         // more than one prompt
  std::string tool = {};                     // the first that is offered; empty: none
};

// What is added to a request before it goes to the provider.
struct Finish {
  std::string upstream_name;       // the provider's name for the model
  std::string output_limit_field;  // where a format has two names for it
  std::int64_t output_limit = 0;   // 0: none
};

// What an answer says of its tokens; without `input` or `output` where that is not known.
struct UsageSeen {
  std::optional<std::int64_t> input, output;
  std::int64_t cached = 0, cache_write = 0, reasoning = 0;
  bool broken = false;  // a count is there and cannot be read
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// How a conversation is written.
struct EncodeOptions {
  std::string model;           // the provider's name for it
  std::set<std::string> omit;  // fields that are not sent
  std::string output_limit_field = "max_tokens";
  // How much is thought before the answer: none, minimal, low, medium, high, xhigh, max; empty: the
  // model's own way.
  std::string reasoning_effort = {};
  // A forced tool's parameters are the schema of the answer, and it is not called, where the format
  // has that.
  bool by_schema = false;
};

}  // namespace podium::agents
