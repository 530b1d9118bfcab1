#include "agents/scaffolds/search.h"

#include <algorithm>
#include <deque>
#include <map>

#include "agents/scaffolds/kept_files.h"
#include "agents/scaffolds/step_times.h"
#include "agents/scaffolds/workbench.h"
#include "agents/scaffolds/workspaces.h"
#include "base/async/fair_semaphore.h"
#include "base/async/race.h"
#include "base/async/stop_token.h"
#include "base/deadlines.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

// A node that begins, with what its proposer may know of the others: what was known at that moment,
// also where the step is done once more.
struct Step {
  SearchNode node;
  std::vector<SearchNode> nodes;
  std::vector<SearchNode> in_work;
};

class Search final : public Scaffold {
 public:
  Search(std::unique_ptr<Policy> policy, std::unique_ptr<Proposer> proposer,
         SearchSettings settings)
      : policy_(std::move(policy)), proposer_(std::move(proposer)), settings_(settings) {}

  Task<Result<AgentOutcome>> Run(TrialContext& context) override {
    auto preview = co_await PreviewOf(context);
    if (!preview) co_return tl::unexpected(preview.error());
    preview_ = std::move(*preview);
    std::string title = context.task.title;
    auto knowledge = co_await KnowledgeText(context.reactor, context.knowledge, context.events,
                                            std::move(title), context.task.description, true);
    if (!knowledge) co_return tl::unexpected(knowledge.error());
    knowledge_ = std::move(*knowledge);
    Prepare(context);
    if (workspaces_) PODIUM_CO_TRY(co_await workspaces_->Begin());
    if (workspaces_) layers_->NoteFresh(workspaces_->fresh());
    if (context.forked) PODIUM_CO_TRY(co_await Rebuild());
    std::vector<Task<void>> workers;
    for (int i = 0; i < static_cast<int>(benches_.size()); ++i) workers.push_back(Employ(i));
    auto ended =
        co_await Race(AllOf(std::move(workers)), broke_.token().Reached(StopLevel::kStopping));
    if (!broken_) co_return tl::unexpected(broken_.error());
    if (end_.empty()) end_ = lost_;
    if (settings_.selection == Selection::kJoined) PODIUM_CO_TRY(co_await Join());
    co_return Outcome();
  }

 private:
  void Prepare(TrialContext& context) {
    context_ = &context;
    nodes_ = context.nodes;
    unfinished_.assign(context.in_work.begin(), context.in_work.end());
    for (const auto& node : nodes_) next_step_ = std::max(next_step_, node.step + 1);
    for (const auto& begun : unfinished_) next_step_ = std::max(next_step_, begun.step + 1);
    context.outage = [this] { return proposer_->outage() + rebuilding_; };
    files_.emplace(context.trial_dir, context.kept_cap_bytes);
    times_.emplace(context, [this] { return proposer_->outage() + rebuilding_; });
    std::vector<sandbox::Sandbox*> boxes = {&context.sandbox};
    boxes.insert(boxes.end(), context.more_sandboxes.begin(), context.more_sandboxes.end());
    for (auto* box : boxes)
      benches_.emplace_back(context, *box, *proposer_, *files_, *times_, settings_.hidden_feedback);
    lost_boxes_.assign(boxes.size(), false);
    if (settings_.selection == Selection::kJoined)
      times_->Reserve(Millis(static_cast<std::int64_t>(settings_.ensemble_share *
                                                       static_cast<double>(context.wall.count()))));
    if (boxes.size() > 1) workspaces_.emplace(std::move(boxes));
    layers_.emplace(context.reactor, context.events, context.trial_dir, context.layers_cap_bytes,
                    context.layers);
  }

