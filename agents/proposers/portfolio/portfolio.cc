#include "agents/proposers/portfolio/portfolio.h"

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

struct Variant {
  std::string name;
  std::string plan;
  std::string config_json;  // merged over the template's
  double seconds = 0;       // of its program on the machine that the portfolio was written on
};

struct Template {
  std::string name;
  std::string modality;
  bool quick = false;   // finishes anywhere, and measures the machine: a first draft and no other
  bool joins = true;    // keeps held-out predictions, so that an ensemble can be made of it
  std::string program;  // without the prelude
  std::vector<Variant> variants;  // [0] is the draft, the rest are improvements
};

// YAML scalars become JSON: numbers and booleans as such, everything else text.
Json ToJson(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return {};
    case YamlNode::Kind::kList: {
      Json out = Json::array();
      for (const auto& item : node.items) out.push_back(ToJson(item));
      return out;
    }
    case YamlNode::Kind::kMap: {
      Json out = Json::object();
      for (const auto& [key, value] : node.entries) out[key] = ToJson(value);
      return out;
    }
    case YamlNode::Kind::kScalar:
      break;
  }
  if (auto b = node.AsBool()) return *b;
  if (auto i = node.AsInt()) return *i;
  if (auto d = node.AsDouble()) return *d;
  return node.scalar;
}

Result<Variant> ReadVariant(const YamlNode& node, const Json& base) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  Variant v;
  PODIUM_ASSIGN(v.name, map.String("name"));
  PODIUM_ASSIGN(v.plan, map.String("plan"));
  Json config = base;
  if (const YamlNode* own = map.Get("config")) config.update(ToJson(*own));
  PODIUM_ASSIGN(v.seconds, map.DoubleOr("seconds", 0));
  PODIUM_TRY(map.Finish());
  v.config_json = DumpJson(config);
  return v;
}

Result<Template> ReadTemplate(const YamlNode& node, const fs::path& dir) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  Template t;
  PODIUM_ASSIGN(t.name, map.String("name"));
  PODIUM_ASSIGN(t.modality, map.String("modality"));
  PODIUM_ASSIGN(t.quick, map.BoolOr("quick", false));
  PODIUM_ASSIGN(t.joins, map.BoolOr("joins", true));
  PODIUM_ASSIGN(auto file, map.String("file"));
  PODIUM_ASSIGN(t.program, ReadFile(dir / file, 1 << 20));
  Json base = Json::object();
  if (const YamlNode* config = map.Get("config")) base = ToJson(*config);
  PODIUM_ASSIGN(const YamlNode* variants, map.Require("variants"));
  for (const auto& item : variants->items) {
    PODIUM_ASSIGN(auto variant, ReadVariant(item, base));
    t.variants.push_back(std::move(variant));
  }
  PODIUM_TRY(map.Finish());
  if (t.variants.empty())
    return variants->Complain("template '" + t.name + "' needs at least one variant");
  return t;
}

// "tabular-trees/2 effort 0.5" taken apart again.
struct Source {
  std::string name;
  std::size_t variant = 0;
  double effort = 1.0;
};

std::string SourceText(const Source& s) {
  std::string out = s.name + "/" + std::to_string(s.variant);
  return s.effort == 1.0 ? out : out + " effort " + FormatScore(s.effort, 3);
}

Source ParseSource(std::string_view text) {
  Source s;
  std::size_t slash = text.find('/');
  s.name = text.substr(0, slash);
  if (slash == std::string_view::npos) return s;
  s.variant = static_cast<std::size_t>(std::atoi(std::string(text.substr(slash + 1)).c_str()));
  if (std::size_t at = text.find("effort "); at != std::string_view::npos)
    s.effort = std::atof(std::string(text.substr(at + 7)).c_str());
  return s;
}

// As JSON in a raw literal of Python's.
std::string Literal(const Json& json) {
  std::string out = "json.loads(r'''";
  for (char c : DumpJson(json)) out += c == '\'' ? "\\u0027" : std::string(1, c);
  return out + "''')";
}

struct Programs {
  std::string prelude;   // of all templates
  std::string ensemble;  // joins programs
  std::vector<Template> templates;
};

class Portfolio final : public Proposer {
 public:
  explicit Portfolio(Programs programs)
      : prelude_(std::move(programs.prelude)),
        ensemble_(std::move(programs.ensemble)),
        templates_(std::move(programs.templates)) {}

