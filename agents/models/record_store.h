#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace podium::agents {

// A trial's model traffic: DIR/<sha256 of the request>.request.json.zst and .response.zst. An
// answer is durable before anybody acts on it.
class RecordStore {
 public:
  explicit RecordStore(std::filesystem::path dir) : dir_(std::move(dir)) {}
  // The stored answer to exactly this request, if it was asked before and both files are sound.
  [[nodiscard]] std::optional<std::string> Find(std::string_view request) const;
  [[nodiscard]] Status Save(std::string_view request, std::string_view response) const;
  // The stored answer to the request of that name. Blocks.
  [[nodiscard]] Result<std::string> Answer(const std::string& digest) const;
  // The names of the two files of a request.
  [[nodiscard]] static std::vector<std::string> FilesOf(const std::string& digest);
  // That the request named `digest` and its answer, whose digest is `answer`, are as they were
  // stored; an error (kDigest) names the file that is not. Blocks.
  [[nodiscard]] Status Check(const std::string& digest, const std::string& answer) const;
  // Requests that are stored and sound, sorted: those whose size is nearest to `like_bytes` first,
  // as many as fit into `most_bytes` of text. Blocks.
  [[nodiscard]] std::vector<std::string> Requests(std::uint64_t like_bytes = 0,
                                                  std::uint64_t most_bytes = ~std::uint64_t{
                                                      0}) const;
  // What the files take on the disk. Blocks.
  [[nodiscard]] std::uint64_t Bytes() const;

 private:
  [[nodiscard]] Status CheckFile(const std::string& name, const std::string& digest) const;
  std::filesystem::path dir_;
};

}  // namespace podium::agents
