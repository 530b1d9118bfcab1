#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/report/table.h"
#include "sandbox/image.h"
#include "sandbox/sandbox.h"

namespace podium::harness {
namespace {

Exit Doctor(bool json) {
  auto checks = sandbox::CheckHost();
  bool image = sandbox::FindImage("podium-ml", CacheDir()).has_value();
  checks.push_back({"image podium-ml", image, true, image ? "built" : "not built",
                    image ? "" : "podium image build podium-ml"});
  bool ok = true;
  for (const auto& c : checks) ok = ok && (c.ok || !c.required);
  if (json) {
    Json out = {{"schema", "podium-doctor/1"}, {"ok", ok}, {"checks", Json::array()}};
    for (const auto& c : checks)
      out["checks"].push_back({{"name", c.name},
                               {"ok", c.ok},
                               {"required", c.required},
                               {"found", c.found},
                               {"advice", c.advice}});
    std::cout << DumpJson(out, 2) << "\n";
    return ok ? Exit::kOk : Exit::kInfrastructure;
  }
  TextTable table({"", "check", "found", "what to do"});
  for (const auto& c : checks)
    table.Add({c.ok ? "ok" : c.required ? "MISSING" : "note", c.name, c.found, c.advice});
  std::cout << table.Text()
            << (ok ? "\nThis machine can run Podium's sandboxes.\n"
                   : "\nThis machine cannot run sandboxes yet: see MISSING above.\n");
  return ok ? Exit::kOk : Exit::kInfrastructure;
}

}  // namespace

void AddHostVerbs(CLI::App& app, Exit& exit) {
  auto json = std::make_shared<bool>(false);
  auto* doctor =
      app.add_subcommand("doctor", "What this machine can do, and what to do about the rest");
  doctor->add_flag("--json", *json, "Print JSON (podium-doctor/1)");
  doctor->callback([json, &exit] { exit = Doctor(*json); });
}

}  // namespace podium::harness