  // What the nodes of another trial left in /home. It takes no working time: that was spent there.
  // Programs run again only where no layer holds what they left.
  Task<Status> Rebuild() {
    auto begun = SteadyNow();
    records::Rebuilt done;
    if (!layers_->empty()) PODIUM_CO_TRY(co_await UseLayers(done));
    for (const SearchNode& node : nodes_) {
      bool held =
          workspaces_ ? layers_->Has(node.id) && done.why.empty() : node.id <= done.restored;
      if (held || node.end.empty()) continue;
      SearchNode again = node;
      again.fault.clear();
      auto snapshot = co_await RunNode(0, again, Ran::kAgain);
      if (!snapshot) co_return tl::unexpected(snapshot.error());
      if (workspaces_) workspaces_->Keep(node, std::move(*snapshot));
      bool same =
          again.end == node.end && again.exit_code == node.exit_code && again.output == node.output;
      if (!same) done.different.push_back(node.id);
      ++done.nodes;
      rebuilding_ = Since(begun);
    }
    co_return co_await context_->events.Append(std::move(done));
  }

  // Where that is not possible, `done` says why.
  Task<Status> UseLayers(records::Rebuilt& done) {
    Status used;
    int newest = layers_->Newest(NodesEnded() - 1);
    if (workspaces_)
      used = co_await UseEach();
    else
      used = co_await layers_->Enter(context_->sandbox, newest);
    if (used) done.restored = newest;
    if (used || !layers_->MayRunAgain(used.error())) co_return used;
    done.why = used.error().message;
    co_return Status{};
  }

  // Those of several workers' nodes, of which any may grow.
  Task<Status> UseEach() {
    for (const SearchNode& node : nodes_) {
      if (!layers_->Has(node.id)) continue;
      auto there = co_await layers_->Open(context_->sandbox, workspaces_->fresh(), node.id);
      if (!there) co_return tl::unexpected(there.error());
      workspaces_->Keep(node, std::move(*there));
    }
    co_return Status{};
  }

  // One worker until the search ends. What breaks ends the others too.
  Task<void> Employ(int worker) {
    auto done = co_await Caught<bool>(Work(worker), "a worker of the search");
    if (done || !broken_) co_return;
    broken_ = tl::unexpected(done.error());
    broke_.Raise(StopLevel::kStopping);
  }

  // The last node, in the time that was kept for it, where there is something to be joined.
  Task<Status> Join() {
    times_->Join();
    auto has_joined = [](const SearchNode& node) { return node.op == kEnsemble; };
    auto whole = std::ranges::find(lost_boxes_, false);
    auto parents = BestNodes(nodes_, context_->task.lower_is_better, std::max(2, settings_.top_k));
    bool may = end_ != "paused" && whole != lost_boxes_.end() && parents.size() > 1 &&
               std::ranges::none_of(nodes_, has_joined) && !times_->Ended(NodesEnded());
    if (!may) co_return Status{};
    if (context_->stop.draining()) {
      end_ = "paused";
      co_return Status{};
    }
    NextStep next{std::string(kEnsemble), std::move(parents)};
    Step step = Anew(std::move(next));
    in_work_.push_back(step.node);
    int worker = static_cast<int>(whole - lost_boxes_.begin());
    PODIUM_CO_TRY(co_await NoteBegin(worker, step));
    auto done = co_await Do(worker, std::move(step));
    if (!done) co_return tl::unexpected(done.error());
    co_return Status{};
  }

  // A free worker asks at once for the next node: nobody waits for a generation.
  Task<Result<bool>> Work(int worker) {
    while (end_.empty()) {
      // Steps are chosen, noted and proposed in one order: a proposer that does not wait knows what
      // it proposed for the others.
      Deadline control = Deadline::In(kPutAwayTime);
      auto turn = co_await beginning_.Take("", control);
      if (!turn) co_return Fail(ErrorCode::kTimeout, "a node could not begin");
      auto step = Choose();
      if (step) {
        PODIUM_CO_TRY(co_await NoteBegin(worker, *step));
        turn->Release();
        auto stays = co_await Do(worker, std::move(*step));
        if (!stays || !*stays) co_return stays;
      } else if (end_.empty()) {
        turn->Release();
        co_await Change();
      }
    }
    co_return true;
  }

  // A node ends, or the search.
  Task<void> Change() {
    StopToken changed = changed_->token();
    co_await changed.Reached(StopLevel::kDraining);
  }

