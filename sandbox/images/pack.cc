#include "sandbox/images/pack.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/archive.h"
#include "base/text.h"
#include "sandbox/host/mounts.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

unsigned FileType(MemberKind kind) {
  switch (kind) {
    case MemberKind::kFolder:
      return AE_IFDIR;
    case MemberKind::kSymlink:
      return AE_IFLNK;
    case MemberKind::kDevice:
      return AE_IFCHR;
    case MemberKind::kFifo:
      return AE_IFIFO;
    default:
      return AE_IFREG;
  }
}

// Of every file in a layer that was built: the first second that ZIP archives can hold.
constexpr std::int64_t kLayerTime = 315'532'800;

class FolderPacker {
 public:
  FolderPacker(TarWriter& tar, const ByteProgress& progress, const LayerPacking* layer)
      : tar_(tar), progress_(progress), layer_(layer) {}

  Status Add(int dir, const std::string& name, const std::string& path) {
    struct stat st {};
    if (::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      return FailErrno(ErrorCode::kIo, "cannot stat " + Printable(path), errno);
    if (device_ == 0) device_ = st.st_dev;
    if (st.st_dev != device_)
      return Refuse("through_mount", path, "is on another file system: unmount it first");
    Member m{.name = path, .mode = st.st_mode & 07777u, .uid = st.st_uid, .gid = st.st_gid};
    m.mtime = st.st_mtim.tv_sec;
    bool whiteout = S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
    if (layer_ && whiteout) return AddWhiteout(path);
    if (layer_ && layer_->first_id) PODIUM_TRY(Renumber(m));
    switch (st.st_mode & S_IFMT) {
      case S_IFDIR:
        return AddFolder(dir, name, std::move(m));
      case S_IFREG:
        return AddRegular(dir, name, std::move(m), st);
      case S_IFLNK:
        return AddLink(dir, name, std::move(m));
      case S_IFCHR:
      case S_IFBLK:
        m.kind = MemberKind::kDevice;
        return tar_.Add(m, nullptr);
      case S_IFIFO:
        m.kind = MemberKind::kFifo;
        return tar_.Add(m, nullptr);
      default:
        return {};  // a socket
    }
  }

 private:
  // Owners as the sandbox sees them; in an image's layer those of the image, and one time.
  Status Renumber(Member& m) const {
    for (auto* id : {&m.uid, &m.gid}) {
      std::int64_t inside = *id - *layer_->first_id;
      if (inside < 0 || inside >= IdRange::Count())
        return Fail(ErrorCode::kSandbox,
                    "a layer holds a file of somebody else: " + Printable(m.name));
      *id = inside;
      if (!layer_->of_sandbox) *id = inside == kAgentId ? 0 : inside == 0 ? kAgentId : inside;
    }
    if (!layer_->of_sandbox) m.mtime = kLayerTime;
    return {};
  }

  // What the kernel marks with a device of its own is a file with a name in an image.
  Status AddWhiteout(const std::string& path) {
    std::size_t slash = path.rfind('/');
    std::size_t name = slash == std::string::npos ? 0 : slash + 1;
    Member m{.name = path.substr(0, name) + ".wh." + path.substr(name), .mode = 0644};
    m.mtime = kLayerTime;
    return tar_.AddFile(std::move(m), "");
  }

  // What lower layers have in the folder is hidden: an image says so with a file in it.
  Status AddOpaqueMark(int folder, const Member& m) {
    char value = 0;
    if (::fgetxattr(folder, "trusted.overlay.redirect", nullptr, 0) >= 0)
      return Fail(ErrorCode::kSandbox, "a layer holds a folder that was renamed in place: " +
                                           Printable(m.name) + " (copy it instead)");
    if (::fgetxattr(folder, OpaqueMark(), &value, 1) != 1 || value != 'y') return {};
    Member mark = m;
    mark.name = (m.name == "." ? "" : m.name + "/") + ".wh..wh..opq";
    mark.mode = 0644;
    return tar_.AddFile(std::move(mark), "");
  }

  [[nodiscard]] bool LeftOut(const std::string& path) const {
    return layer_ && std::ranges::find(layer_->left_out, path) != layer_->left_out.end();
  }

  Status AddFolder(int dir, const std::string& name, Member m) {
    m.kind = MemberKind::kFolder;
    PODIUM_TRY(tar_.Add(m, nullptr));
    UniqueFd fd(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + Printable(m.name), errno);
    if (layer_) PODIUM_TRY(AddOpaqueMark(fd.get(), m));
    DIR* stream = ::fdopendir(::dup(fd.get()));
    if (!stream) return FailErrno(ErrorCode::kIo, "cannot list " + Printable(m.name), errno);
    std::vector<std::string> names;
    while (dirent* e = ::readdir(stream)) {
      std::string child = e->d_name;
      if (child != "." && child != "..") names.push_back(std::move(child));
    }
    ::closedir(stream);
    std::ranges::sort(names);
    if (++depth_ > 500) return Refuse("too_deep", m.name, "lies too deep");
    for (const auto& child : names) {
      std::string path = m.name == "." ? child : m.name + "/" + child;
      if (!LeftOut(path)) PODIUM_TRY(Add(fd.get(), child, path));
    }
    --depth_;
    return {};
  }

  Status AddRegular(int dir, const std::string& name, Member m, const struct stat& st) {
    if (st.st_nlink > 1) {
      auto [known, fresh] = seen_.try_emplace(st.st_ino, m.name);
      if (!fresh) {
        m.kind = MemberKind::kHardLink;
        m.target = known->second;
        return tar_.Add(m, nullptr);
      }
    }
    m.kind = MemberKind::kFile;
    m.size = static_cast<std::uint64_t>(st.st_size);
    UniqueFd fd(::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + Printable(m.name), errno);
    return tar_.Add(m, [&]() -> Result<std::string_view> {
      ssize_t n = ::read(fd.get(), block_.data(), block_.size());
      if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + Printable(m.name), errno);
      done_ += static_cast<std::uint64_t>(n);
      if (progress_) progress_(done_);
      return std::string_view(block_.data(), static_cast<std::size_t>(n));
    });
  }

