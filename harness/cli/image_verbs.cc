#include <CLI/CLI.hpp>
#include <iostream>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/report/table.h"
#include "sandbox/host/rootless.h"
#include "sandbox/images/image.h"

namespace podium::harness {
namespace {

struct ImageArguments {
  std::string name = "podium-ml", source, new_name, ref;
  bool json = false, dry_run = false;
};

Json ToJson(const sandbox::Image& i) {
  Json layers = Json::array();
  for (std::size_t k = 0; k < i.layers.size(); ++k)
    layers.push_back({{"folder", i.layers[k].string()},
                      {"diff_id", k < i.layer_digests.size() ? i.layer_digests[k] : ""}});
  const auto& c = i.config;
  return {{"name", i.name},
          {"kind", i.kind},
          {"digest", i.digest},
          {"recipe", i.recipe_digest},
          {"source", i.source},
          {"created", i.created},
          {"bytes", i.bytes},
          {"packages", i.packages},
          {"layers", layers},
          {"rootfs", i.rootfs.string()},
          {"in_use", sandbox::IsInUse(i)},
          {"config",
           {{"env", c.env},
            {"entrypoint", c.entrypoint},
            {"command", c.command},
            {"workdir", c.workdir},
            {"user", c.user}}}};
}

void Say(std::string_view text) { std::cerr << text << std::endl; }

Result<Exit> Build(const ImageArguments& args) {
  auto progress = [](std::string_view text) { std::cout << text << std::endl; };
  PODIUM_ASSIGN(auto image,
                sandbox::BuildImage(args.name, CacheDir(), progress, Deadline::In(kImageTime)));
  std::cout << "image " << image.name << ": " << FormatBytes(image.bytes) << ", "
            << image.packages.size() << " packages, digest " << image.digest.substr(0, 16) << "\n";
  return Exit::kOk;
}

Result<Exit> Import(const ImageArguments& args) {
  PODIUM_TRY(sandbox::EnterRootless());
  PODIUM_ASSIGN(auto imported,
                sandbox::ImportImage({args.source, args.new_name, args.ref, Say}, CacheDir()));
  const auto& image = imported.image;
  if (args.json) {
    Json layers = Json::array();
    for (const auto& l : imported.layers) {
      Json notes = Json::object();
      for (const auto& [what, count] : l.notes) notes[what] = count;
      layers.push_back({{"diff_id", l.digest},
                        {"bytes", l.bytes},
                        {"members", l.members},
                        {"reused", l.reused},
                        {"notes", notes}});
    }
    Json out = {{"schema", "podium-image-import/1"}, {"image", ToJson(image)}, {"layers", layers}};
    std::cout << DumpJson(out, 2) << "\n";
    return Exit::kOk;
  }
  for (const auto& l : imported.layers) {
    for (const auto& [what, count] : l.notes)
      std::cout << "layer " << l.digest.substr(0, 12) << ": " << count << " " << what << "\n";
  }
  std::cout << "image " << image.name << ": " << FormatBytes(image.bytes) << ", "
            << image.layers.size() << (image.layers.size() == 1 ? " layer" : " layers")
            << ", digest " << image.digest.substr(0, 16) << "\nUse it with `podium run --image "
            << image.name << "` or `image: " << image.name << "` in a run file.\n";
  return Exit::kOk;
}

Result<Exit> List(const ImageArguments& args) {
  auto images = sandbox::ListImages(CacheDir());
  if (args.json) {
    Json out = Json::array();
    for (const auto& i : images) out.push_back(ToJson(i));
    std::cout << DumpJson(out, 2) << "\n";
    return Exit::kOk;
  }
  TextTable table({"image", "kind", "layers", "size", "digest", "created", "in use", "source"},
                  {false, false, true, true, false, false, false, false});
  for (const auto& i : images)
    table.Add({i.name, i.kind, std::to_string(i.layers.size()), FormatBytes(i.bytes),
               i.digest.substr(0, 16), i.created.substr(0, 19), sandbox::IsInUse(i) ? "yes" : "no",
               Printable(i.source)});
  std::cout << (images.empty() ? "There is no image yet: podium image build podium-ml\n"
                               : table.Text());
  return Exit::kOk;
}

std::string Words(const std::vector<std::string>& words) { return Printable(Join(words, " ")); }

Result<Exit> Show(const ImageArguments& args) {
  PODIUM_ASSIGN(auto image, sandbox::FindImage(args.name, CacheDir()));
  if (args.json) {
    std::cout << DumpJson(ToJson(image), 2) << "\n";
    return Exit::kOk;
  }
  std::cout << "image      " << image.name << " (" << image.kind << ")\n"
            << "digest     " << image.digest << "\n"
            << "size       " << FormatBytes(image.bytes) << "\n"
            << "created    " << image.created << "\n";
  if (!image.source.empty()) std::cout << "source     " << Printable(image.source) << "\n";
  if (!image.packages.empty()) std::cout << "packages   " << image.packages.size() << "\n";
  for (const auto& layer : image.layers) std::cout << "layer      " << layer.string() << "\n";
  const auto& c = image.config;
  std::cout << "It says of itself (recorded, never run):\n"
            << "  env        " << Words(c.env) << "\n  entrypoint " << Words(c.entrypoint)
            << "\n  command    " << Words(c.command) << "\n  workdir    " << Printable(c.workdir)
            << "\n  user       " << Printable(c.user) << "\n";
  return Exit::kOk;
}

Result<Exit> Remove(const ImageArguments& args) {
  PODIUM_TRY(sandbox::EnterRootless());
  PODIUM_TRY(sandbox::RemoveImage(args.name, CacheDir()));
  std::cout << "image " << args.name
            << " is removed; `podium image gc` frees layers that nothing else names\n";
  return Exit::kOk;
}

Result<Exit> Collect(const ImageArguments& args) {
  PODIUM_TRY(sandbox::EnterRootless());
  PODIUM_ASSIGN(auto garbage, sandbox::CollectImages(CacheDir(), args.dry_run));
  std::uint64_t bytes = 0;
  for (const auto& g : garbage) bytes += g.bytes;
  if (args.json) {
    Json out = {{"schema", "podium-image-gc/1"},
                {"dry_run", args.dry_run},
                {"bytes", bytes},
                {"removed", Json::array()}};
    for (const auto& g : garbage)
      out["removed"].push_back({{"path", g.path.string()}, {"what", g.what}, {"bytes", g.bytes}});
    std::cout << DumpJson(out, 2) << "\n";
    return Exit::kOk;
  }
  TextTable table({"what", "size", "where"}, {false, true, false});
  for (const auto& g : garbage) table.Add({g.what, FormatBytes(g.bytes), g.path.string()});
  if (garbage.empty()) {
    std::cout << "There is nothing to remove.\n";
    return Exit::kOk;
  }
  std::cout << table.Text() << (args.dry_run ? "\nWould free " : "\nFreed ") << FormatBytes(bytes)
            << "\n";
  return Exit::kOk;
}

constexpr const char* kImportHelp = R"(
SOURCE is what it looks like: Podium says what it found.
  podium image import rootfs/ --name mine                     a folder
  mmdebstrap bookworm rootfs.tar && podium image import rootfs.tar
  docker save python:3.12 | gzip > py.tar.gz && podium image import py.tar.gz --name py312
  skopeo copy docker://debian:12 oci:debian && podium image import debian/

Archives are not trusted: docs/images.md lists what is refused, with the word in the message.
Entry point, user and environment are recorded and never used.)";

}  // namespace