  // Nothing: the search has ended, or waits for a node in work.
  std::optional<Step> Choose() {
    std::optional<NextStep> next;
    if (unfinished_.empty()) {
      next = policy_->Next(State());
      if (!next && in_work_.empty()) End("node_budget");
      if (!next) return std::nullopt;
    }
    if (context_->stop.draining())
      End("paused");
    else if (auto end = times_->Ended(NodesEnded()))
      End(*end);
    else if (times_->BeginsLater(next_step_, NodesEnded()) && !in_work_.empty())
      return std::nullopt;
    if (!end_.empty()) return std::nullopt;
    Step step = next ? Anew(std::move(*next)) : Again();
    in_work_.push_back(step.node);
    return step;
  }

  Step Anew(NextStep next) {
    Step out{.node = {}, .nodes = nodes_, .in_work = in_work_};
    out.node.step = next_step_++;
    out.node.op = std::move(next.op);
    out.node.parents = std::move(next.parents);
    return out;
  }

  // The first that an earlier attempt began and did not end.
  Step Again() {
    records::Begun begun = std::move(unfinished_.front());
    unfinished_.pop_front();
    auto seen = nodes_.begin() + begun.seen;
    Step out{.node = {}, .nodes = {nodes_.begin(), seen}, .in_work = in_work_};
    out.in_work.insert(out.in_work.end(), seen, nodes_.end());
    std::erase_if(out.in_work, [&](const SearchNode& node) { return node.step > begun.step; });
    std::ranges::sort(out.in_work, {}, &SearchNode::step);
    out.node.step = begun.step;
    out.node.op = std::move(begun.op);
    out.node.parents = std::move(begun.parents);
    return out;
  }

  [[nodiscard]] SearchState State() const {
    return {.nodes = nodes_,
            .lower_is_better = context_->task.lower_is_better,
            .seed = context_->seed,
            .max_nodes = context_->max_nodes,
            .in_work = in_work_,
            .step = next_step_};
  }

  // False: the worker has no sandbox any more.
  Task<Result<bool>> Do(int worker, Step step) {
    SearchNode& node = step.node;
    Phase("proposing", node);
    ProposalRequest request = MakeRequest(step);
    auto proposal = co_await proposer_->Propose(std::move(request), times_->Until(node.step));
    if (!proposal) co_return tl::unexpected(proposal.error());
    if (proposal->exhausted || times_->Ended(NodesEnded())) {
      co_await GiveUp(node, std::move(proposal->end));
      co_return true;
    }
    Take(std::move(*proposal), node);
    auto snapshot = co_await RunNode(worker, node);
    if (!snapshot) co_return tl::unexpected(snapshot.error());
    std::optional<sandbox::Snapshot> left = *snapshot;
    PODIUM_CO_TRY(co_await Finish(node, std::move(*snapshot)));
    if (settings_.layers == LayerPolicy::kAll && !node.end.empty())
      PODIUM_CO_TRY(co_await KeepLayer(worker, node, std::move(left)));
    if (workspaces_) {
      auto may_grow = [this](int id) { return MayGrow(id); };
      PODIUM_CO_TRY(co_await workspaces_->Drop(worker, may_grow));
    }
    if (!IsSandboxLost(nodes_.at(static_cast<std::size_t>(node.id)))) co_return true;
    lost_ = nodes_.at(static_cast<std::size_t>(node.id)).fault;
    lost_boxes_[static_cast<std::size_t>(worker)] = true;
    co_return false;
  }

  Task<Status> KeepLayer(int worker, const SearchNode& node,
                         std::optional<sandbox::Snapshot> left) {
    sandbox::Sandbox& box = benches_[static_cast<std::size_t>(worker)].box();
    if (IsSandboxLost(node)) co_return Status{};
    if (!workspaces_) co_return co_await layers_->KeepWorkspace(box, node.id);
    if (!left) co_return Status{};
    co_return co_await layers_->Keep(box, std::move(*left), node.id, begun_on_.at(node.step));
  }

