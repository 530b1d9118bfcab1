#include "tasks/deb_package.h"

#include <lzma.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <memory>

#include "base/archive.h"
#include "base/files.h"
#include "base/process.h"

namespace podium::tasks {
namespace {

constexpr std::size_t kMaxMember = std::size_t{1} << 30;

using Reader = std::unique_ptr<archive, int (*)(archive*)>;
Reader NewReader(const ArchiveApi& api) { return {api.read_new(), api.read_free}; }

tl::unexpected<Error> ArchiveError(const ArchiveApi& api, archive* reader,
                                   const std::string& name) {
  const char* text = api.error_string(reader);
  return Fail(ErrorCode::kIo,
              name + ": not a readable archive: " + (text ? text : "unknown error"));
}

Result<std::string> ReadEntry(const ArchiveApi& api, archive* reader, const std::string& name,
                              std::size_t max_bytes) {
  std::string out;
  char block[65536];
  for (;;) {
    la_ssize_t n = api.read_data(reader, block, sizeof block);
    if (n < 0) return ArchiveError(api, reader, name);
    if (n == 0) return out;
    out.append(block, static_cast<std::size_t>(n));
    if (out.size() > max_bytes)
      return Fail(ErrorCode::kIo,
                  name + ": larger than " + std::to_string(max_bytes) + " bytes when unpacked");
  }
}

// The compressed tar inside a .deb.
Result<std::string> DataMember(const fs::path& deb) {
  PODIUM_ASSIGN(const ArchiveApi* loaded, LoadArchiveApi());
  const ArchiveApi& api = *loaded;
  Reader ar = NewReader(api);
  api.read_support_format_ar(ar.get());
  if (api.read_open_filename(ar.get(), deb.c_str(), 1 << 16) != ARCHIVE_OK)
    return ArchiveError(api, ar.get(), deb.string());
  archive_entry* entry = nullptr;
  while (api.read_next_header(ar.get(), &entry) == ARCHIVE_OK) {
    std::string name = api.entry_pathname(entry);
    if (name.starts_with("data.tar")) return ReadEntry(api, ar.get(), deb.string(), kMaxMember);
  }
  return Fail(ErrorCode::kIo, deb.string() + ": not a Debian package: it has no data.tar");
}

Result<fs::path> FindDeb(const fs::path& dir, const std::string& name) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(dir, ec)) {
    std::string file = entry.path().filename();
    if (file.starts_with(name + "_") && file.ends_with(".deb")) found.push_back(entry.path());
  }
  if (found.empty()) return Fail(ErrorCode::kNotFound, "no " + name + " in " + dir.string());
  return *std::ranges::max_element(found);
}

// As root apt would drop to its own user, who cannot write the folder, and warn.
Result<std::string> AptGet(std::vector<std::string> args, const fs::path& cwd, Deadline deadline) {
  std::vector<std::string> argv = {"apt-get", "-q", "-o", "APT::Sandbox::User="};
  if (::geteuid() == 0)
    argv.back() += "root";
  else
    argv.resize(2);
  argv.insert(argv.end(), args.begin(), args.end());
  return RunTool({.argv = std::move(argv), .cwd = cwd}, deadline);
}

Status Download(const DataPackage& package, const fs::path& dir, Deadline deadline) {
  std::string exact = package.name + "=" + package.version;
  if (AptGet({"download", exact}, dir, deadline)) return {};
  bool is_root = ::access("/var/lib/apt/lists", W_OK) == 0;  // root of a user namespace is none
  if (is_root) PODIUM_TRY(AptGet({"update"}, dir, deadline));
  if (AptGet({"download", exact}, dir, deadline)) return {};
  auto any = AptGet({"download", package.name}, dir, deadline);
  if (any) return {};
  return Fail(
      ErrorCode::kUnavailable,
      "cannot download the Debian package " + exact + ": " + any.error().message +
          (is_root
               ? ". Check the network and the host's package sources."
               : ". If it is not found, run 'apt-get update' as root; else check the network."));
}

Result<std::string> InflateZlib(std::string_view bytes, std::size_t max_bytes) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return Fail(ErrorCode::kInternal, "zlib cannot start");
  std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, &inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  char block[65536];
  for (int rc = Z_OK; rc != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    rc = inflate(&stream, Z_NO_FLUSH);
    if (rc != Z_OK && rc != Z_STREAM_END) return Fail(ErrorCode::kIo, "damaged zlib data");
    out.append(block, sizeof block - stream.avail_out);
    if (out.size() > max_bytes)
      return Fail(ErrorCode::kIo,
                  "larger than " + std::to_string(max_bytes) + " bytes when unpacked");
  }
  return out;
}

}  // namespace

