#include "tables/frame/packed_texts.h"

#include <functional>

namespace podium {

void PackedTexts::Append(const PackedTexts& more) {
  if (more.beside_.empty()) {
    words_.insert(words_.end(), more.words_.begin(), more.words_.end());
    return;
  }
  for (std::string_view text : more) push_back(text);
}

PackedTexts PackedTexts::Take(std::span<const RowIndex> picked) const {
  PackedTexts out;
  out.beside_ = beside_;
  out.words_.resize(picked.size());
  for (std::size_t i = 0; i < picked.size(); ++i) out.words_[i] = words_[picked[i]];
  return out;
}

std::string_view PackedTexts::Extent(std::size_t begin, std::size_t end) const {
  const char* first = nullptr;
  const char* last = nullptr;
  for (std::size_t row = begin; row < end; ++row) {
    std::string_view text = (*this)[row];
    if (text.data() == nullptr) continue;
    if (first == nullptr || std::less<>()(text.data(), first)) first = text.data();
    if (std::less<>()(last, text.data() + text.size())) last = text.data() + text.size();
  }
  return first == nullptr ? "" : std::string_view(first, static_cast<std::size_t>(last - first));
}

}  // namespace podium