  // Where one node comes after the other, the nodes tell of the steps.
  Task<Status> NoteBegin(int worker, const Step& step) {
    if (!workspaces_) co_return Status{};
    records::Begun begun{.step = step.node.step,
                         .parents = step.node.parents,
                         .op = step.node.op,
                         .seen = static_cast<int>(step.nodes.size()),
                         .worker = worker};
    co_return co_await context_->events.Append(std::move(begun));
  }

  // The proposer has nothing for this step: another may change that, or the search ends.
  Task<void> GiveUp(const SearchNode& node, std::string why) {
    Leave(node);
    if (next_step_ == node.step + 1) --next_step_;
    if (auto end = times_->Ended(NodesEnded())) {
      End(*end);
    } else if (in_work_.empty()) {
      End(why);
    } else {
      co_await Change();
    }
  }

  void Leave(const SearchNode& node) {
    std::erase_if(in_work_, [&](const SearchNode& other) { return other.step == node.step; });
  }

  void Take(Proposal proposal, SearchNode& node) {
    node.source = std::move(proposal.source);
    node.plan = std::move(proposal.plan);
    node.code = std::move(proposal.code);
    node.tokens = proposal.tokens;
    node.fault = std::move(proposal.fault);
    node.detail = std::move(proposal.detail);
    for (SearchNode& other : in_work_) {
      if (other.step == node.step) other.source = node.source;
    }
  }

  // What the node left in /home, where others may go on from there.
  enum class Ran { kFirst, kAgain };
  Task<Result<std::optional<sandbox::Snapshot>>> RunNode(int worker, SearchNode& node,
                                                         Ran ran = Ran::kFirst) {
    std::optional<sandbox::Snapshot> none;
    if (!node.fault.empty()) co_return none;
    Phase("running", node);
    if (workspaces_) {
      auto begun = co_await workspaces_->Take(worker, node);
      if (!begun) {
        PODIUM_CO_TRY(AgentsOr(node, begun.error()));
        co_return none;
      }
      begun_on_[node.step] = workspaces_->BegunOn(worker);
    }
    Workbench& bench = benches_[static_cast<std::size_t>(worker)];
    if (ran == Ran::kAgain)
      PODIUM_CO_TRY(co_await bench.RunAgain(node));
    else
      PODIUM_CO_TRY(co_await bench.Run(node));
    if (!workspaces_ || IsSandboxLost(node)) co_return none;
    co_return co_await workspaces_->Freeze(worker);
  }

  // The node is in the journal before anybody acts on it. One at a time: ids are in its order.
  Task<Status> Finish(SearchNode& node, std::optional<sandbox::Snapshot> snapshot) {
    while (times_->EndsLater(node.step, NodesEnded()) && in_work_.size() > 1 && end_.empty())
      co_await Change();
    Deadline control = Deadline::In(kPutAwayTime);
    auto turn = co_await finishing_.Take("", control);
    if (!turn) co_return Fail(ErrorCode::kTimeout, "a node could not be put away");
    node.id = static_cast<int>(nodes_.size());
    PODIUM_CO_TRY(co_await PutAway(node));
    PODIUM_CO_TRY(co_await context_->events.Append(node));
    if (workspaces_) workspaces_->Keep(node, std::move(snapshot));
    Leave(node);
    nodes_.push_back(node);
    context_->on_node(nodes_.back());
    Wake();
    co_return Status{};
  }

  Task<Status> PutAway(const SearchNode& node) {
    std::vector<SearchNode> all = nodes_;
    all.push_back(node);
    auto chosen = HandedIn(all);
    auto job = [this, node, chosen = std::move(chosen)]() -> Status {
      PODIUM_TRY(files_->Settle(node));
      files_->Prune(node.id, chosen);
      return {};
    };
    co_return co_await context_->reactor.Blocking(std::move(job), Pool::kTransfer);
  }