Result<std::string> Decompress(std::string_view bytes, std::size_t max_bytes) {
  if (bytes.size() > 2 && bytes[0] == '\x78' &&
      (static_cast<unsigned char>(bytes[1]) + 256 * 0x78) % 31 == 0) {
    return InflateZlib(bytes, max_bytes);
  }
  bool known = bytes.starts_with("\x1f\x8b") || bytes.starts_with("BZh") ||
               bytes.starts_with(std::string_view("\xFD"
                                                  "7zXZ\0",
                                                  6));
  if (!known) return std::string(bytes);
  PODIUM_ASSIGN(const ArchiveApi* loaded, LoadArchiveApi());
  const ArchiveApi& api = *loaded;
  Reader reader = NewReader(api);
  api.read_support_filter_gzip(reader.get());
  api.read_support_filter_bzip2(reader.get());
  api.read_support_filter_xz(reader.get());
  api.read_support_format_raw(reader.get());
  if (api.read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    return ArchiveError(api, reader.get(), "compressed data");
  archive_entry* entry = nullptr;
  if (api.read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    return ArchiveError(api, reader.get(), "compressed data");
  return ReadEntry(api, reader.get(), "compressed data", max_bytes);
}

Result<std::string> DecompressRawLzma2(std::string_view bytes, std::size_t max_bytes) {
  lzma_options_lzma options{};
  if (lzma_lzma_preset(&options, 6)) return Fail(ErrorCode::kInternal, "liblzma has no preset 6");
  lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_raw_decoder(&stream, filters) != LZMA_OK)
    return Fail(ErrorCode::kInternal, "liblzma cannot start");
  std::unique_ptr<lzma_stream, decltype(&lzma_end)> guard(&stream, &lzma_end);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();
  std::string out;
  char block[65536];
  for (lzma_ret rc = LZMA_OK; rc != LZMA_STREAM_END;) {
    stream.next_out = reinterpret_cast<std::uint8_t*>(block);
    stream.avail_out = sizeof block;
    rc = lzma_code(&stream, LZMA_FINISH);
    out.append(block, sizeof block - stream.avail_out);
    if (rc != LZMA_OK && rc != LZMA_STREAM_END) return Fail(ErrorCode::kIo, "damaged LZMA2 data");
    if (out.size() > max_bytes)
      return Fail(ErrorCode::kIo,
                  "larger than " + std::to_string(max_bytes) + " bytes when unpacked");
  }
  return out;
}

Result<std::map<std::string, std::string>> ReadDebFiles(const fs::path& deb,
                                                        const std::vector<std::string>& paths) {
  PODIUM_ASSIGN(auto data, DataMember(deb));
  PODIUM_ASSIGN(const ArchiveApi* loaded, LoadArchiveApi());
  const ArchiveApi& api = *loaded;
  Reader tar = NewReader(api);
  api.read_support_filter_all(tar.get());
  api.read_support_format_tar(tar.get());
  if (api.read_open_memory(tar.get(), data.data(), data.size()) != ARCHIVE_OK)
    return ArchiveError(api, tar.get(), deb.string());
  std::map<std::string, std::string> out;
  archive_entry* entry = nullptr;
  int rc = ARCHIVE_OK;
  while ((rc = api.read_next_header(tar.get(), &entry)) == ARCHIVE_OK) {
    std::string name = api.entry_pathname(entry);
    if (name.starts_with("./")) name.erase(0, 2);
    if (std::ranges::find(paths, name) == paths.end()) continue;
    PODIUM_ASSIGN(out[name], ReadEntry(api, tar.get(), deb.string(), kMaxMember));
  }
  if (rc != ARCHIVE_EOF) return ArchiveError(api, tar.get(), deb.string());
  for (const std::string& path : paths) {
    if (!out.contains(path)) return Fail(ErrorCode::kNotFound, deb.string() + " holds no " + path);
  }
  return out;
}

Result<FetchedDeb> FetchDeb(const DataPackage& package, const fs::path& cache, Deadline deadline) {
  const fs::path debs = cache / "debs";
  PODIUM_TRY(MakeDirs(debs));
  fs::path kept = debs / (package.name + "-" + package.sha256.hex().substr(0, 16) + ".deb");
  if (fs::exists(kept)) {
    PODIUM_ASSIGN(auto digest, DigestFile(kept));
    if (digest == package.sha256) return FetchedDeb{kept, true};
  }
  PODIUM_ASSIGN(auto temp, TempDir::Make("podium-deb"));
  PODIUM_TRY(Download(package, temp.path(), deadline));
  PODIUM_ASSIGN(auto file, FindDeb(temp.path(), package.name));
  PODIUM_ASSIGN(auto digest, DigestFile(file));
  bool pinned = digest == package.sha256;
  if (!pinned) kept = debs / file.filename();
  PODIUM_ASSIGN(auto bytes, ReadFile(file));
  PODIUM_TRY(WriteFileAtomic(kept, bytes));
  return FetchedDeb{kept, pinned};
}

}  // namespace podium::tasks
