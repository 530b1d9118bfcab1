#include "sandbox/images/unpack.h"

#include <locale.h>
#include <sys/stat.h>

#include <optional>

#include "base/archive.h"
#include "base/files.h"
#include "base/text.h"
#include "sandbox/images/placer.h"

namespace podium::sandbox {
namespace {

// libarchive reads and writes names in the thread's locale; this makes that UTF-8 for a while.
class Utf8Locale {
 public:
  Utf8Locale() : mine_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (mine_) before_ = ::uselocale(mine_);
  }
  ~Utf8Locale() {
    if (!mine_) return;
    ::uselocale(before_);
    ::freelocale(mine_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  [[nodiscard]] bool ok() const { return mine_ != nullptr; }

 private:
  locale_t mine_;
  locale_t before_ = nullptr;
};

struct Feed {
  LayerStream* stream = nullptr;
  std::optional<Error> error;
  const ByteProgress* progress = nullptr;
};

la_ssize_t ReadBlock(archive*, void* data, const void** out) {
  auto* feed = static_cast<Feed*>(data);
  auto got = feed->stream->Next();
  if (!got) {
    feed->error = got.error();
    return -1;
  }
  if (*feed->progress) (*feed->progress)(feed->stream->bytes());
  *out = got->data();
  return static_cast<la_ssize_t>(got->size());
}

std::string Text(const char* text) { return text ? text : ""; }

Member ReadMember(archive_entry* entry) {
  Member m;
  m.name = Text(Archive().entry_pathname(entry));
  m.mode = Archive().entry_perm(entry);
  m.uid = Archive().entry_uid(entry);
  m.gid = Archive().entry_gid(entry);
  m.mtime = Archive().entry_mtime(entry);
  m.size = static_cast<std::uint64_t>(Archive().entry_size(entry));
  if (const char* target = Archive().entry_hardlink(entry)) {
    m.kind = MemberKind::kHardLink;
    m.target = target;
    return m;
  }
  switch (Archive().entry_filetype(entry)) {
    case AE_IFREG:
      m.kind = MemberKind::kFile;
      break;
    case AE_IFDIR:
      m.kind = MemberKind::kFolder;
      break;
    case AE_IFLNK:
      m.kind = MemberKind::kSymlink;
      m.target = Text(Archive().entry_symlink(entry));
      break;
    case AE_IFCHR:
    case AE_IFBLK:
      m.kind = MemberKind::kDevice;
      break;
    case AE_IFIFO:
      m.kind = MemberKind::kFifo;
      break;
    default:
      break;
  }
  return m;
}

class Unpacker {
 public:
  Unpacker(LayerStream stream, UniqueFd root, UnpackAs as, const UnpackLimits& limits,
           const ByteProgress& progress, std::uint32_t first_id)
      : stream_(std::move(stream)),
        limits_(limits),
        placer_(std::move(root), limits, as == UnpackAs::kPlain, first_id),
        feed_{&stream_, std::nullopt, &progress} {}

  Result<Unpacked> Run() {
    archive* a = tar_.get();
    Archive().read_support_format_tar(a);
    if (Archive().read_open(a, &feed_, nullptr, ReadBlock, nullptr) != ARCHIVE_OK)
      return Damaged("");
    Unpacked out;
    for (;;) {
      archive_entry* entry = nullptr;
      int r = Archive().read_next_header(a, &entry);
      if (r == ARCHIVE_EOF) break;
      if (r != ARCHIVE_OK) return Damaged(entry ? Text(Archive().entry_pathname(entry)) : "");
      if (++out.members > limits_.members)
        return Refuse("too_many_members", "",
                      "holds more than " + std::to_string(limits_.members) + " members");
      PODIUM_TRY(PlaceEntry(entry));
    }
    PODIUM_TRY(placer_.Finish());
    PODIUM_TRY(ReadEnd(out));
    out.notes = placer_.notes();
    out.implied.assign(placer_.implied().begin(), placer_.implied().end());
    return out;
  }

 private:
  tl::unexpected<Error> Damaged(const std::string& member) {
    if (feed_.error) return tl::unexpected(*feed_.error);
    std::string why = Text(Archive().error_string(tar_.get()));
    bool cut = why.find("runcated") != std::string::npos;
    return Refuse(cut ? "truncated" : "damaged", member, "cannot be read: " + Printable(why));
  }

  Status PlaceEntry(archive_entry* entry) {
    Member member = ReadMember(entry);
    if (Archive().entry_sparse_count(entry) > 0)
      return Refuse("sparse", member.name, "is a sparse file: make the archive without --sparse");
    if (member.size > limits_.bytes)
      return Refuse("too_large", member.name, "says that it is larger than the limit");
    if (Archive().entry_xattr_count(entry) > 0) {
      const char* name = nullptr;
      const void* value = nullptr;
      std::size_t size = 0;
      Archive().entry_xattr_reset(entry);
      while (Archive().entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
        placer_.Note(Text(name) == "security.capability" ? "file capabilities dropped"
                                                         : "extended attributes dropped");
    }
    return placer_.Place(member, [&](int fd) { return Copy(member, fd); });
  }

  Status Copy(const Member& member, int fd) {
    std::uint64_t at = 0;
    for (;;) {
      const void* block = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      int r = Archive().read_data_block(tar_.get(), &block, &size, &offset);
      if (r == ARCHIVE_EOF) break;
      if (r != ARCHIVE_OK) return Damaged(member.name);
      if (static_cast<std::uint64_t>(offset) != at)
        return Refuse("sparse", member.name, "has a hole: make the archive without --sparse");
      PODIUM_TRY(WriteAll(fd, {static_cast<const char*>(block), size}));
      at += size;
    }
    if (at != member.size)
      return Refuse(
          "size_lie", member.name,
          "holds " + std::to_string(at) + " bytes and says " + std::to_string(member.size));
    return {};
  }

  // An archive ends with a block of zeros and holds nothing after.
  Status ReadEnd(Unpacked& out) {
    auto used = static_cast<std::uint64_t>(Archive().filter_bytes(tar_.get(), 0));
    PODIUM_ASSIGN(auto end, stream_.Finish());
    if (end.nonzero > used || end.trailing > 0)
      return Refuse("trailing_bytes", "", "goes on after its end");
    if (end.bytes < 512 || end.nonzero > end.bytes - 512)
      return Refuse("truncated", "", "has no end mark");
    out.digest = end.digest;
    out.bytes = end.bytes;
    return {};
  }

  LayerStream stream_;
  UnpackLimits limits_;
  Placer placer_;
  Feed feed_;
  std::unique_ptr<archive, decltype(ArchiveApi::read_free)> tar_{Archive().read_new(),
                                                                 Archive().read_free};
};

}  // namespace

Result<Unpacked> UnpackTar(UniqueFd file, UniqueFd root, UnpackAs as, const UnpackLimits& limits,
                           const ByteProgress& progress, std::uint32_t first_id) {
  Utf8Locale locale;
  if (!locale.ok())
    return Fail(ErrorCode::kUnavailable, "the locale C.UTF-8 is missing on this machine");
  PODIUM_ASSIGN(auto stream, LayerStream::Open(std::move(file), limits));
  return Unpacker(std::move(stream), std::move(root), as, limits, progress, first_id).Run();
}

Result<StreamEnd> DigestUncompressed(UniqueFd file, const UnpackLimits& limits,
                                     const ByteProgress& progress) {
  PODIUM_ASSIGN(auto stream, LayerStream::Open(std::move(file), limits));
  for (;;) {
    PODIUM_ASSIGN(auto got, stream.Next());
    if (got.empty()) break;
    if (progress) progress(stream.bytes());
  }
  return stream.Finish();
}

}  // namespace podium::sandbox
