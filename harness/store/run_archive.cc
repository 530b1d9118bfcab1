#include "harness/store/run_archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <vector>

#include "base/archive.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/text.h"
#include "harness/store/control.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "MANIFEST.sha256";
constexpr std::size_t kPiece = 1 << 20;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 50;

bool LeftOut(const std::string& name) {
  constexpr std::string_view kNames[] = {".lock", ".control.lock", ".spending.lock",
                                         "podium.db-wal", "podium.db-shm"};
  return std::ranges::find(kNames, name) != std::end(kNames) || name.starts_with("workers") ||
         name.starts_with("sandboxes") || name.ends_with("/lease.lock");
}

class Writer {
 public:
  static Result<Writer> Open(const fs::path& to) {
    PODIUM_TRY(LoadArchiveApi());
    Writer out;
    const ArchiveApi& api = Archive();
    bool ok = api.write_add_filter_zstd(out.tar_.get()) == ARCHIVE_OK &&
              api.write_set_format_pax_restricted(out.tar_.get()) == ARCHIVE_OK &&
              api.write_open_filename(out.tar_.get(), to.c_str()) == ARCHIVE_OK;
    if (!ok) return out.Broken("cannot write " + to.string());
    return out;
  }

  Status Add(const std::string& name, std::uint64_t bytes,
             const std::function<Result<std::string_view>()>& next) {
    const ArchiveApi& api = Archive();
    std::unique_ptr<archive_entry, decltype(api.entry_free)> entry(api.entry_new(), api.entry_free);
    api.entry_set_pathname(entry.get(), name.c_str());
    api.entry_set_filetype(entry.get(), AE_IFREG);
    api.entry_set_perm(entry.get(), 0644);
    api.entry_set_size(entry.get(), static_cast<std::int64_t>(bytes));
    if (api.write_header(tar_.get(), entry.get()) != ARCHIVE_OK) return Broken(name);
    for (;;) {
      PODIUM_ASSIGN(auto piece, next());
      if (piece.empty()) return {};
      auto written = api.write_data(tar_.get(), piece.data(), piece.size());
      if (written != static_cast<la_ssize_t>(piece.size())) return Broken(name);
    }
  }

  Status Close() {
    if (Archive().write_close(tar_.get()) == ARCHIVE_OK) return {};
    return Broken("cannot end the archive");
  }

 private:
  Writer() : tar_(Archive().write_new(), Archive().write_free) {}
  tl::unexpected<Error> Broken(const std::string& what) const {
    const char* text = Archive().error_string(tar_.get());
    return Fail(ErrorCode::kIo, what + ": " + (text ? text : "unknown"));
  }
  std::unique_ptr<archive, decltype(&::archive_write_free)> tar_;
};

// A file's bytes, piece by piece.
class Pieces {
 public:
  explicit Pieces(UniqueFd fd) : fd_(std::move(fd)), piece_(kPiece, '\0') {}
  Result<std::string_view> Next() {
    ssize_t n = ::read(fd_.get(), piece_.data(), piece_.size());
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read a file of the run", errno);
    return std::string_view(piece_).substr(0, static_cast<std::size_t>(n));
  }

 private:
  UniqueFd fd_;
  std::string piece_;
};

struct Listed {
  std::string name;
  std::uint64_t bytes = 0;
};

Result<std::vector<Listed>> FilesOf(const ForeignFolder& run) {
  PODIUM_ASSIGN(auto entries, run.List());
  std::vector<Listed> out;
  for (const auto& entry : entries) {
    if (!entry.folder && !LeftOut(entry.name)) out.push_back({entry.name, entry.bytes});
  }
  return out;
}

Status WriteAll(const ForeignFolder& run, const std::string& root, const fs::path& to,
                const ArchiveProgress& progress) {
  PODIUM_ASSIGN(auto files, FilesOf(run));
  std::string manifest;
  for (const auto& file : files) {
    PODIUM_ASSIGN(auto digest, run.DigestOf(file.name));
    manifest += digest.hex() + "  " + file.name + "\n";
  }
  PODIUM_ASSIGN(auto writer, Writer::Open(to));
  std::string_view rest = manifest;
  PODIUM_TRY(writer.Add(root + "/" + kManifest, manifest.size(),
                        [&] { return Result<std::string_view>(std::exchange(rest, {})); }));
  std::uint64_t done = 0, all = 0;
  for (const auto& file : files) all += file.bytes;
  for (const auto& file : files) {
    PODIUM_ASSIGN(auto fd, run.OpenFile(file.name, kMostBytes));
    Pieces pieces(std::move(fd));
    PODIUM_TRY(writer.Add(root + "/" + file.name, file.bytes, [&] { return pieces.Next(); }));
    done += file.bytes;
    progress(FormatBytes(done) + " of " + FormatBytes(all));
  }
  return writer.Close();
}

