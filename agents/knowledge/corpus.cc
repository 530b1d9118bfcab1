#include "agents/knowledge/corpus.h"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>

#include "agents/knowledge/passages.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/process.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestText = 8 << 20, kLargestPdf = 64 << 20;
constexpr const char* kVersion = "passages/1";  // of what an index holds

constexpr const char* kSchema =
    "CREATE VIRTUAL TABLE passages USING fts5(heading, body, file UNINDEXED, number UNINDEXED, "
    "tokenize='porter unicode61')";
constexpr const char* kSearch =
    "SELECT file, number, heading, body FROM passages WHERE passages MATCH ?1 "
    "ORDER BY bm25(passages, 3.0, 1.0), rowid LIMIT ?2";

bool IsText(std::string_view name) { return name.ends_with(".md") || name.ends_with(".txt"); }
bool IsPdf(std::string_view name) { return name.ends_with(".pdf"); }

Result<std::string> TextOfPdf(const fs::path& file, Deadline deadline) {
  fs::path program = FindProgram("pdftotext");
  if (program.empty())
    return Fail(ErrorCode::kNotFound,
                file.string() +
                    ": pdftotext is not here to read it (apt-get install poppler-utils), or leave "
                    "it out of the folder");
  ProcessSpec spec;
  spec.argv = {program.string(), "-q", "-enc", "UTF-8", file.string(), "-"};
  spec.output_cap_bytes = kLargestText;
  return RunTool(spec, Deadline::In(kStepTime).Earlier(deadline));
}

Result<std::string> TextOf(const ForeignFolder& folder, const std::string& name,
                           Deadline deadline) {
  if (IsText(name)) return folder.Read(name, kLargestText);
  PODIUM_TRY(folder.OpenFile(name, kLargestPdf));  // within bounds, and no link
  return TextOfPdf(folder.path() / name, deadline);
}

Result<Digest> DigestOfFolder(const ForeignFolder& folder) {
  PODIUM_ASSIGN(auto files, folder.DigestOfFiles());
  return Digest::Of(kVersion + files.hex());
}

}  // namespace

class Corpus::Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const fs::path& file, int flags) {
    sqlite3* raw = nullptr;
    int rc = sqlite3_open_v2(file.c_str(), &raw, flags | SQLITE_OPEN_FULLMUTEX, nullptr);
    std::unique_ptr<Database> db(new Database(raw));
    if (rc == SQLITE_OK) return db;
    return Fail(ErrorCode::kIo, "cannot open " + file.string() + ": " + sqlite3_errstr(rc));
  }

  Status Run(const char* sql) {
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return Failed();
  }

  Status Add(const Passage& passage) {
    PODIUM_ASSIGN(auto statement, Prepare("INSERT INTO passages(file, number, heading, body) "
                                          "VALUES(?1, ?2, ?3, ?4)"));
    Bind(statement, 1, passage.file);
    sqlite3_bind_int(statement.get(), 2, passage.number);
    Bind(statement, 3, passage.heading);
    Bind(statement, 4, passage.text);
    if (sqlite3_step(statement.get()) == SQLITE_DONE) return {};
    return Failed();
  }

  Result<std::vector<Passage>> Search(const std::string& match, int most) {
    PODIUM_ASSIGN(auto statement, Prepare(kSearch));
    Bind(statement, 1, match);
    sqlite3_bind_int(statement.get(), 2, most);
    std::vector<Passage> out;
    int rc = SQLITE_DONE;
    while ((rc = sqlite3_step(statement.get())) == SQLITE_ROW)
      out.push_back({Column(statement, 0), sqlite3_column_int(statement.get(), 1),
                     Column(statement, 2), Column(statement, 3)});
    if (rc == SQLITE_DONE) return out;
    return Failed();
  }

 private:
  using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;
  explicit Database(sqlite3* raw) : db_(raw, &sqlite3_close_v2) {}

  Result<Statement> Prepare(const char* sql) {
    sqlite3_stmt* raw = nullptr;
    int rc = sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr);
    Statement out(raw, &sqlite3_finalize);
    if (rc == SQLITE_OK) return out;
    return Failed();
  }
  static void Bind(const Statement& statement, int at, const std::string& text) {
    sqlite3_bind_text(statement.get(), at, text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
  }
  static std::string Column(const Statement& statement, int at) {
    const void* text = sqlite3_column_blob(statement.get(), at);
    auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement.get(), at));
    return text ? std::string(static_cast<const char*>(text), bytes) : "";
  }
  tl::unexpected<Error> Failed() {
    return Fail(ErrorCode::kIo, std::string("SQLite: ") + sqlite3_errmsg(db_.get()));
  }
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_;
};

namespace {

Status CheckDocuments(const ForeignFolder& folder, const std::vector<ForeignEntry>& entries) {
  bool some = std::ranges::any_of(
      entries, [](const ForeignEntry& e) { return IsText(e.name) || IsPdf(e.name); });
  if (some) return {};
  return Fail(ErrorCode::kConfig,
              folder.path().string() + " holds no document: .md, .txt or .pdf files are read");
}

}  // namespace

Corpus::Corpus(std::unique_ptr<Database> db, Digest digest) : db_(std::move(db)), digest_(digest) {}
Corpus::~Corpus() = default;

Result<Digest> Corpus::DigestOf(const fs::path& folder) {
  PODIUM_ASSIGN(auto opened, ForeignFolder::Open(folder));
  return DigestOfFolder(opened);
}

Result<std::shared_ptr<const Corpus>> Corpus::Open(const fs::path& path, const fs::path& cache,
                                                   Deadline deadline) {
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(path));
  PODIUM_ASSIGN(auto digest, DigestOfFolder(folder));
  fs::path index = cache / "knowledge" / (digest.hex() + ".db");
  std::error_code ec;
  if (!fs::exists(index, ec)) {
    PODIUM_ASSIGN(auto entries, folder.List());
    PODIUM_TRY(CheckDocuments(folder, entries));
    PODIUM_TRY(MakeDirs(index.parent_path()));
    fs::path made = index.string() + "." + std::to_string(::getpid()) + ".part";
    fs::remove(made, ec);
    PODIUM_ASSIGN(auto db, Database::Open(made, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    PODIUM_TRY(db->Run(kSchema));
    PODIUM_TRY(db->Run("BEGIN"));
    for (const auto& entry : entries) {
      if (!IsText(entry.name) && !IsPdf(entry.name)) continue;
      PODIUM_ASSIGN(auto text, TextOf(folder, entry.name, deadline));
      for (const auto& passage : PassagesOf(entry.name, text)) PODIUM_TRY(db->Add(passage));
    }
    PODIUM_TRY(db->Run("COMMIT"));
    db.reset();
    fs::rename(made, index, ec);
    if (ec) return Fail(ErrorCode::kIo, "cannot write " + index.string() + ": " + ec.message());
  }
  PODIUM_ASSIGN(auto db, Database::Open(index, SQLITE_OPEN_READONLY));
  return std::shared_ptr<const Corpus>(new Corpus(std::move(db), digest));
}

Result<std::vector<Passage>> Corpus::Search(std::string_view query, int most) const {
  std::string match = MatchText(query);
  if (match.empty()) return std::vector<Passage>();
  return db_->Search(match, most);
}

}  // namespace podium::agents
