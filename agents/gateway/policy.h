#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "agents/models/wire/wire_format.h"

namespace podium::agents {

// Why a request is not served, as its sender sees it.
struct Refusal {
  int status = 403;
  std::string code;  // docs/gateway.md lists them
  std::string message;
};

// What is worth a "gateway_flag" event.
struct Flag {
  std::string code;
  std::string detail;
};

// A request in which every field is allowed, as canonical JSON (keys sorted).
struct Screened {
  std::string body;
  RequestFacts facts;
  std::int64_t media = 0;  // pictures, sounds and documents in it
  bool documents = false;
  std::vector<Flag> flags;  // fields that were taken out or changed
};

// No field of any format has a name of more than 45 bytes, and what is looked for near a longer one
// costs its length.
inline constexpr std::size_t kLongestName = 256;

// The language of WireFormat::Allowlist: the request fields that a gateway lets through, as JSON.
// Nothing that costs more than text and pictures is in them (sound, long-lived caches). A rule is
//   "any"            whatever it is: nothing in it makes a provider act
//   "text", "value"  a string; a string, number or boolean
//   "values"         values, and lists of them
//   "positive"       a whole number from 0 up
//   "data"           a string that begins with "data:" (never a place to fetch from)
//   "drop"           taken out, and flagged; "drop-tool" the same of tools that a provider runs
//   "false"          becomes false, and is flagged if it was not
//   "never"          refused unless null or false
//   "a|b|c"          one of these strings
//   "@name"          the rule `name` of the same format
//   {...}            an object with these members and no other
//   [rule]           a list
//   {"?": [rules]}   the first of them whose kind (text, list, object) is the value's
//   {"by": member, "else": name, "of": {name: rule}}   an object, by its text `member`
// null is allowed wherever something optional may stand. {"refuse": code, ...} inside an object
// or a "by" names the code for what is not listed there, in place of "field_not_allowed";
// {"others": code, ...} takes it out instead, flagged with that code; {"needs": member, ...} takes
// an object out of which that member was taken, or that never had it.

// Fields at the top of a request that a model takes beyond its format's, by the model's names.
using ExtraFields = std::map<std::string, std::set<std::string>>;

struct ScreenOptions {
  std::size_t longest_name = kLongestName;  // of a field, in bytes; a longer one is refused unread
  std::string model;                        // where the path names it
  const ExtraFields* extra_fields = nullptr;  // borrowed
};

// Checks a body against its format's allowlist. Fields that say whose request it is and tools that
// a provider would run are taken out.
[[nodiscard]] tl::expected<Screened, Refusal> Screen(const WireFormat& format,
                                                     std::string_view body,
                                                     const ScreenOptions& options = {});

// The body as it goes to the provider: the model under the provider's name, an output limit where
// the sender declared none (0: none), what a stream needs to report its usage, nothing stored.
[[nodiscard]] std::string FinishBody(const WireFormat& format, const Screened& request,
                                     const Finish& finish);

// A bound on the tokens of a prompt: no tokenizer makes more of a text than one a byte.
[[nodiscard]] std::int64_t MostInput(const Screened& request, std::int64_t bytes_per_token,
                                     std::int64_t context_tokens);

}  // namespace podium::agents
