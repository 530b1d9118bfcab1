#include "agents/models/record_store.h"

#include <unistd.h>
#include <zstd.h>

#include <algorithm>

#include "base/digest.h"
#include "base/files.h"

namespace podium::agents {
namespace {

constexpr std::uint64_t kMaxBytes = 256 << 20;

std::string Compress(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  std::size_t n = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3);
  out.resize(ZSTD_isError(n) ? 0 : n);
  return out;
}

std::optional<std::string> Decompress(std::string_view bytes) {
  unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxBytes)
    return std::nullopt;
  std::string out(size, '\0');
  std::size_t n = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(n) || n != out.size()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<std::string> RecordStore::Find(std::string_view request) const {
  std::string name = Digest::Of(request).hex();
  auto asked = ReadFile(dir_ / (name + ".request.json.zst"), kMaxBytes);
  auto answered = ReadFile(dir_ / (name + ".response.zst"), kMaxBytes);
  if (!asked || !answered || Decompress(*asked) != request) return std::nullopt;
  return Decompress(*answered);
}

Status RecordStore::Save(std::string_view request, std::string_view response) const {
  std::string name = Digest::Of(request).hex();
  PODIUM_TRY(MakeDirs(dir_));
  PODIUM_TRY(WriteFileAtomic(dir_ / (name + ".request.json.zst"), Compress(request)));
  return WriteFileAtomic(dir_ / (name + ".response.zst"), Compress(response));
}

Result<std::string> RecordStore::Answer(const std::string& digest) const {
  std::filesystem::path file = dir_ / FilesOf(digest).back();
  PODIUM_ASSIGN(auto bytes, ReadFile(file, kMaxBytes));
  auto text = Decompress(bytes);
  if (text) return std::move(*text);
  return Fail(ErrorCode::kDigest, file.string() + " cannot be unpacked");
}

std::vector<std::string> RecordStore::FilesOf(const std::string& digest) {
  return {digest + ".request.json.zst", digest + ".response.zst"};
}

Status RecordStore::CheckFile(const std::string& name, const std::string& digest) const {
  PODIUM_ASSIGN(auto bytes, ReadFile(dir_ / name, kMaxBytes));
  auto text = Decompress(bytes);
  if (text && Digest::Of(*text).hex() == digest) return {};
  return Fail(ErrorCode::kDigest, (dir_ / name).string() + " is not what was stored: its text " +
                                      (text ? "has another digest" : "cannot be unpacked"));
}

Status RecordStore::Check(const std::string& digest, const std::string& answer) const {
  PODIUM_TRY(CheckFile(digest + ".request.json.zst", digest));
  return CheckFile(digest + ".response.zst", answer);
}

namespace {

// The size of a compressed text without its bytes.
std::optional<std::uint64_t> TextBytes(const std::filesystem::path& file) {
  char head[18];  // ZSTD_FRAMEHEADERSIZE_MAX
  auto fd = OpenRegular(file);
  ssize_t n = fd ? ::read(fd->get(), head, sizeof head) : -1;
  if (n <= 0) return std::nullopt;
  unsigned long long size = ZSTD_getFrameContentSize(head, static_cast<std::size_t>(n));
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) return std::nullopt;
  return size;
}

}  // namespace

std::vector<std::string> RecordStore::Requests(std::uint64_t like_bytes,
                                               std::uint64_t most_bytes) const {
  std::vector<std::pair<std::uint64_t, std::filesystem::path>> files;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(dir_, ec), end; !ec && it != end; it.increment(ec)) {
    if (!it->path().filename().string().ends_with(".request.json.zst")) continue;
    if (auto size = TextBytes(it->path())) files.emplace_back(*size, it->path());
  }
  auto far = [like_bytes](std::uint64_t size) {
    return size > like_bytes ? size - like_bytes : like_bytes - size;
  };
  std::ranges::sort(files, [&](const auto& a, const auto& b) {
    return std::pair(far(a.first), a.second) < std::pair(far(b.first), b.second);
  });
  std::vector<std::string> out;
  std::uint64_t sum = 0;
  for (const auto& [size, file] : files) {
    if (size > most_bytes - sum) continue;
    auto bytes = ReadFile(file, kMaxBytes);
    auto text = bytes ? Decompress(*bytes) : std::nullopt;
    if (!text) continue;
    sum += text->size();
    out.push_back(std::move(*text));
  }
  std::ranges::sort(out);
  return out;
}

std::uint64_t RecordStore::Bytes() const {
  std::uint64_t sum = 0;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(dir_, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code gone;
    auto bytes = it->file_size(gone);
    if (!gone) sum += bytes;
  }
  return sum;
}

}  // namespace podium::agents
