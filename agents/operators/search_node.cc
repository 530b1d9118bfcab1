#include "agents/operators/search_node.h"

#include "base/json.h"

namespace podium::agents {

std::string_view OperatorText(Operator op) {
  switch (op) {
    case Operator::kDraft:
      return "draft";
    case Operator::kDebug:
      return "debug";
    case Operator::kImprove:
      return "improve";
  }
  return "draft";
}

std::string NodeToJson(const SearchNode& n) {
  Json tokens = {{"prompt", n.tokens.prompt},
                 {"completion", n.tokens.completion},
                 {"calls", n.tokens.calls},
                 {"wait_ms", n.tokens.wait.count()}};
  Json out = {{"id", n.id},
              {"parent", n.parent},
              {"op", OperatorText(n.op)},
              {"source", n.source},
              {"plan", n.plan},
              {"code", n.code},
              {"end", n.end},
              {"exit_code", n.exit_code},
              {"output", n.output},
              {"exec_ms", n.exec_wall.count()},
              {"tokens", tokens},
              {"submission", n.submission_digest},
              {"fault", n.fault},
              {"detail", n.detail}};
  out["score"] = n.score ? Json(*n.score) : Json();
  return DumpJson(out);
}

Result<SearchNode> NodeFromJson(std::string_view text) {
  PODIUM_ASSIGN(Json json, ParseJson(text, "search node"));
  SearchNode n;
  PODIUM_ASSIGN(n.id, JsonGet<int>(json, "id"));
  PODIUM_ASSIGN(n.parent, JsonGet<int>(json, "parent"));
  PODIUM_ASSIGN(std::string op, JsonGet<std::string>(json, "op"));
  n.op = op == "debug" ? Operator::kDebug : op == "improve" ? Operator::kImprove : Operator::kDraft;
  n.source = JsonOr<std::string>(json, "source", "");
  n.plan = JsonOr<std::string>(json, "plan", "");
  n.code = JsonOr<std::string>(json, "code", "");
  n.end = JsonOr<std::string>(json, "end", "");
  n.exit_code = JsonOr(json, "exit_code", -1);
  n.output = JsonOr<std::string>(json, "output", "");
  n.exec_wall = Millis(JsonOr<std::int64_t>(json, "exec_ms", 0));
  n.submission_digest = JsonOr<std::string>(json, "submission", "");
  n.fault = JsonOr<std::string>(json, "fault", "");
  n.detail = JsonOr<std::string>(json, "detail", "");
  if (json.contains("score") && json["score"].is_number()) n.score = json["score"].get<double>();
  if (auto tokens = json.find("tokens"); tokens != json.end()) {
    n.tokens = {JsonOr<std::int64_t>(*tokens, "prompt", 0),
                JsonOr<std::int64_t>(*tokens, "completion", 0), JsonOr(*tokens, "calls", 0),
                Millis(JsonOr<std::int64_t>(*tokens, "wait_ms", 0))};
  }
  return n;
}

}  // namespace podium::agents
