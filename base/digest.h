#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium {

// A SHA-256 value; text form is 64 lower-case hex digits.
class Digest {
 public:
  Digest() = default;
  explicit Digest(std::array<std::uint8_t, 32> bytes) : bytes_(bytes) {}
  [[nodiscard]] static Result<Digest> Parse(std::string_view hex);
  [[nodiscard]] static Digest Of(std::string_view bytes);

  [[nodiscard]] std::string hex() const;
  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  std::array<std::uint8_t, 32> bytes_{};
};

// SHA-256 over a stream of bytes (FIPS 180-4, OpenSSL's).
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void Update(std::string_view bytes);
  // Ends the stream; the hasher may not be used after.
  [[nodiscard]] Digest Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

[[nodiscard]] Result<Digest> DigestFile(const std::filesystem::path& path);

// One digest for a folder: over "path NUL mode NUL size NUL sha256 LF" of every regular file,
// sorted by path bytes. Symbolic links are hashed as their target text; anything else in the tree
// is an error.
[[nodiscard]] Result<Digest> DigestTree(const std::filesystem::path& dir);

}  // namespace podium
