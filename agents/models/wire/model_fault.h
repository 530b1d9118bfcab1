#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace podium::agents {

// Why a model's server gave no answer, by what it means for who asked.
enum class FaultKind {
  kOutage,      // it does not serve now: wait, and ask the same again
  kUnreadable,  // it served something that is no answer: ask again, a few times
  kContent,     // it refuses this prompt for what it says: the asker's affair
  kOverflow,    // prompt and answer do not fit the model's context: the asker's affair
  kField,       // it does not take a field of the request: ask again without it
  kRefused,     // it refuses for good: a key, a model's name, a bill
};

struct ModelFault {
  FaultKind kind = FaultKind::kUnreadable;
  std::string text;            // for a person, printable
  std::optional<Millis> wish;  // how long the server asks to wait
  std::string field;           // kField: its name; "max_tokens>max_completion_tokens" to rename it
  bool bill = false;           // it is about money: nothing is served until somebody pays
  bool for_user = false;       // that, or a key or a model's name that the provider does not take
};

// A body with a status of 400 or above, or an object that reports an error after a status of 200:
// then the code inside counts as a status would. Knows OpenAI's, Anthropic's, Google's and vLLM's
// shapes, and codes that are numbers, numbers as text, or words.
[[nodiscard]] ModelFault JudgeError(int status, std::string_view body);

}  // namespace podium::agents
