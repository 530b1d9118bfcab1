// A run as one file.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/store/run_archive.h"
#include "harness/store/run_folder.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

struct Asked {
  std::string run, to;
  bool check = false, json = false;
};

void Print(const Asked& asked, const RunArchive& a, const fs::path& file) {
  if (asked.json) {
    Json out = {{"schema", "podium-archive/1"},
                {"file", file.string()},
                {"files", a.files},
                {"bytes", a.bytes},
                {"archive_bytes", a.archive_bytes},
                {"sha256", a.digest.hex()}};
    std::cout << DumpJson(out, 2) << "\n";
    return;
  }
  std::cout << file.string() << ": " << a.files << " files, " << FormatBytes(a.bytes) << " in "
            << FormatBytes(a.archive_bytes) << ", every one as its manifest says\nSHA-256 "
            << a.digest.hex() << "\n";
  if (!asked.check)
    std::cout << "Unpack it with `tar --zstd -xf`; the run's own folder is left as it is.\n";
}

Result<Exit> DoArchive(const Asked& asked) {
  if (asked.check) {
    auto checked = CheckArchive(asked.run);
    if (!checked && checked.error().code == ErrorCode::kDigest) {
      std::cerr << "podium: " << checked.error().message << "\n";
      return Exit::kNotVerified;
    }
    if (!checked) return tl::unexpected(checked.error());
    Print(asked, *checked, asked.run);
    return Exit::kOk;
  }
  PODIUM_ASSIGN(auto dir, FindRun(asked.run));
  fs::path to = asked.to.empty() ? dir.filename().string() + ".tar.zst" : asked.to;
  bool watched = ::isatty(STDERR_FILENO) == 1;
  auto progress = [watched](std::string_view text) {
    if (watched) std::cerr << "\r\x1b[K" << text << std::flush;
  };
  auto written = WriteArchive(dir, to, progress);
  if (watched) std::cerr << "\r\x1b[K";
  if (!written) return tl::unexpected(written.error());
  Print(asked, *written, to);
  return Exit::kOk;
}

}  // namespace

void AddArchiveVerb(CLI::App& app, Exit& exit) {
  auto asked = std::make_shared<Asked>();
  auto* verb = app.add_subcommand(
      "archive", "A run as one file (tar, zstd) with a manifest, written and read back");
  verb->add_option("run", asked->run,
                   "Name or folder of the run, the newest when left out; with --check the archive");
  verb->add_option("--to", asked->to, "The file; else RUN.tar.zst here");
  verb->add_flag("--check", asked->check, "Compare an archive with its manifest");
  verb->add_flag("--json", asked->json, "Print JSON (podium-archive/1)");
  verb->callback(Wrap(exit, [asked] { return DoArchive(*asked); }));
}

}  // namespace podium::harness