  // What may be handed in, and is graded beside it, as things stand.
  [[nodiscard]] std::vector<int> HandedIn(const std::vector<SearchNode>& nodes) const {
    bool lower = context_->task.lower_is_better;
    std::vector<int> out;
    if (settings_.selection == Selection::kTopK) out = BestNodes(nodes, lower, settings_.top_k);
    int chosen = ChosenNode(nodes, lower, settings_.selection);
    if (out.empty() && chosen >= 0) out = {chosen};
    return out;
  }

  // Those in work have begun on their parents, or will.
  [[nodiscard]] bool MayGrow(int id) const {
    auto has = [id](const SearchNode& node) { return node.parent() == id; };
    return std::ranges::any_of(in_work_, has) || policy_->MayGrow(State(), id);
  }

  [[nodiscard]] int NodesEnded() const { return static_cast<int>(nodes_.size()); }

  ProposalRequest MakeRequest(const Step& step) const {
    ProposalRequest request;
    request.op = step.node.op;
    request.node_id = step.node.step;
    request.parents = step.node.parents;
    request.nodes = &step.nodes;
    request.in_work = step.in_work;
    request.task = &context_->task;
    request.preview = preview_.get();
    request.knowledge = knowledge_;
    request.seed = context_->seed;
    request.exec_limit = context_->exec_limit;
    int begun = static_cast<int>(step.nodes.size() + step.in_work.size());
    request.nodes_left = std::max(1, context_->max_nodes - begun);  // an ensemble is one more
    return request;
  }

  void Phase(std::string_view what, const SearchNode& node) const {
    std::string text =
        std::string(what) + " node " + std::to_string(node.step) + " (" + node.op + ")";
    context_->on_phase(text);
  }

  // The first word counts.
  void End(std::string_view why) {
    if (end_.empty()) end_ = why;
    Wake();
  }

  void Wake() {
    changed_->Raise(StopLevel::kDraining);
    changed_ = std::make_unique<StopSource>();
  }

  AgentOutcome Outcome() const {
    AgentOutcome outcome;
    outcome.end = end_;
    if (outcome.end == "paused") return outcome;
    auto chosen = HandedIn(nodes_);
    if (chosen.empty()) {
      outcome.detail = "no node left a submission of the right shape";
      return outcome;
    }
    const SearchNode& node = nodes_[static_cast<std::size_t>(chosen.front())];
    outcome.submission = files_->SubmissionOf(node.id);
    outcome.submission_digest = node.submission_digest;
    outcome.detail = "node " + std::to_string(node.id) +
                     (node.score ? ", validation score " + FormatScore(*node.score) : "");
    if (settings_.selection == Selection::kTopK) outcome.candidates = std::move(chosen);
    return outcome;
  }

  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Proposer> proposer_;
  SearchSettings settings_;
  TrialContext* context_ = nullptr;
  std::shared_ptr<const DataPreview> preview_;
  std::string knowledge_;
  std::optional<KeptFiles> files_;
  std::optional<StepTimes> times_;
  std::deque<Workbench> benches_;         // one a worker
  std::optional<Workspaces> workspaces_;  // of several workers
  std::optional<LayerKeeper> layers_;
  std::map<int, std::string> begun_on_;  // the snapshots of several workers' steps
  std::vector<SearchNode> nodes_;        // that have ended
  std::vector<SearchNode> in_work_;      // in the order in which they began
  std::deque<records::Begun> unfinished_;
  int next_step_ = 0;
  Millis rebuilding_{0};
  FairSemaphore beginning_{1}, finishing_{1};
  std::string end_;               // why the search ends, once it does
  std::vector<bool> lost_boxes_;  // by worker
  std::string lost_;              // what ended the last worker's sandbox
  std::unique_ptr<StopSource> changed_ = std::make_unique<StopSource>();  // raised once
  StopSource broke_;
  Status broken_;
};

}  // namespace

std::unique_ptr<Scaffold> MakeSearch(std::unique_ptr<Policy> policy,
                                     std::unique_ptr<Proposer> proposer, SearchSettings settings) {
  return std::make_unique<Search>(std::move(policy), std::move(proposer), settings);
}

}  // namespace podium::agents
