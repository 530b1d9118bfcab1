#include "agents/knowledge/knowledge.h"

#include <algorithm>

#include "base/text.h"

namespace podium::agents {
namespace {

const OptionSpec kOptions[] = {
    {"knowledge.mode", "off",
     "off; search (a tool of react, a loopback address of programs, context for the others); "
     "context (passages that fit stand in the prompt); oracle (the task's own expert text)"},
    {"knowledge.corpus", "", "folder of papers and notes: .md, .txt, .pdf", true},
    {"knowledge.passages", "5", "passages that one look finds at most"},
};

constexpr std::pair<std::string_view, KnowledgeMode> kModes[] = {
    {"off", KnowledgeMode::kOff},
    {"search", KnowledgeMode::kSearch},
    {"context", KnowledgeMode::kContext},
    {"oracle", KnowledgeMode::kOracle}};

constexpr std::size_t kAskedOfDescription = 2000;  // bytes
constexpr std::size_t kLongestQuery = 4000;

// Nothing where no passage fits.
std::string TextOf(const std::vector<Passage>& found) {
  std::string out;
  for (const auto& passage : found) {
    out += "[" + passage.Place() + (passage.heading.empty() ? "" : ", " + passage.heading) + "]\n";
    out += passage.text + "\n\n";
  }
  return out;
}

Task<Result<std::vector<Passage>>> Find(Reactor& reactor, const Knowledge& knowledge,
                                        std::string_view query) {
  auto search = [corpus = knowledge.corpus, query = std::string(query.substr(0, kLongestQuery)),
                 most = knowledge.passages] { return corpus->Search(query, most); };
  co_return co_await reactor.Blocking(std::move(search), Pool::kTransfer);
}

records::KnowledgeUse Noted(std::string by, const std::string& query,
                            const std::vector<Passage>& found) {
  records::KnowledgeUse out{
      .by = std::move(by), .query = HeadTail(Printable(query), 300, 0), .passages = {}};
  for (const auto& passage : found) out.passages.push_back(passage.Place());
  return out;
}

}  // namespace

std::span<const OptionSpec> KnowledgeOptions() { return kOptions; }

Result<KnowledgePlan> TakeKnowledge(const OptionReader& options) {
  KnowledgePlan out;
  std::string mode = options.Text("knowledge.mode");
  auto found = std::ranges::find(kModes, mode, &std::pair<std::string_view, KnowledgeMode>::first);
  if (found == std::end(kModes))
    return Fail(ErrorCode::kConfig,
                options.Origin("knowledge.mode") +
                    ": 'knowledge.mode' is off, search, context or oracle, not '" + mode + "'");
  out.mode = found->second;
  PODIUM_ASSIGN(auto passages, options.Int("knowledge.passages", 1, 50));
  out.passages = static_cast<int>(passages);
  out.corpus = options.Text("knowledge.corpus");
  if (out.mode != KnowledgeMode::kSearch && out.mode != KnowledgeMode::kContext) return out;
  if (out.corpus.empty())
    return Fail(ErrorCode::kConfig, options.Origin("knowledge.mode") + ": 'knowledge.mode: " +
                                        mode + "' needs 'knowledge.corpus', a folder of documents");
  auto digest = Corpus::DigestOf(out.corpus);
  if (!digest)
    return Fail(ErrorCode::kConfig, options.Origin("knowledge.corpus") +
                                        ": 'knowledge.corpus': " + digest.error().message);
  out.digest = *digest;
  return out;
}

Task<Result<std::string>> LookUp(Reactor& reactor, const Knowledge& knowledge, EventSink& events,
                                 std::string by, std::string query) {
  auto found = co_await Find(reactor, knowledge, query);
  if (!found) co_return tl::unexpected(found.error());
  auto noted = Noted(std::move(by), query, *found);
  PODIUM_CO_TRY(co_await events.Append(std::move(noted)));
  std::string text = TextOf(*found);
  co_return text.empty() ? "No passage has any of these words." : text;
}

Task<Result<std::string>> KnowledgeText(Reactor& reactor, const Knowledge& knowledge,
                                        EventSink& events, std::string title,
                                        std::string_view description, bool as_context) {
  bool context = knowledge.mode == KnowledgeMode::kContext ||
                 (knowledge.mode == KnowledgeMode::kSearch && as_context);
  if (knowledge.mode == KnowledgeMode::kOracle) {
    records::KnowledgeUse noted{.by = "oracle", .query = "", .passages = {}};
    PODIUM_CO_TRY(co_await events.Append(std::move(noted)));
    co_return knowledge.expert;
  }
  if (!context) co_return std::string();
  std::string query = title + " " + std::string(description.substr(0, kAskedOfDescription));
  auto found = co_await Find(reactor, knowledge, query);
  if (!found) co_return tl::unexpected(found.error());
  auto noted = Noted("context", title, *found);
  PODIUM_CO_TRY(co_await events.Append(std::move(noted)));
  co_return TextOf(*found);
}

}  // namespace podium::agents
