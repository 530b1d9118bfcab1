#include <CLI/CLI.hpp>
#include <iostream>

#include "base/async/reactor.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/report/table.h"
#include "sandbox/backends/factory.h"
#include "sandbox/build/layered_build.h"
#include "sandbox/host/rootless.h"
#include "sandbox/images/export.h"
#include "sandbox/images/image.h"
#include "sandbox/images/intact.h"
#include "sandbox/images/layer_recipe.h"
#include "sandbox/reaper/reaper.h"

namespace podium::harness {
namespace {

struct ImageArguments {
  std::string name = "podium-ml", source, new_name, ref, to;
  bool json = false, dry_run = false, update = false;
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
          {"base", {{"name", i.base}, {"digest", i.base_digest}}},
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

// runc, or crun where that is not there: both share their root file system with us.
Result<std::unique_ptr<sandbox::Backend>> BuildBackend(Reactor& reactor) {
  auto runc = sandbox::MakeBackend("runc", reactor);
  if (runc) return runc;
  auto crun = sandbox::MakeBackend("crun", reactor);
  return crun ? std::move(crun) : std::move(runc);
}

Result<Exit> BuildByPath(const ImageArguments& args) {
  auto progress = [](std::string_view text) { std::cout << text << std::endl; };
  PODIUM_TRY(sandbox::EnterRootless());
  Reactor reactor;
  PODIUM_ASSIGN(auto backend, BuildBackend(reactor));
  PODIUM_TRY(sandbox::ReapDead(Deadline::In(kReapTime)));
  sandbox::Built built;
  PODIUM_TRY(reactor.Run([&]() -> Task<Status> {
    sandbox::LayeredOptions options{args.name, args.update, progress};
    Deadline deadline = Deadline::In(kImageTime);
    auto done =
        co_await sandbox::BuildLayered(reactor, *backend, std::move(options), CacheDir(), deadline);
    if (!done) co_return tl::unexpected(done.error());
    built = std::move(*done);
    co_return Status{};
  }));
  const auto& image = built.image;
  for (const auto& note : built.notes) std::cout << note << "\n";
  std::cout << "image " << image.name << (built.was_there ? " is there already: " : ": ")
            << image.layer_digests.size()
            << (image.layer_digests.size() == 1 ? " layer on " : " layers on ") << image.base
            << ", " << FormatBytes(image.bytes) << ", digest " << image.digest.substr(0, 16)
            << "\nlock " << built.lock.string() << "\nUse it with `podium run --image " << args.name
            << "` or `image: " << args.name << "` in a run file.\n";
  return Exit::kOk;
}

Result<Exit> Build(const ImageArguments& args) {
  if (sandbox::IsRecipePath(args.name)) return BuildByPath(args);
  if (args.update)
    return Fail(ErrorCode::kUsage,
                "--update is for a recipe given by path: a shipped one has no lock");
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
  if (!image.base.empty())
    std::cout << "stands on  " << image.base << " " << image.base_digest.substr(0, 16) << "\n";
  if (!image.packages.empty()) std::cout << "packages   " << image.packages.size() << "\n";
  for (const auto& layer : image.layers) std::cout << "layer      " << layer.string() << "\n";
  const auto& c = image.config;
  std::cout << "It says of itself (recorded, never run):\n"
            << "  env        " << Words(c.env) << "\n  entrypoint " << Words(c.entrypoint)
            << "\n  command    " << Words(c.command) << "\n  workdir    " << Printable(c.workdir)
            << "\n  user       " << Printable(c.user) << "\n";
  return Exit::kOk;
}

Result<Exit> ExportTar(const ImageArguments& args) {
  PODIUM_TRY(sandbox::EnterRootless());
  PODIUM_ASSIGN(auto image, sandbox::FindImage(args.name, CacheDir()));
  PODIUM_TRY(sandbox::CheckIntact(image));
  PODIUM_TRY(sandbox::ExportImage(image, args.to, CacheDir(), Say));
  std::cout << "image " << image.name << " is in " << args.to
            << ": `podium image import` or `docker load` takes it\n";
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

constexpr const char* kRecipeHelp = R"(
A recipe of yours (docs/images.md), e.g. ./my.yaml:
  schema: podium-recipe/1
  from: podium-ml                     an image that is here
  apt: [git]                          each key is a layer, in this order
  pip: [openai==3.57.0]
  npm: ["@openai/codex@0.171.0"]
  copy: {agent: /opt/agent}           files beside the recipe
  run: [ln -s /opt/agent/go /usr/local/bin/go]
  remove: [/usr/share/doc]
  env: {MODE: fast}
What was fetched is in my.lock.json beside it, and a later build takes that or is refused.)";

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
      "  podium image build ./my.yaml          layers of yours on it, by a recipe\n"
      "  podium image import py.tar.gz         your own: rootfs, OCI layout or docker save\n"
      "  podium run --image NAME ...           its digest goes into every verdict");
  auto verb = [&](const char* name, const char* what, Result<Exit> (*run)(const ImageArguments&)) {
    auto* sub = image->add_subcommand(name, what);
    sub->callback(Wrap(exit, [args, run] { return run(*args); }));
    return sub;
  };
  auto* build = verb("build", "Build an image from its recipe", Build);
  build
      ->add_option("name", args->name,
                   "A shipped image (configs/sandboxes/NAME.yaml) or the path of a recipe of yours")
      ->capture_default_str();
  build->add_flag("--update", args->update, "Fetch anew and write the recipe's lock anew");
  build->footer(kRecipeHelp);
  auto* import = verb("import", "Import a root file system, OCI layout or docker save", Import);
  import->add_option("source", args->source, "A folder or a file")->required();
  import->add_option("--name", args->new_name, "The image's name (default: the source's)");
  import->add_option("--ref", args->ref, "Which image, where the source holds several");
  import->add_flag("--json", args->json, "Print JSON (podium-image-import/1)");
  import->footer(kImportHelp);
  auto* ls = verb("ls", "The images that are here", List);
  ls->add_flag("--json", args->json, "Print JSON");
  auto* show = verb("show", "All about one image", Show);
  show->add_option("name", args->name, "The image's name, or the path of its recipe")->required();
  show->add_flag("--json", args->json, "Print JSON");
  auto* out = verb("export", "Write an image as one tar (OCI layout and docker load)", ExportTar);
  out->add_option("name", args->name, "The image's name, or the path of its recipe")->required();
  out->add_option("file", args->to, "The tar to write")->required();
  auto* rm = verb("rm", "Forget an image (layers stay until gc)", Remove);
  rm->add_option("name", args->name, "The image's name")->required();
  auto* gc = verb("gc", "Remove layers without a name, unfinished work and old builds", Collect);
  gc->add_flag("--dry-run", args->dry_run, "Only list");
  gc->add_flag("--json", args->json, "Print JSON (podium-image-gc/1)");
  gc->footer("\nNever removes what a sandbox of this host has mounted.");
}

}  // namespace podium::harness
