#include "agents/llm/record_store.h"

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

std::vector<std::string> RecordStore::Requests() const {
  std::vector<std::string> out;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(dir_, ec), end; !ec && it != end; it.increment(ec)) {
    if (!it->path().filename().string().ends_with(".request.json.zst")) continue;
    auto bytes = ReadFile(it->path(), kMaxBytes);
    auto text = bytes ? Decompress(*bytes) : std::nullopt;
    if (text) out.push_back(std::move(*text));
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace podium::agents