class Reader {
 public:
  static Result<Reader> Open(const fs::path& file) {
    PODIUM_TRY(LoadArchiveApi());
    Reader out;
    const ArchiveApi& api = Archive();
    bool ok = api.read_support_filter_zstd(out.tar_.get()) == ARCHIVE_OK &&
              api.read_support_format_tar(out.tar_.get()) == ARCHIVE_OK &&
              api.read_open_filename(out.tar_.get(), file.c_str(), kPiece) == ARCHIVE_OK;
    if (!ok) return out.Broken("cannot read " + file.string());
    return out;
  }

  // The next file's name; empty at the end.
  Result<std::string> Next() {
    archive_entry* entry = nullptr;
    int code = Archive().read_next_header(tar_.get(), &entry);
    if (code == ARCHIVE_EOF) return std::string();
    const char* name = code == ARCHIVE_OK ? Archive().entry_pathname(entry) : nullptr;
    if (!name) return Broken("the archive is damaged");
    return std::string(name);
  }

  // Its bytes, to the end.
  Status Read(const std::function<void(std::string_view)>& take) {
    std::string piece(kPiece, '\0');
    for (;;) {
      auto n = Archive().read_data(tar_.get(), piece.data(), piece.size());
      if (n < 0) return Broken("the archive is damaged");
      if (n == 0) return {};
      take(std::string_view(piece).substr(0, static_cast<std::size_t>(n)));
    }
  }

 private:
  Reader() : tar_(Archive().read_new(), Archive().read_free) {}
  tl::unexpected<Error> Broken(const std::string& what) const {
    const char* text = Archive().error_string(tar_.get());
    return Fail(ErrorCode::kDigest, what + ": " + (text ? text : "unknown"));
  }
  std::unique_ptr<archive, decltype(&::archive_read_free)> tar_;
};

// name -> digest, of "<hex>  <name>" lines.
Result<std::map<std::string, std::string>> ParseManifest(const std::string& text) {
  std::map<std::string, std::string> out;
  for (auto line : Split(text, '\n')) {
    if (line.empty()) continue;
    if (line.size() < 67 || line.substr(64, 2) != "  ")
      return Fail(ErrorCode::kDigest, std::string(kManifest) + " is damaged");
    out[std::string(line.substr(66))] = std::string(line.substr(0, 64));
  }
  return out;
}

}  // namespace

Result<RunArchive> CheckArchive(const fs::path& file) {
  PODIUM_ASSIGN(auto reader, Reader::Open(file));
  PODIUM_ASSIGN(auto first, reader.Next());
  std::size_t slash = first.find('/');
  if (slash == std::string::npos || first.substr(slash + 1) != kManifest)
    return Fail(ErrorCode::kDigest,
                file.string() + " is no archive of a run: it does not begin with a manifest");
  std::string text, root = first.substr(0, slash + 1);
  PODIUM_TRY(reader.Read([&](std::string_view piece) { text += piece; }));
  PODIUM_ASSIGN(auto listed, ParseManifest(text));
  RunArchive out{.files = listed.size()};
  for (;;) {
    PODIUM_ASSIGN(auto name, reader.Next());
    if (name.empty()) break;
    auto entry = listed.find(name.starts_with(root) ? name.substr(root.size()) : name);
    if (entry == listed.end())
      return Fail(ErrorCode::kDigest, Printable(name) + " is not in the manifest");
    Hasher hasher;
    PODIUM_TRY(reader.Read([&](std::string_view piece) {
      hasher.Update(piece);
      out.bytes += piece.size();
    }));
    if (hasher.Finish().hex() != entry->second)
      return Fail(ErrorCode::kDigest, Printable(name) + " is not what the manifest says");
    listed.erase(entry);
  }
  if (!listed.empty())
    return Fail(ErrorCode::kDigest, Printable(listed.begin()->first) + " is missing");
  std::error_code ec;
  out.archive_bytes = fs::file_size(file, ec);
  PODIUM_ASSIGN(out.digest, DigestFile(file));
  return out;
}

Result<RunArchive> WriteArchive(const fs::path& run_dir, const fs::path& to,
                                const ArchiveProgress& progress) {
  auto workers = WorkersOf(run_dir, SystemClock());
  if (!workers.empty())
    return Fail(ErrorCode::kBusy, "run " + run_dir.string() + " is worked on by " +
                                      Join(workers, ", ") + "; `podium drain` ends that");
  std::error_code ec;
  if (fs::exists(to, ec)) return Fail(ErrorCode::kUsage, to.string() + " exists already");
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(run_dir));
  fs::path part = to.string() + ".part";
  auto written =
      WriteAll(run, fs::absolute(run_dir).lexically_normal().filename().string(), part, progress);
  progress("reading it back");
  auto checked = written ? CheckArchive(part) : Result<RunArchive>(tl::unexpected(written.error()));
  if (checked) {
    UniqueFd fd(::open(part.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0 || ::rename(part.c_str(), to.c_str()) != 0)
      checked = FailErrno(ErrorCode::kIo, "cannot write " + to.string(), errno);
  }
  if (!checked) fs::remove(part, ec);
  return checked;
}

}  // namespace podium::harness