  Status AddLink(int dir, const std::string& name, Member m) {
    m.kind = MemberKind::kSymlink;
    ssize_t n = ::readlinkat(dir, name.c_str(), block_.data(), block_.size());
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read the link " + Printable(m.name), errno);
    m.target.assign(block_.data(), static_cast<std::size_t>(n));
    return tar_.Add(m, nullptr);
  }

  TarWriter& tar_;
  const ByteProgress& progress_;
  const LayerPacking* layer_;
  dev_t device_ = 0;
  int depth_ = 0;
  std::uint64_t done_ = 0;
  std::map<ino_t, std::string> seen_;
  std::string block_ = std::string(1 << 18, '\0');
};

}  // namespace

struct TarWriter::Impl {
  std::unique_ptr<archive, decltype(ArchiveApi::write_free)> out{Archive().write_new(),
                                                                 Archive().write_free};
  std::unique_ptr<archive_entry, decltype(ArchiveApi::entry_free)> entry{Archive().entry_new(),
                                                                         Archive().entry_free};
  [[nodiscard]] tl::unexpected<Error> Broken(const std::string& member) const {
    const char* why = Archive().error_string(out.get());
    return Fail(ErrorCode::kIo, "cannot write " + Printable(member) +
                                    " to an archive: " + Printable(why ? why : "unknown reason"));
  }
};

TarWriter::TarWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TarWriter::TarWriter(TarWriter&&) noexcept = default;
TarWriter& TarWriter::operator=(TarWriter&&) noexcept = default;
TarWriter::~TarWriter() = default;

Result<TarWriter> TarWriter::Create(const fs::path& to, TarCoding coding) {
  PODIUM_TRY(LoadArchiveApi());
  auto impl = std::make_unique<Impl>();
  Archive().write_set_format_pax_restricted(impl->out.get());
  Archive().write_set_options(impl->out.get(), "hdrcharset=BINARY");
  if (coding == TarCoding::kZstd && Archive().write_add_filter_zstd(impl->out.get()) != ARCHIVE_OK)
    return Fail(ErrorCode::kUnavailable, "this machine's libarchive cannot compress with zstd");
  if (Archive().write_open_filename(impl->out.get(), to.c_str()) != ARCHIVE_OK)
    return impl->Broken(to.string());
  return TarWriter(std::move(impl));
}

Status TarWriter::Add(const Member& m, const Source& bytes) {
  archive_entry* e = Archive().entry_clear(impl_->entry.get());
  Archive().entry_set_pathname(e, m.name.c_str());
  Archive().entry_set_filetype(e, FileType(m.kind));
  Archive().entry_set_perm(e, m.mode);
  Archive().entry_set_uid(e, m.uid);
  Archive().entry_set_gid(e, m.gid);
  Archive().entry_set_mtime(e, m.mtime, 0);
  Archive().entry_set_size(e, static_cast<la_int64_t>(m.size));
  if (m.kind == MemberKind::kSymlink) Archive().entry_set_symlink(e, m.target.c_str());
  if (m.kind == MemberKind::kHardLink) Archive().entry_set_hardlink(e, m.target.c_str());
  if (Archive().write_header(impl_->out.get(), e) != ARCHIVE_OK) return impl_->Broken(m.name);
  std::uint64_t written = 0;
  while (bytes) {
    PODIUM_ASSIGN(auto piece, bytes());
    if (piece.empty()) break;
    la_ssize_t n = Archive().write_data(impl_->out.get(), piece.data(), piece.size());
    if (n != static_cast<la_ssize_t>(piece.size()))
      return Fail(ErrorCode::kIo,
                  Printable(m.name) + " grew while it was read, or the disk is full");
    written += piece.size();
  }
  if (written != m.size)
    return Fail(ErrorCode::kIo, Printable(m.name) + " changed while it was read");
  return {};
}

Status TarWriter::AddFile(Member m, std::string_view bytes) {
  m.kind = MemberKind::kFile;
  m.size = bytes.size();
  return Add(m, [&]() -> Result<std::string_view> { return std::exchange(bytes, {}); });
}

Status TarWriter::Close() {
  if (Archive().write_close(impl_->out.get()) != ARCHIVE_OK) return impl_->Broken("its end");
  return {};
}

Status PackFolder(const fs::path& folder, const fs::path& to, const ByteProgress& progress) {
  PODIUM_ASSIGN(auto tar, TarWriter::Create(to));
  UniqueFd dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return FailErrno(ErrorCode::kNotFound, "cannot open " + folder.string(), errno);
  PODIUM_TRY(FolderPacker(tar, progress, nullptr).Add(dir.get(), ".", "."));
  return tar.Close();
}

Status PackLayer(const fs::path& upper, const fs::path& to, const LayerPacking& packing) {
  PODIUM_ASSIGN(auto tar, TarWriter::Create(to, packing.coding));
  UniqueFd dir(::open(upper.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return FailErrno(ErrorCode::kNotFound, "cannot open " + upper.string(), errno);
  ByteProgress none;
  PODIUM_TRY(FolderPacker(tar, none, &packing).Add(dir.get(), ".", "."));
  return tar.Close();
}

}  // namespace podium::sandbox
