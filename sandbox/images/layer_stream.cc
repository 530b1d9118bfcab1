#include "sandbox/images/layer_stream.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "base/archive.h"
#include "base/text.h"

namespace podium::sandbox {
namespace {

constexpr std::size_t kBlock = 1 << 18;

std::string Escape(std::string_view text) {
  std::string out;
  static constexpr char kHex[] = "0123456789abcdef";
  for (char c : text.substr(0, 300)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out + (text.size() > 300 ? "..." : "");
}

}  // namespace

tl::unexpected<Error> Refuse(std::string_view reason, std::string_view member,
                             std::string_view why) {
  std::string name = Escape(member);
  Error error{ErrorCode::kConfig,
              "the image is refused (" + std::string(reason) +
                  "): " + (name.empty() ? std::string() : "'" + name + "' ") + std::string(why),
              {{"reason", std::string(reason)}}};
  if (!name.empty()) error.context.emplace_back("member", name);
  return tl::unexpected<Error>(std::move(error));
}

struct LayerStream::Impl {
  UniqueFd file;
  UnpackLimits limits;
  std::uint64_t file_bytes = 0, bytes = 0, nonzero = 0;
  bool ended = false;
  Hasher hasher;
  std::string block = std::string(kBlock, '\0');
  std::unique_ptr<archive, decltype(ArchiveApi::read_free)> reader{Archive().read_new(),
                                                                   Archive().read_free};

  [[nodiscard]] Status Check() const {
    if (bytes > limits.bytes)
      return Refuse("too_large", "", "holds more than " + FormatBytes(limits.bytes));
    auto in = static_cast<std::uint64_t>(Archive().filter_bytes(reader.get(), -1));
    if (bytes > limits.free_bytes && bytes / limits.ratio > in)
      return Refuse("ratio", "",
                    "grows more than " + std::to_string(limits.ratio) +
                        "-fold when decompressed: a bomb, or made to look like one");
    return {};
  }
};

LayerStream::LayerStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LayerStream::LayerStream(LayerStream&&) noexcept = default;
LayerStream& LayerStream::operator=(LayerStream&&) noexcept = default;
LayerStream::~LayerStream() = default;
std::uint64_t LayerStream::bytes() const { return impl_->bytes; }

Result<LayerStream> LayerStream::Open(UniqueFd file, const UnpackLimits& limits) {
  PODIUM_TRY(LoadArchiveApi());
  auto impl = std::make_unique<Impl>();
  struct stat st {};
  if (::fstat(file.get(), &st) != 0) return FailErrno(ErrorCode::kIo, "fstat", errno);
  impl->file_bytes = static_cast<std::uint64_t>(st.st_size);
  impl->file = std::move(file);
  impl->limits = limits;
  archive* a = impl->reader.get();
  Archive().read_support_filter_gzip(a);
  Archive().read_support_filter_bzip2(a);
  Archive().read_support_filter_xz(a);
  Archive().read_support_filter_zstd(a);
  Archive().read_support_format_raw(a);
  archive_entry* entry = nullptr;
  if (Archive().read_open_fd(a, impl->file.get(), 1 << 16) != ARCHIVE_OK ||
      Archive().read_next_header(a, &entry) != ARCHIVE_OK)
    return Refuse(
        "truncated", "",
        "is empty or not readable: " +
            Printable(Archive().error_string(a) ? Archive().error_string(a) : "no bytes"));
  return LayerStream(std::move(impl));
}

Result<std::string_view> LayerStream::Next() {
  Impl& s = *impl_;
  if (s.ended) return std::string_view();
  la_ssize_t n = Archive().read_data(s.reader.get(), s.block.data(), s.block.size());
  if (n < 0) {
    const char* why = Archive().error_string(s.reader.get());
    return Refuse("truncated", "",
                  "cannot be decompressed after " + FormatBytes(s.bytes) + ": " +
                      Printable(why ? why : "unknown reason"));
  }
  std::string_view got(s.block.data(), static_cast<std::size_t>(n));
  s.ended = n == 0;
  s.hasher.Update(got);
  std::size_t last = got.find_last_not_of('\0');
  if (last != std::string_view::npos) s.nonzero = s.bytes + last + 1;
  s.bytes += got.size();
  PODIUM_TRY(s.Check());
  return got;
}

Result<StreamEnd> LayerStream::Finish() {
  for (;;) {
    PODIUM_ASSIGN(auto got, Next());
    if (got.empty()) break;
  }
  Impl& s = *impl_;
  auto in = static_cast<std::uint64_t>(Archive().filter_bytes(s.reader.get(), -1));
  return StreamEnd{s.hasher.Finish(), s.bytes, s.nonzero,
                   s.file_bytes > in ? s.file_bytes - in : 0};
}

Result<UniqueFd> OpenArchive(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return FailErrno(ErrorCode::kNotFound, "cannot open " + path.string(), errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return Fail(ErrorCode::kUsage, path.string() + " is not a regular file");
  return fd;
}

}  // namespace podium::sandbox