void AddImageVerbs(CLI::App& app, Exit& exit) {
  auto args = std::make_shared<ImageArguments>();
  auto* image = app.add_subcommand("image", "Container images");
  image->require_subcommand(1);
  image->footer(
      "\n  podium image build podium-ml          Debian with Python and the usual libraries\n"
      "  podium image import py.tar.gz         your own: rootfs, OCI layout or docker save\n"
      "  podium run --image NAME ...           its digest goes into every verdict");
  auto verb = [&](const char* name, const char* what, Result<Exit> (*run)(const ImageArguments&)) {
    auto* sub = image->add_subcommand(name, what);
    sub->callback(Wrap(exit, [args, run] { return run(*args); }));
    return sub;
  };
  auto* build =
      verb("build", "Build an image from its recipe (configs/sandboxes/NAME.yaml)", Build);
  build->add_option("name", args->name, "The image's name")->capture_default_str();
  auto* import = verb("import", "Import a root file system, OCI layout or docker save", Import);
  import->add_option("source", args->source, "A folder or a file")->required();
  import->add_option("--name", args->new_name, "The image's name (default: the source's)");
  import->add_option("--ref", args->ref, "Which image, where the source holds several");
  import->add_flag("--json", args->json, "Print JSON (podium-image-import/1)");
  import->footer(kImportHelp);
  auto* ls = verb("ls", "The images that are here", List);
  ls->add_flag("--json", args->json, "Print JSON");
  auto* show = verb("show", "All about one image", Show);
  show->add_option("name", args->name, "The image's name")->required();
  show->add_flag("--json", args->json, "Print JSON");
  auto* rm = verb("rm", "Forget an image (layers stay until gc)", Remove);
  rm->add_option("name", args->name, "The image's name")->required();
  auto* gc = verb("gc", "Remove layers without a name, unfinished work and old builds", Collect);
  gc->add_flag("--dry-run", args->dry_run, "Only list");
  gc->add_flag("--json", args->json, "Print JSON (podium-image-gc/1)");
  gc->footer("\nNever removes what a sandbox of this host has mounted.");
}

}  // namespace podium::harness
