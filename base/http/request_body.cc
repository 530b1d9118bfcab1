#include "base/http/request_body.h"

#include <fcntl.h>

#include <cerrno>

namespace podium {
namespace {

constexpr std::size_t kInMemory = 1 << 20;

}  // namespace

Status RequestBody::Append(std::string_view piece) {
  if (!file_ && (dir_.empty() || text_.size() + piece.size() <= kInMemory)) {
    text_ += piece;
    return {};
  }
  if (!file_) {
    file_ = UniqueFd(::open(dir_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file_) return FailErrno(ErrorCode::kIo, "cannot write in " + dir_.string(), errno);
    PODIUM_TRY(WriteAll(file_.get(), text_));
    text_ = {};
  }
  return WriteAll(file_.get(), piece);
}

Result<std::string_view> RequestBody::View() {
  if (!file_) return std::string_view(text_);
  PODIUM_ASSIGN(auto mapped, MappedFile::Map(file_.get()));
  mapped_.emplace(std::move(mapped));
  return mapped_->bytes();
}

}  // namespace podium
