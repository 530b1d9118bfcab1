#include "harness/store/index.h"

#include <sqlite3.h>

#include <memory>
#include <string>

#include "base/foreign_folder.h"

namespace podium::harness {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS trials(
  task TEXT NOT NULL, agent TEXT NOT NULL, seed INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
  started TEXT, ended TEXT, active_ms INTEGER, failure TEXT, verdict TEXT, reason TEXT, score REAL, medal TEXT,
  above_median INTEGER, percentile REAL, agent_end TEXT, submission_sha256 TEXT, PRIMARY KEY(task, agent, seed)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nodes(
  task TEXT NOT NULL, agent TEXT NOT NULL, seed INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER, op TEXT, source TEXT,
  score REAL, fault TEXT, exec_ms INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER, wait_ms INTEGER,
  PRIMARY KEY(task, agent, seed, id)) WITHOUT ROWID;
)";

}  // namespace

class Index::Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const std::filesystem::path& path) {
    sqlite3* raw = nullptr;
    int rc =
        sqlite3_open_v2(path.c_str(), &raw,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, nullptr);
    std::unique_ptr<Database> db(new Database(raw));
    if (rc != SQLITE_OK)
      return Fail(ErrorCode::kIo, "cannot open " + path.string() + ": " + sqlite3_errstr(rc));
    sqlite3_busy_timeout(raw, 10'000);
    PODIUM_TRY(db->Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"));
    PODIUM_TRY(db->Run(kSchema));
    return db;
  }

  Status Run(const char* sql) {
    char* message = nullptr;
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, &message) == SQLITE_OK) return {};
    std::string text = message ? message : "unknown";
    sqlite3_free(message);
    return Fail(ErrorCode::kIo, "SQLite: " + text);
  }

  sqlite3* get() const { return db_.get(); }

 private:
  explicit Database(sqlite3* raw) : db_(raw, &sqlite3_close_v2) {}
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_;
};

namespace {

// A prepared statement whose parameters are bound in order.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db), stmt_(nullptr, &sqlite3_finalize) {
    sqlite3_stmt* raw = nullptr;
    ok_ = sqlite3_prepare_v2(db_, sql, -1, &raw, nullptr) == SQLITE_OK;
    stmt_.reset(raw);
  }
  Statement& Bind(const std::string& v) {
    if (ok_)
      sqlite3_bind_text(stmt_.get(), ++at_, v.data(), static_cast<int>(v.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& Bind(std::int64_t v) {
    if (ok_) sqlite3_bind_int64(stmt_.get(), ++at_, v);
    return *this;
  }
  Statement& Bind(std::optional<double> v) {
    ++at_;
    if (ok_ && v) sqlite3_bind_double(stmt_.get(), at_, *v);
    return *this;
  }
  Status Execute() {
    if (ok_ && sqlite3_step(stmt_.get()) == SQLITE_DONE) return {};
    return Fail(ErrorCode::kIo, std::string("SQLite: ") + sqlite3_errmsg(db_));
  }

 private:
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> stmt_;
  bool ok_ = false;
  int at_ = 0;
};

Status PutNodes(sqlite3* db, const TrialView& t) {
  for (const auto& n : t.nodes) {
    Statement s(db, "INSERT OR REPLACE INTO nodes VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
    s.Bind(t.id.task.str())
        .Bind(t.id.agent.str())
        .Bind(std::int64_t{t.id.seed})
        .Bind(std::int64_t{n.id})
        .Bind(std::int64_t{n.parent()});
    s.Bind(n.op).Bind(n.source).Bind(n.score).Bind(n.fault).Bind(n.exec_wall.count());
    s.Bind(n.tokens.prompt).Bind(n.tokens.completion).Bind(n.tokens.wait.count());
    PODIUM_TRY(s.Execute());
  }
  return {};
}

Status PutTrial(sqlite3* db, const TrialView& t) {
  const TrialVerdict none;
  const TrialVerdict& v = t.verdict ? *t.verdict : none;
  Statement s(db, "INSERT OR REPLACE INTO trials VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  s.Bind(t.id.task.str())
      .Bind(t.id.agent.str())
      .Bind(std::int64_t{t.id.seed})
      .Bind(t.state)
      .Bind(std::int64_t{t.attempts});
  s.Bind(t.started)
      .Bind(t.ended)
      .Bind(t.active.count())
      .Bind(t.failure)
      .Bind(v.grade.verdict)
      .Bind(v.grade.reason)
      .Bind(v.grade.score);
  s.Bind(v.grade.standing.medal)
      .Bind(std::int64_t{v.grade.standing.above_median})
      .Bind(v.grade.standing.percentile)
      .Bind(t.verdict ? v.agent.end : "")
      .Bind(v.grade.submission_sha256.value_or(""));
  PODIUM_TRY(s.Execute());
  return PutNodes(db, t);
}

}  // namespace

Index::Index(std::unique_ptr<Database> db) : db_(std::move(db)) {}
Index::Index(Index&&) noexcept = default;
Index::~Index() = default;

Result<Index> Index::Open(const std::filesystem::path& run_dir) {
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(run_dir));
  for (const char* name : {"podium.db", "podium.db-wal", "podium.db-shm"})
    PODIUM_TRY(folder.Has(name));  // a link is an error
  std::error_code ec;
  auto dir = std::filesystem::canonical(run_dir, ec);
  PODIUM_ASSIGN(auto db, Database::Open((ec ? run_dir : dir) / "podium.db"));
  return Index(std::move(db));
}

Status Index::Rebuild(const std::vector<TrialView>& trials) {
  PODIUM_TRY(db_->Run("BEGIN IMMEDIATE; DELETE FROM trials; DELETE FROM nodes;"));
  for (const auto& t : trials) PODIUM_TRY(PutTrial(db_->get(), t));
  return db_->Run("COMMIT;");
}

Status Index::PutAll(const std::vector<TrialView>& trials) {
  PODIUM_TRY(db_->Run("BEGIN IMMEDIATE;"));
  for (const auto& trial : trials) PODIUM_TRY(PutTrial(db_->get(), trial));
  return db_->Run("COMMIT;");
}

}  // namespace podium::harness
