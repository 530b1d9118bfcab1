#include "tables/frame/table_parts.h"

#include <algorithm>
#include <deque>
#include <thread>

#include "tables/beside.h"
#include "tables/frame/plain_block.h"

namespace podium {
namespace {

constexpr std::size_t kMaxParts = 8;
constexpr std::size_t kHeadBytes = 64 << 10;

// A megabyte at a time, whose memory goes again.
bool OddQuotes(std::string_view bytes, const ReadCsvOptions& options) {
  constexpr std::size_t kBlock = 1 << 20;
  std::size_t count = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kBlock) {
    std::string_view block = bytes.substr(at, kBlock);
    count += CountByte(block, '"');
    if (options.release) options.release(block);
  }
  return count % 2 != 0;
}

// Behind the first line feed from `from` on that follows an even number of quotes.
std::size_t CutFrom(std::string_view bytes, std::size_t from, bool odd) {
  for (std::size_t i = from; i < bytes.size(); ++i) {
    if (bytes[i] == '"') odd = !odd;
    if (bytes[i] == '\n' && !odd) return i + 1;
  }
  return bytes.size();
}

// Whether the quotes before each of the places are odd in number.
std::vector<bool> Parities(std::string_view bytes, const std::vector<std::size_t>& places,
                           const ReadCsvOptions& options) {
  std::vector<bool> odd(places.size());
  if (bytes.substr(0, kHeadBytes).find('"') == std::string_view::npos) return odd;
  std::deque<Beside<bool>> chunks;
  std::size_t start = 0;
  for (std::size_t place : places) {
    std::string_view chunk = bytes.substr(start, place - start);
    chunks.emplace_back([chunk, &options] { return OddQuotes(chunk, options); });
    start = place;
  }
  bool before = false;
  for (std::size_t i = 0; i < places.size(); ++i) odd[i] = before = before != chunks[i].Get();
  return odd;
}

}  // namespace

std::vector<std::string_view> TableParts(std::string_view bytes, const ReadCsvOptions& options) {
  std::size_t count = std::min(bytes.size() / options.part_bytes, kMaxParts);
  if (count > 1) count = std::min(count, std::size_t{std::thread::hardware_concurrency()});
  if (count < 2) return {};
  std::vector<std::size_t> places;
  for (std::size_t i = 1; i < count; ++i) places.push_back(bytes.size() * i / count);
  auto odd = Parities(bytes, places, options);
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t end = i + 1 == count ? bytes.size() : CutFrom(bytes, places[i], odd[i]);
    if (end <= start) return {};
    parts.push_back(bytes.substr(start, end - start));
    if (start > 0 && parts.back().starts_with("\xEF\xBB\xBF")) return {};
    start = end;
  }
  return parts;
}

}  // namespace podium
