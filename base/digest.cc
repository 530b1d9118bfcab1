#include "base/digest.h"

// The plain SHA-256 functions: OpenSSL 3 deprecates them for EVP, whose start costs more than
// hashing a megabyte.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/files.h"
#include "base/unique_fd.h"

namespace podium {
namespace fs = std::filesystem;

struct Hasher::Impl {
  SHA256_CTX ctx;
};

Hasher::Hasher() : impl_(std::make_unique<Impl>()) { SHA256_Init(&impl_->ctx); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::Update(std::string_view bytes) {
  SHA256_Update(&impl_->ctx, bytes.data(), bytes.size());
}

Digest Hasher::Finish() {
  std::array<std::uint8_t, 32> out{};
  SHA256_Final(out.data(), &impl_->ctx);
  return Digest(out);
}

Digest Digest::Of(std::string_view bytes) {
  Hasher h;
  h.Update(bytes);
  return h.Finish();
}

std::string Digest::hex() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(64);
  for (auto b : bytes_) {
    out += kHex[b >> 4];
    out += kHex[b & 15];
  }
  return out;
}

Result<Digest> Digest::Parse(std::string_view hex) {
  auto value = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (hex.size() != 64 || !std::ranges::all_of(hex, [&](char c) { return value(c) >= 0; })) {
    return Fail(ErrorCode::kConfig, "a digest is 64 lower-case hex digits, not '" +
                                        std::string(hex.substr(0, 80)) + "'");
  }
  std::array<std::uint8_t, 32> bytes{};
  for (std::size_t i = 0; i < 32; ++i) {
    bytes[i] = static_cast<std::uint8_t>(value(hex[2 * i]) * 16 + value(hex[2 * i + 1]));
  }
  return Digest(bytes);
}

Result<Digest> DigestFile(const fs::path& path) {
  PODIUM_ASSIGN(auto fd, OpenRegular(path));
  Hasher hasher;
  std::vector<char> buffer(1 << 20);
  for (;;) {
    ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + path.string(), errno);
    if (n == 0) return hasher.Finish();
    hasher.Update({buffer.data(), static_cast<std::size_t>(n)});
  }
}

Result<Digest> DigestTree(const fs::path& dir) {
  std::error_code ec;
  std::vector<fs::path> paths;
  for (auto it = fs::recursive_directory_iterator(dir, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (!it->is_directory() || it->is_symlink())
      paths.push_back(it->path().lexically_relative(dir));
  }
  if (ec) return FailErrno(ErrorCode::kIo, "cannot walk " + dir.string(), ec.value());
  std::ranges::sort(paths, {}, [](const fs::path& p) { return p.string(); });
  Hasher hasher;
  for (const auto& p : paths) {
    struct stat st {};
    if (::lstat((dir / p).c_str(), &st) != 0)
      return FailErrno(ErrorCode::kIo, "cannot stat " + (dir / p).string(), errno);
    std::string hash;
    if (S_ISLNK(st.st_mode)) {
      hash = Digest::Of(fs::read_symlink(dir / p, ec).string()).hex();
    } else if (S_ISREG(st.st_mode)) {
      PODIUM_ASSIGN(auto digest, DigestFile(dir / p));
      hash = digest.hex();
    } else if (S_ISCHR(st.st_mode)) {
      hash = "device " + std::to_string(st.st_rdev);  // a layer's whiteouts
    } else {
      return Fail(ErrorCode::kIo, (dir / p).string() + " is neither a file nor a link");
    }
    hasher.Update(p.string() + '\0' + std::to_string(st.st_mode & (S_IFMT | 0111)) + '\0' +
                  std::to_string(st.st_size) + '\0' + hash + '\n');
  }
  return hasher.Finish();
}

}  // namespace podium
