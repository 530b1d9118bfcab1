#include "agents/proposers/llm/prompts.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace podium::agents {
namespace {

// What programs are told of the validator, where it is offered to them.
std::string ValidatorRule(const ProposalRequest& r) {
  return "6. The command `bash /home/validate_submission.sh " + r.task->submission_path +
         "` says whether the file has the right shape (no score). Have the program run it at its "
         "end and print what it says.\n";
}

std::string Rules(const ProposalRequest& r) {
  const FilePreview* sample = r.preview->Find("sample_submission.csv");
  std::string columns;
  if (sample) {
    std::vector<std::string> names;
    for (const auto& c : sample->columns) names.push_back(c.name);
    columns =
        names.size() <= 8 ? Join(names, ",") : names[0] + "," + names[1] + ",...," + names.back();
  }
  return "Write ONE complete Python 3 program in a single ```python code block. It must:\n"
         "1. read its data from /home/data/ (the files listed above; nothing else exists, there is "
         "no internet);\n"
         "2. hold out part of the training data, measure the task's metric on it and print exactly "
         "one line\n"
         "   `Validation score: <number>`;\n"
         "3. train on the training data, predict every row of the test data and write " +
         r.task->submission_path + " with the columns " + columns +
         " in this order and the same ids as /home/data/sample_submission.csv;\n"
         "4. use only the standard library, numpy, pandas, scikit-learn, xgboost and pillow;\n"
         "5. finish within " +
         FormatDuration(r.exec_limit) + " on one CPU core.\n";
}

// What goes wrong most often.
constexpr const char* kAdvice =
    "Use column names exactly as listed above. test.csv lacks the columns to predict, so never "
    "drop "
    "them from it. Encode text columns\non train and test together (pd.concat, then get_dummies or "
    "category codes), so that both get the same columns. Fill missing\nvalues. Predict the test "
    "rows, not the validation rows, for the submission. Do not plot.\n";

// Code that loads a train/test pair of tables with one target, encodes both alike and holds rows
// out, or nothing where the files are something else. A help for small models, whose programs fail
// at this most often.
std::string StarterCode(const ProposalRequest& r, const LlmSettings& s) {
  if (!s.starter_code) return "";
  const FilePreview* train = r.preview->Find("train.csv");
  const FilePreview* test = r.preview->Find("test.csv");
  const FilePreview* sample = r.preview->Find("sample_submission.csv");
  if (!train || !test || !sample || sample->columns.size() != 2) return "";
  const std::string& id = sample->columns[0].name;
  const std::string& answer = sample->columns[1].name;
  std::vector<std::string> targets = MissingFrom(*train, *test);
  auto has_id = [&](const FilePreview* f) {
    return std::ranges::find(f->columns, id, &ColumnPreview::name) != f->columns.end();
  };
  if (targets.size() != 1 || !has_id(test)) return "";
  std::string drop = has_id(train) ? "[\"" + id + "\", target]" : "[target]";
  return "\n# Begin your program with exactly these lines\n```python\nimport pandas as pd\n"
         "from sklearn.model_selection import train_test_split\n"
         "train = pd.read_csv(\"/home/data/train.csv\")\n"
         "test = pd.read_csv(\"/home/data/test.csv\")\n"
         "sample = pd.read_csv(\"/home/data/sample_submission.csv\")\n"
         "target = \"" +
         targets[0] + "\"\ny = train[target]\nboth = pd.concat([train.drop(columns=" + drop +
         "), test.drop(columns=[\"" + id +
         "\"])])\nboth = pd.get_dummies(both).fillna(0)\n"
         "X, X_test = both[:len(train)], both[len(train):]\n"
         "X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=0)\n"
         "```\nAll columns of X are numbers now: nothing else has to be loaded, dropped or "
         "encoded. "
         "Go on from there: fit a model on X_train and y_train, measure it on X_val and y_val and "
         "print the line `Validation score: <number>`, fit it on X and y, then\n"
         "sample[\"" +
         answer + "\"] = its predictions for X_test" +
         (r.task->metric == "roc_auc" ? " (model.predict_proba(X_test)[:, 1])" : "") +
         "\nsample.to_csv(\"" + r.task->submission_path + "\", index=False)\n";
}

std::string RulesAndHelp(const ProposalRequest& r, const LlmSettings& s) {
  std::string starter = StarterCode(r, s);
  std::string validator = s.validator == ValidatorUse::kOffered ? ValidatorRule(r) : "";
  return Rules(r) + validator + (starter.empty() ? kAdvice : starter);
}

std::string Failure(const SearchNode& failed, const LlmSettings& s) {
  if (s.feedback == Feedback::kNone) return "Nothing is known of how it ended.";
  if (failed.fault == "no_code") return "The answer held no program.";
  return "It failed: " + FaultText(failed, s.validator != ValidatorUse::kOff);
}

std::string ResultText(const SearchNode& node, Feedback feedback) {
  if (feedback != Feedback::kOwn) return feedback == Feedback::kNone ? "" : "It counts.";
  std::string place = node.place.empty() ? "" : " On the leaderboard it is " + node.place + ".";
  return "Its validation score is " + (node.score ? FormatScore(*node.score) : "unknown") + "." +
         place;
}

std::string OutputText(const SearchNode& node, const LlmSettings& s) {
  return HeadTail(node.output, s.output_bytes / 3, s.output_bytes * 2 / 3);
}

// Of all parents, in one program's bounds together.
std::string Solutions(const ProposalRequest& r, const LlmSettings& s) {
  std::string out;
  for (int parent : r.parents) {
    const SearchNode& node = (*r.nodes)[static_cast<std::size_t>(parent)];
    out += "```python\n" + node.code.substr(0, s.code_bytes / r.parents.size()) + "\n```\n" +
           ResultText(node, s.feedback) + "\n";
  }
  return out;
}

using Values = std::map<std::string_view, std::string>;

void AddParent(const ProposalRequest& r, const LlmSettings& s, Values& out) {
  if (r.parents.empty()) return;
  out["code"] = r.parent().code.substr(0, s.code_bytes);
  out["result"] = ResultText(r.parent(), s.feedback);
  out["failure"] = Failure(r.parent(), s);
  if (s.feedback != Feedback::kNone) out["output"] = OutputText(r.parent(), s);
  out["solutions"] = Solutions(r, s);
}

std::vector<ChatMessage> Messages(Prompt prompt) {
  return {{"system", std::move(prompt.system)}, {"user", std::move(prompt.user)}};
}

}  // namespace

