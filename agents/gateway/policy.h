#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "agents/gateway/formats.h"

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
  std::string model;  // as the sender named it; empty where the path names it
  bool stream = false;
  std::optional<std::int64_t> output_limit;  // tokens an answer may have, as the sender declared
  std::int64_t answers = 1;                  // how many are asked for
  std::int64_t media = 0;                    // pictures, sounds and documents in it
  bool documents = false;
  bool many = false;        // more than one prompt
  std::vector<Flag> flags;  // fields that were taken out or changed
};

// No field of any format has a name of more than 40 bytes, and what is looked for near a longer one
// costs its length.
inline constexpr std::size_t kLongestName = 256;

// Checks a body against its format's allowlist. Fields that say whose request it is are taken out;
// one whose name has more than `longest_name` bytes is refused unread.
[[nodiscard]] tl::expected<Screened, Refusal> Screen(Format format, std::string_view body,
                                                     std::size_t longest_name = kLongestName);

// The body as it goes to the provider: the model under the provider's name, an output limit where
// the sender declared none (0: none), what a stream needs to report its usage, nothing stored.
struct Finish {
  std::string upstream_name;
  std::string output_limit_field;  // of Chat Completions
  std::int64_t output_limit = 0;
};
[[nodiscard]] std::string FinishBody(Format format, const Screened& request, const Finish& finish);

// A bound on the tokens of a prompt: no tokenizer makes more of a text than one a byte.
[[nodiscard]] std::int64_t MostInput(const Screened& request, std::int64_t bytes_per_token,
                                     std::int64_t context_tokens);

}  // namespace podium::agents
