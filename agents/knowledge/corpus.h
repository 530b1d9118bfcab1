#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

namespace podium::agents {

// A part of a document, about a page.
struct Passage {
  std::string file;     // below the corpus
  int number = 0;       // within it, from 1
  std::string heading;  // the last above it; "" without
  std::string text;

  [[nodiscard]] std::string Place() const;  // "notes/boosting.md#3"
};

// A folder of papers and notes (.md, .txt, .pdf by pdftotext) that can be searched: SQLite's FTS5
// with BM25 over passages. The index is made once for a folder's content and kept in the cache.
class Corpus {
 public:
  // What the folder holds now. Links are refused. Blocks.
  [[nodiscard]] static Result<Digest> DigestOf(const std::filesystem::path& folder);

  // Reads the folder where there is no index of its content in `cache` yet. An error names the file
  // that cannot be read and what to do. Blocks.
  [[nodiscard]] static Result<std::shared_ptr<const Corpus>> Open(
      const std::filesystem::path& folder, const std::filesystem::path& cache, Deadline deadline);
  ~Corpus();
  Corpus(const Corpus&) = delete;
  Corpus& operator=(const Corpus&) = delete;

  // The passages that fit the query's words best, at most `most`; the same for the same query. On
  // any thread. Blocks.
  [[nodiscard]] Result<std::vector<Passage>> Search(std::string_view query, int most) const;

  [[nodiscard]] const Digest& digest() const { return digest_; }

 private:
  class Database;
  Corpus(std::unique_ptr<Database> db, Digest digest);
  std::unique_ptr<Database> db_;
  Digest digest_;
};

}  // namespace podium::agents