std::vector<ChatMessage> OperatorPrompt(const ProposalRequest& r, const LlmSettings& s) {
  bool tells_shape = s.validator != ValidatorUse::kOff;
  Values values = {{"title", r.task->title},
                   {"description", HeadTail(r.task->description, s.description_bytes * 3 / 4,
                                            s.description_bytes / 4)},
                   {"metric", r.task->metric},
                   {"direction", r.task->lower_is_better ? "lower is better" : "higher is better"},
                   {"memory", MemoryText(r, s.memory, s.feedback, tells_shape, s.output_bytes)},
                   {"rules", RulesAndHelp(r, s)}};
  if (s.data_preview) values["data"] = "# Data\n" + PreviewText(*r.preview, s.preview_bytes);
  if (!r.knowledge.empty())
    values["knowledge"] = "# What is known of such tasks\n" + std::string(r.knowledge) + "\n";
  if (s.complexity_cue) values["complexity"] = ComplexityCue(r);
  if (s.budget_in_prompt)
    values["budget"] = "Programs left, this one included: " + std::to_string(r.nodes_left) + ".\n";
  AddParent(r, s, values);
  return Messages(s.prompts->Render(r.op, values));
}

std::vector<ChatMessage> ReviewPrompt(const SearchNode& node, const TaskBrief& task,
                                      const LlmSettings& s) {
  Values values = {{"title", task.title}, {"metric", task.metric}, {"output", OutputText(node, s)}};
  return Messages(s.prompts->Render("review", values));
}

ToolSpec ReviewTool() {
  return {
      "submit_review", "Report the validation score that the program printed.",
      R"({"type":"object","properties":{"metric":{"type":["number","null"],"description":"the validation score, null if none was printed"},)"
      R"("summary":{"type":"string","description":"one sentence on what the program did"}},"required":["metric","summary"]})"};
}

std::vector<ChatMessage> LeakPrompt(const SearchNode& node, const TaskBrief& task,
                                    const LlmSettings& s) {
  Values values = {{"title", task.title},
                   {"metric", task.metric},
                   {"code", node.code.substr(0, s.code_bytes)},
                   {"output", OutputText(node, s)}};
  return Messages(s.prompts->Render("leak", values));
}

ToolSpec LeakTool() {
  return {
      "report_leak", "Say whether the program uses answers that it cannot have.",
      R"({"type":"object","properties":{"leaks":{"type":"boolean","description":"whether it does"},)"
      R"("why":{"type":"string","description":"the line that does, and how; one sentence"}},"required":["leaks","why"]})"};
}

}  // namespace podium::agents