  Task<Result<Proposal>> Propose(ProposalRequest request, Deadline deadline) override {
    if (request.op == kEnsemble) co_return Join(request, deadline);
    std::string modality = Modality(*request.preview);
    std::optional<Source> next;
    // One program alone is the best that there is; of several the first is one that surely ends.
    bool first = request.nodes->empty() && request.in_work.empty();
    if (first && request.nodes_left > 1) next = Quick(modality);
    if (request.op == kDebug) next = Repair(request);
    if (request.op == kImprove || request.op == kCrossover) next = Improve(request, modality);
    if (!next) next = Unused(request, modality);
    if (!next) {
      Proposal done;
      done.exhausted = true;
      co_return done;
    }
    Fit(*next, request, deadline);
    co_return Write(*next, request);
  }

 private:
  const Template* Find(std::string_view name) const {
    auto it = std::ranges::find(templates_, name, &Template::name);
    return it == templates_.end() ? nullptr : &*it;
  }

  std::optional<Source> Quick(const std::string& modality) const {
    for (const auto& t : templates_) {
      if (t.quick && t.modality == modality) return Source{t.name, 0, 1.0};
    }
    return std::nullopt;
  }

  // How many times as long as on its author's machine, with the largest starter task, the quick
  // draft took here; 1 where there was none.
  double Slowness(const ProposalRequest& r) const {
    if (r.nodes->empty()) return 1;
    const SearchNode& first = r.nodes->front();
    const Template* t = Find(ParseSource(first.source).name);
    bool measured = t && t->quick && first.good() && t->variants[0].seconds > 0;
    if (!measured) return 1;
    return static_cast<double>(first.exec_wall.count()) / 1000 / t->variants[0].seconds;
  }

  // Takes effort away until the program should end in four fifths of the time that it has. Three
  // steps at most, so that two machines of about one speed write one program.
  void Fit(Source& s, const ProposalRequest& r, Deadline deadline) const {
    const Template* t = Find(s.name);
    if (t->quick || s.variant >= t->variants.size()) return;
    double seconds = t->variants[s.variant].seconds * Slowness(r);
    Millis given = std::min(r.exec_limit, deadline.remaining());
    for (int i = 0; i < 3 && seconds * s.effort > 0.8 * static_cast<double>(given.count()) / 1000;
         ++i) {
      Source less = s;
      less.effort /= 3;
      if (Tried(r, less)) return;
      s = less;
    }
  }

  static bool Tried(const ProposalRequest& r, const Source& s) {
    auto is = [text = SourceText(s)](const SearchNode& n) { return n.source == text; };
    return std::ranges::any_of(*r.nodes, is) || std::ranges::any_of(r.in_work, is);
  }

  // A program that ran out of time or memory is tried with half its effort; one that broke
  // otherwise is not run again.
  static std::optional<Source> Repair(const ProposalRequest& r) {
    const SearchNode& failed = r.parent();
    Source s = ParseSource(failed.source);
    if (failed.fault != "time_limit" && failed.fault != "memory_limit") return std::nullopt;
    s.effort /= 3;
    if (s.effort < 0.05 || Tried(r, s)) return std::nullopt;
    return s;
  }

  // The next untried variant of the best node's template, then of the other templates of the
  // modality.
  std::optional<Source> Improve(const ProposalRequest& r, const std::string& modality) const {
    Source best = ParseSource(r.parent().source);
    std::vector<const Template*> order;
    if (const Template* own = Find(best.name); own && !own->quick) order.push_back(own);
    for (const auto& t : templates_) {
      if (t.modality == modality && t.name != best.name && !t.quick) order.push_back(&t);
    }
    const Template* own_template = Find(best.name);
    bool own_is_quick = own_template && own_template->quick;
    for (const Template* t : order) {
      for (std::size_t v = own_is_quick ? 0 : 1; v < t->variants.size(); ++v) {
        Source s{t->name, v, own_is_quick ? 1.0 : best.effort};
        if (!Tried(r, s)) return s;
      }
    }
    return std::nullopt;
  }

