#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/records/search_node.h"
#include "base/result.h"

namespace podium::agents {

// A search's files on the host: each node's program, and those submissions that may still be handed
// in. While a node is in work they are named after its step, then after its id. All calls block.
class KeptFiles {
 public:
  // `cap_bytes`: of all submissions together, but for the chosen ones.
  KeptFiles(std::filesystem::path trial_dir, std::uint64_t cap_bytes)
      : dir_(std::move(trial_dir)), cap_bytes_(cap_bytes) {}

  [[nodiscard]] std::filesystem::path Program(int step) const;     // in work
  [[nodiscard]] std::filesystem::path Submission(int step) const;  // in work
  [[nodiscard]] std::filesystem::path SubmissionOf(int id) const;

  // The node has its id; its submission is removed unless it may be handed in.
  [[nodiscard]] Status Settle(const records::SearchNode& node) const;
  // Removes the oldest submissions over the cap; those of `chosen` always stay.
  void Prune(int newest, const std::vector<int>& chosen) const;

 private:
  std::filesystem::path dir_;
  std::uint64_t cap_bytes_;
};

}  // namespace podium::agents
