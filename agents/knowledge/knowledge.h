#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agents/event_sink.h"
#include "agents/knowledge/corpus.h"
#include "agents/options.h"
#include "base/async/reactor.h"
#include "base/records/event.h"
#include "base/result.h"

namespace podium::agents {

enum class KnowledgeMode {
  kOff,
  kSearch,   // looked up: by a tool, or by a program at its loopback address
  kContext,  // what fits the task stands in the prompt
  kOracle,   // the task's own expert text stands in the prompt
};

// What an agent's settings say of it.
struct KnowledgePlan {
  KnowledgeMode mode = KnowledgeMode::kOff;
  std::filesystem::path corpus;
  int passages = 5;              // found at a time
  std::optional<Digest> digest;  // of the corpus
};

[[nodiscard]] std::span<const OptionSpec> KnowledgeOptions();
// An error names the setting. Blocks: the corpus is read for its digest.
[[nodiscard]] Result<KnowledgePlan> TakeKnowledge(const OptionReader& options);

// What a trial may know beside its task. Cheap to copy.
struct Knowledge {
  KnowledgeMode mode = KnowledgeMode::kOff;
  std::shared_ptr<const Corpus> corpus;
  std::string expert;  // of kOracle
  int passages = 5;

  [[nodiscard]] bool searchable() const { return mode == KnowledgeMode::kSearch && corpus; }
};

// One look at it, noted in the journal. `by`: "tool", "http", "context". Passages with their
// places, for a reader; a sentence where nothing fits.
[[nodiscard]] Task<Result<std::string>> LookUp(Reactor& reactor, const Knowledge& knowledge,
                                               EventSink& events, std::string by,
                                               std::string query);

// What stands in a prompt from the beginning: passages that fit the task's title and description,
// or the expert's text; "" where there is none. `as_context`: the scaffold has no way to look
// things up, and has them so under kSearch as well.
[[nodiscard]] Task<Result<std::string>> KnowledgeText(Reactor& reactor, const Knowledge& knowledge,
                                                      EventSink& events, std::string title,
                                                      std::string_view description,
                                                      bool as_context);

}  // namespace podium::agents
