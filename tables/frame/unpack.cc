#include "tables/frame/unpack.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

namespace podium {
namespace {

using Unpacked = tl::expected<std::string, ReadFault>;

constexpr std::string_view kGzip = "\x1F\x8B";
constexpr std::string_view kZipEntry = "PK\x03\x04";
constexpr std::string_view kZipFolder = "PK\x01\x02";
constexpr std::string_view kZipEnd = "PK\x05\x06";

tl::unexpected<ReadFault> Refuse(std::string code, std::string detail) {
  return tl::unexpected(ReadFault{std::move(code), std::move(detail)});
}
tl::unexpected<ReadFault> Damaged() {
  return Refuse("damaged_archive", "the compressed file is damaged or cut off");
}

std::optional<ReadFault> TooLarge(std::uint64_t out, std::uint64_t in, const UnpackLimits& limits) {
  if (out > limits.max_bytes)
    return ReadFault{"unpacked_too_large",
                     "more than " + std::to_string(limits.max_bytes) + " bytes when unpacked"};
  if (out > limits.free_bytes && out / limits.max_ratio > in)
    return ReadFault{"unpacked_too_large", "more than " + std::to_string(limits.max_ratio) +
                                               " times as large when unpacked"};
  return std::nullopt;
}

// A deflate stream, raw or with gzip's frame, that must end where `bytes` do.
Unpacked Inflate(std::string_view bytes, int window_bits, const UnpackLimits& limits) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK)
    return Refuse("damaged_archive", "zlib does not start");
  std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, &inflateEnd);
  std::string out;
  std::array<char, 1 << 16> block{};
  std::string_view rest = bytes;
  for (int rc = Z_OK; rc != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      std::string_view part = rest.substr(0, 1 << 30);
      rest.remove_prefix(part.size());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream.avail_in = static_cast<uInt>(part.size());
    }
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = block.size();
    rc = inflate(&stream, Z_NO_FLUSH);
    if (rc != Z_OK && rc != Z_STREAM_END) return Damaged();
    out.append(block.data(), block.size() - stream.avail_out);
    if (auto fault = TooLarge(out.size(), bytes.size(), limits)) return tl::unexpected(*fault);
  }
  if (stream.avail_in != 0 || !rest.empty())
    return Refuse("archive_members", "there are bytes behind the compressed file");
  return out;
}

// Little-endian numbers at a place that the caller has checked.
std::uint32_t Number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// What the folder at the end says of the only entry.
struct Entry {
  std::uint32_t method = 0;
  std::uint32_t crc = 0;
  std::uint32_t packed = 0;
  std::uint32_t size = 0;
  std::uint32_t at = 0;  // its local header
};

tl::expected<Entry, ReadFault> OnlyEntry(std::string_view zip) {
  constexpr std::size_t kEndSize = 22;
  constexpr std::size_t kFolderSize = 46;
  std::size_t end = zip.rfind(kZipEnd);
  if (end == std::string_view::npos || zip.size() - end < kEndSize) return Damaged();
  if (Number(zip, end + 10, 2) != 1)
    return Refuse("archive_members", "the ZIP file does not hold one file alone");
  std::size_t folder = Number(zip, end + 16, 4);
  if (folder == UINT32_MAX) return Refuse("unsupported_archive", "ZIP64");
  if (folder > end || end - folder < kFolderSize || !zip.substr(folder).starts_with(kZipFolder))
    return Damaged();
  if (Number(zip, folder + 8, 2) & 1) return Refuse("unsupported_archive", "encrypted");
  Entry entry{Number(zip, folder + 10, 2), Number(zip, folder + 16, 4), Number(zip, folder + 20, 4),
              Number(zip, folder + 24, 4), Number(zip, folder + 42, 4)};
  if (entry.packed == UINT32_MAX || entry.size == UINT32_MAX || entry.at == UINT32_MAX)
    return Refuse("unsupported_archive", "ZIP64");
  return entry;
}

Unpacked UnpackZip(std::string_view zip, const UnpackLimits& limits) {
  constexpr std::size_t kLocalSize = 30;
  auto entry = OnlyEntry(zip);
  if (!entry) return tl::unexpected(entry.error());
  if (entry->at > zip.size() || zip.size() - entry->at < kLocalSize) return Damaged();
  std::string_view local = zip.substr(entry->at);
  std::size_t data = kLocalSize + Number(local, 26, 2) + Number(local, 28, 2);
  if (!local.starts_with(kZipEntry) || data > local.size() || entry->packed > local.size() - data)
    return Damaged();
  std::string_view packed = local.substr(data, entry->packed);
  if (entry->method != 0 && entry->method != 8)
    return Refuse("unsupported_archive", "compression method " + std::to_string(entry->method));
  if (auto fault = TooLarge(entry->size, packed.size(), limits)) return tl::unexpected(*fault);
  auto out =
      entry->method == 0 ? Unpacked(std::string(packed)) : Inflate(packed, -MAX_WBITS, limits);
  if (!out) return out;
  auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(out->data()), out->size());
  if (out->size() != entry->size || crc != entry->crc) return Damaged();
  return out;
}

}  // namespace

bool IsPacked(std::string_view bytes) {
  return bytes.starts_with(kGzip) || bytes.starts_with(kZipEntry) || bytes.starts_with(kZipEnd);
}

tl::expected<std::string, ReadFault> Unpack(std::string_view bytes, const UnpackLimits& limits) {
  auto out =
      bytes.starts_with(kGzip) ? Inflate(bytes, MAX_WBITS + 16, limits) : UnpackZip(bytes, limits);
  if (out && IsPacked(*out))
    return Refuse("nested_archive", "what is inside the compressed file is compressed again");
  return out;
}

}  // namespace podium
