#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/report/table.h"
#include "sandbox/backends/factory.h"
#include "sandbox/images/image.h"
#include "sandbox/sandbox.h"

namespace podium::harness {
namespace {

struct BackendRow {
  std::string name;
  bool ok = false;
  std::string why;
};

// Which backends this host can use, and what each lacks.
std::vector<BackendRow> TryBackends() {
  std::vector<BackendRow> out;
  Reactor reactor;
  for (const auto& name : sandbox::BackendNames()) {
    auto made = sandbox::MakeBackend(name, reactor);
    out.push_back({name, made.has_value(), made ? "" : made.error().message});
  }
  return out;
}

// Columns of the terminal; 0 where none shows it.
std::size_t Room() {
  winsize size{};
  bool shown = ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  return shown ? size.ws_col : 0;
}

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
    for (const auto& b : TryBackends())
      out["backends"].push_back({{"name", b.name}, {"ok", b.ok}, {"why", b.why}});
    std::cout << DumpJson(out, 2) << "\n";
    return ok ? Exit::kOk : Exit::kInfrastructure;
  }
  TextTable table({"", "check", "found", "what to do"});
  for (const auto& c : checks)
    table.Add({c.ok ? "ok" : c.required ? "MISSING" : "note", c.name, c.found, c.advice});
  TextTable backends({"", "sandbox", "what it lacks here"});
  for (const auto& b : TryBackends())
    backends.Add({b.ok ? "ok" : "-", b.name,
                  b.name == "unsafe-local" ? "isolates nothing: for debugging alone" : b.why});
  std::cout << table.Text(Room()) << "\n"
            << backends.Text(Room())
            << "\n`podium sandbox test` tries to break out of one (--backend NAME).\n"
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
