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

Exit BuildImage(const std::string& name) {
  auto progress = [](std::string_view text) { std::cout << text << std::endl; };
  auto image =
      sandbox::BuildImage(name, CacheDir(), progress, Deadline::In(std::chrono::minutes(30)));
  if (!image) return Report(image.error());
  std::cout << "image " << image->name << ": " << FormatBytes(image->bytes) << ", "
            << image->packages.size() << " packages, digest " << image->digest.substr(0, 16)
            << "\n";
  return Exit::kOk;
}

Exit ListImages(bool json) {
  auto images = sandbox::ListImages(CacheDir());
  if (json) {
    Json out = Json::array();
    for (const auto& i : images) {
      out.push_back({{"name", i.name},
                     {"digest", i.digest},
                     {"recipe", i.recipe_digest},
                     {"created", i.created},
                     {"bytes", i.bytes},
                     {"packages", i.packages},
                     {"rootfs", i.rootfs.string()}});
    }
    std::cout << DumpJson(out, 2) << "\n";
    return Exit::kOk;
  }
  TextTable table({"image", "digest", "size", "packages", "built"},
                  {false, false, true, true, false});
  for (const auto& i : images)
    table.Add({i.name, i.digest.substr(0, 16), FormatBytes(i.bytes),
               std::to_string(i.packages.size()), i.created});
  std::cout << (images.empty() ? "No image is built yet: podium image build podium-ml\n"
                               : table.Text());
  return Exit::kOk;
}

}  // namespace

void AddHostVerbs(CLI::App& app, Exit& exit) {
  auto json = std::make_shared<bool>(false);
  auto* doctor =
      app.add_subcommand("doctor", "What this machine can do, and what to do about the rest");
  doctor->add_flag("--json", *json, "Print JSON (podium-doctor/1)");
  doctor->callback([json, &exit] { exit = Doctor(*json); });

  auto* image = app.add_subcommand("image", "Container images");
  image->require_subcommand(1);
  auto name = std::make_shared<std::string>("podium-ml");
  auto* build = image->add_subcommand(
      "build", "Build an image from its recipe (configs/sandboxes/NAME.yaml)");
  build->add_option("name", *name, "The image's name")->capture_default_str();
  build->callback([name, &exit] { exit = BuildImage(*name); });
  auto* ls = image->add_subcommand("ls", "The images that are built");
  ls->add_flag("--json", *json, "Print JSON");
  ls->callback([json, &exit] { exit = ListImages(*json); });
}

}  // namespace podium::harness
