#include "harness/cli/examples.h"

#include <map>
#include <string>
#include <string_view>

namespace podium::harness {
namespace {

// A verb to the lines of its examples: a command, two blanks or more, what it does.
const std::map<std::string_view, std::string_view>&
Examples() {  // NOLINT(readability-function-size)
  static const std::map<std::string_view, std::string_view> kExamples = {
      {"run",
       "  podium run configs/runs/quickstart.yaml                     five tasks, two agents, no "
       "key\n"
       "  podium run --task conway-reverse --agent portfolio-greedy   one task\n"
       "  podium run --suite starter --agent llm-greedy --model NAME --seeds 3\n"
       "  podium run --task ./my-task --agent ./mine.yaml             a task and an agent of "
       "yours\n"
       "  podium run configs/runs/quickstart.yaml --dry-run           what would run, and how "
       "long\n"
       "  podium run configs/runs/quickstart.yaml --print-config      where each setting came "
       "from\n"},
      {"status",
       "  podium status                        the newest run\n"
       "  podium status quickstart --json      for a script\n"},
      {"resume",
       "  podium resume quickstart             goes on with it, from any folder\n"
       "  podium resume /data/runs/theirs      by its folder\n"},
      {"report",
       "  podium report quickstart             writes report.html and mle-bench's "
       "grading_report.json\n"
       "  podium report quickstart --json      the summary, for a script\n"},
      {"reindex", "  podium reindex quickstart            makes podium.db anew from the files\n"},
      {"verify",
       "  podium verify quickstart             digests, history, and every verdict by grading "
       "again\n"
       "  podium verify theirs --task ./task   with the package that it was made with\n"},
      {"trace",
       "  podium trace quickstart/unimelb-grants/portfolio-greedy/s0\n"
       "  podium trace l/conway-reverse/m-react/s0 --node 4\n"},
      {"replay",
       "  podium replay conway-reverse/llm-greedy/s0      a trial of the newest run\n"
       "  podium replay quickstart/unimelb-grants/portfolio-greedy/s0 --keep\n"},
      {"fork",
       "  podium fork l/conway-reverse/m-greedy/s0 --at-step 4 --set llm.temperature=1\n"
       "  podium fork l/conway-reverse/m-greedy/s0 --at-step 4 --model other   another model from "
       "there\n"},
      {"tasks",
       "  podium tasks ls\n"
       "  podium tasks show conway-reverse\n"
       "  podium tasks pin ./my-task           the first step with a task of yours\n"},
      {"tasks ls",
       "  podium tasks ls                      the tasks and their boards\n"
       "  podium tasks ls --json               for a script\n"},
      {"tasks show",
       "  podium tasks show conway-reverse     its description, metric, board and data\n"
       "  podium tasks show ./my-task          a folder of yours\n"},
      {"tasks prepare",
       "  podium tasks prepare conway-reverse  makes its data now rather than at its first run\n"},
      {"tasks import",
       "  podium tasks import mle-bench ../mle-bench\n"
       "  podium tasks import mle-bench ../mle-bench --data ~/mle-bench-data\n"},
      {"tasks pin",
       "  podium tasks pin ./my-task           writes the digests of its tables into task.yaml\n"},
      {"doctor",
       "  podium doctor                        what this machine can do, and what to do about the "
       "rest\n"
       "  podium doctor --json                 for a script\n"},
      {"image",
       "  podium image build podium-ml         the image of the shipped agents, about two minutes\n"
       "  podium image ls\n"},
      {"models",
       "  podium models ls\n"
       "  podium models check gpt-4.1-mini     does it answer, and can it do what it should\n"},
      {"models ls", "  podium models ls --json              for a script\n"},
      {"models show", "  podium models show anthropic/claude-haiku-4-5\n"},
      {"models check",
       "  podium models check gpt-4.1-mini --json\n"
       "  podium models check my-model --base-url http://localhost:8000/v1\n"},
      {"agents ls", "  podium agents ls --json\n"},
      {"agents show", "  podium agents show react\n"},
      {"agents",
       "  podium agents import mle-bench ~/mle-bench --to agents    then: podium run --agent "
       "agents/dummy.yaml\n"},
      {"agents import",
       "  podium agents import mle-bench ~/mle-bench --to agents --instructions\n"
       "  podium run --task TASK --agent agents/dummy.yaml\n"},
      {"image build",
       "  podium image build podium-ml         from configs/sandboxes/podium-ml.yaml\n"},
      {"image import",
       "  docker save -o mine.tar mine:1 && podium image import mine.tar --name mine\n"
       "  podium image import ./layout --name mine           an OCI layout's folder\n"
       "  podium image import rootfs.tar.zst --name mine     a root file system\n"},
      {"image ls", "  podium image ls                      the images of this machine\n"},
      {"image show",
       "  podium image show podium-ml          its layers, packages and configuration\n"},
      {"image rm", "  podium image rm mine                 its layers go with `podium image gc`\n"},
      {"image gc", "  podium image gc --dry-run            what nobody needs any more\n"},
      {"sandbox",
       "  podium sandbox exec -- python3 -c 'print(1)'\n"
       "  podium sandbox test --quick\n"},
      {"sandbox test",
       "  podium sandbox test                       every attempt to break out\n"
       "  podium sandbox test --backend runsc\n"
       "  podium sandbox test --knock-out --quick   each mechanism left out must be noticed\n"},
      {"sandbox exec",
       "  podium sandbox exec -- python3 -c 'import os; print(os.getuid())'\n"
       "  podium sandbox exec --limit 3 -- sleep 10           ends with time_limit\n"},
      {"sandbox shell", "  podium sandbox shell --task conway-reverse   as an agent sees it\n"},
      {"grade",
       "  podium grade submission.csv conway-reverse     one file on one of Podium's tasks\n"
       "  podium grade submission.csv ./my-task --json\n"
       "  podium grade submissions.jsonl --output-dir reports --data ~/mle-bench-data\n"},
      {"grade-sample",
       "  podium grade-sample submission.csv spooky-author-identification --answers test.csv\n"
       "  podium grade-sample submission.csv spooky-author-identification --answers test.csv "
       "--mode strict --json\n"},
      {"metrics", "  podium metrics ls\n  podium metrics show roc_auc\n"},
      {"metrics ls",
       "  podium metrics ls                    what `grader: {metric: ...}` may name\n"},
      {"metrics show",
       "  podium metrics show roc_auc          its formula, parameters and source\n"},
      {"aggregate",
       "  podium aggregate reports/*.json                       low, medium, high and all over "
       "seeds\n"
       "  podium aggregate reports/*.json --json\n"}};
  return kExamples;
}

// A footer that the verb was given itself stands before its examples. That of `run` is made when it
// is asked for, and stays.
void Describe(CLI::App& verb, const std::string& path, const std::string& inherited) {
  std::string own = path == "run" ? inherited : verb.get_footer();
  auto found = Examples().find(path);
  std::string text = own == inherited ? "" : own + "\n";
  if (found != Examples().end()) text += "\nExamples:\n" + std::string(found->second);
  verb.footer(text);
  for (CLI::App* sub : verb.get_subcommands([](CLI::App*) { return true; }))
    Describe(*sub, path + " " + sub->get_name(), inherited);
}

}  // namespace

void AddExamples(CLI::App& app) {
  std::string inherited = app.get_footer();
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; }))
    Describe(*verb, verb->get_name(), inherited);
}

}  // namespace podium::harness
