#include "tables/frame/packed_texts.h"

namespace podium {

void PackedTexts::Append(const PackedTexts& more) {
  if (more.beside_.empty()) {
    words_.insert(words_.end(), more.words_.begin(), more.words_.end());
    return;
  }
  for (std::string_view text : more) push_back(text);
}

PackedTexts PackedTexts::Take(std::span<const std::size_t> picked) const {
  PackedTexts out;
  out.beside_ = beside_;
  out.words_.resize(picked.size());
  for (std::size_t i = 0; i < picked.size(); ++i) out.words_[i] = words_[picked[i]];
  return out;
}

}  // namespace podium