  // The first template of the modality not drafted yet, then the generic ones.
  std::optional<Source> Unused(const ProposalRequest& r, const std::string& modality) const {
    for (const std::string& wanted : {modality, std::string("generic")}) {
      for (const auto& t : templates_) {
        Source s{t.name, 0, 1.0};
        if (t.modality == wanted && !t.quick && !Tried(r, s)) return s;
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] const Variant& VariantOf(const Source& s) const {
    const Template& t = *Find(s.name);
    return t.variants[std::min(s.variant, t.variants.size() - 1)];
  }

  [[nodiscard]] Json ConfigOf(const Source& s, const ProposalRequest& r) const {
    auto config = ParseJson(VariantOf(s).config_json, "variant");
    Json full = config ? *config : Json::object();
    full["effort"] = s.effort;
    full["seed"] = r.seed;
    full["metric"] = r.task->metric;
    full["lower_is_better"] = r.task->lower_is_better;
    return full;
  }

  Proposal Write(const Source& s, const ProposalRequest& r) const {
    Proposal p;
    p.source = SourceText(s);
    p.plan = VariantOf(s).plan;
    p.code = "import json\nCONFIG = " + Literal(ConfigOf(s, r)) + "\n" + prelude_ +
             Find(s.name)->program;
    return p;
  }

  // Those that can be joined and whose programs together end in four fifths of the time that there
  // is, the best first.
  std::vector<int> Joinable(const ProposalRequest& r, Deadline deadline) const {
    Millis left = std::min(r.exec_limit, deadline.remaining()) * 4 / 5;
    std::vector<int> out;
    for (int parent : r.parents) {
      const SearchNode& node = (*r.nodes)[static_cast<std::size_t>(parent)];
      const Template* t = Find(ParseSource(node.source).name);
      if (!t || !t->joins || t->quick || node.exec_wall > left) continue;
      left -= node.exec_wall;
      out.push_back(parent);
    }
    return out;
  }

  // Runs the parents' programs again and averages what they predict.
  Proposal Join(const ProposalRequest& r, Deadline deadline) const {
    Proposal p;
    std::vector<int> joined = Joinable(r, deadline);
    p.exhausted = joined.size() < 2;
    if (p.exhausted) return p;
    Json config = {{"metric", r.task->metric}, {"seed", r.seed}, {"prelude", prelude_}};
    std::vector<std::string> names;
    for (int parent : joined) {
      Source s = ParseSource((*r.nodes)[static_cast<std::size_t>(parent)].source);
      names.push_back(std::to_string(parent));
      config["parents"].push_back({{"name", "node " + names.back() + " (" + SourceText(s) + ")"},
                                   {"config", ConfigOf(s, r)},
                                   {"program", Find(s.name)->program}});
    }
    std::string all = podium::Join(names, ", ");
    p.source = "ensemble of " + all;
    p.plan = "The predictions of nodes " + all + ", averaged.";
    p.code = "import json\nCONFIG = " + Literal(config) + "\n" + prelude_ + ensemble_;
    return p;
  }

  std::string prelude_, ensemble_;
  std::vector<Template> templates_;
};

}  // namespace

Result<std::unique_ptr<Proposer>> MakePortfolioProposer(const fs::path& portfolio_yaml) {
  PODIUM_ASSIGN(auto root, ReadYaml(portfolio_yaml));
  PODIUM_ASSIGN(auto map, YamlMap::From(root));
  PODIUM_ASSIGN(auto schema, map.String("schema"));
  if (schema != "podium-portfolio/1") return root.Complain("schema must be podium-portfolio/1");
  PODIUM_ASSIGN(auto prelude_file, map.String("prelude"));
  PODIUM_ASSIGN(auto ensemble_file, map.String("ensemble"));
  PODIUM_ASSIGN(const YamlNode* list, map.Require("templates"));
  PODIUM_TRY(map.Finish());
  fs::path dir = portfolio_yaml.parent_path();
  Programs out;
  PODIUM_ASSIGN(out.prelude, ReadFile(dir / prelude_file, 1 << 20));
  PODIUM_ASSIGN(out.ensemble, ReadFile(dir / ensemble_file, 1 << 20));
  std::set<std::string> names;
  for (const auto& item : list->items) {
    PODIUM_ASSIGN(auto t, ReadTemplate(item, dir));
    if (!names.insert(t.name).second)
      return item.Complain("template '" + t.name + "' is there twice");
    out.templates.push_back(std::move(t));
  }
  return std::make_unique<Portfolio>(std::move(out));
}

}  // namespace podium::agents
