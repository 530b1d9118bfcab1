// Group V: what the validator's port tells an agent, and how much it can be made to do. The
// validator here checks like a competition's: the columns and the number of rows of a sample
// submission. The answers lie beside it on the host, where the agent's guesses can be compared.

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "agents/escape/cases.h"
#include "agents/validator/validator.h"
#include "base/async/race.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/escape/groups.h"
#include "sandbox/escape/shell.h"
#include "tasks/validate_submission.h"

namespace podium::agents {
namespace {

using sandbox::Sandbox;
using sandbox::escape::Broken;
using sandbox::escape::CaseResult;
using sandbox::escape::Context;
using sandbox::escape::Held;
using sandbox::escape::InOwnBox;

constexpr int kRows = 50;

// Posts forms over plain sockets and prints one line an answer: its status and its body.
constexpr const char* kClient = R"python(
import socket

def talk(raw, limit=15):
    s = socket.create_connection(("localhost", 5000), timeout=limit)
    try:
        s.sendall(raw)
    except OSError:
        pass
    out = b""
    while True:
        try:
            piece = s.recv(65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    head, _, body = out.partition(b"\r\n\r\n")
    return (head.split(b" ")[1].decode() if b" " in head else "none"), body.decode(errors="replace").strip()

def form(csv, name="submission.csv", field="file", more=b""):
    body = (b'--e\r\nContent-Disposition: form-data; name="' + field.encode() + b'"; filename="' + name.encode() +
            b'"\r\n' + more + b"\r\n" + csv + b"\r\n--e--\r\n")
    return (b"POST /validate HTTP/1.1\r\nHost: localhost:5000\r\nConnection: close\r\n"
            b"Content-Type: multipart/form-data; boundary=e\r\nContent-Length: " + str(len(body)).encode() +
            b"\r\n\r\n" + body)

def table(value, rows=50, header="id,y"):
    return (header + "\n" + "".join("%d,%s\n" % (i, value(i)) for i in range(rows))).encode()

)python";

// A validator with a sample submission of its own, and what an attack on it left.
struct Target {
  Target(Context& ctx, ValidatorLimits limits)
      : spool(ctx.scratch / "spool"),
        sample(ctx.scratch / "sample_submission.csv"),
        validator(
            ctx.reactor, [this](std::string_view bytes) { return Check(bytes); }, events, limits) {}

  Status Prepare(const std::string& canary) const {
    PODIUM_TRY(MakeDirs(spool));
    std::string rows = "id,y\n", answers = "id,y\n";
    for (int i = 0; i < kRows; ++i) {
      rows += std::to_string(i) + ",0\n";
      answers += std::to_string(i) + "," + (i % 3 == 0 ? canary : "other") + "\n";
    }
    PODIUM_TRY(WriteFileAtomic(spool.parent_path() / "answers" / "answers.csv", answers));
    return WriteFileAtomic(sample, rows);
  }

  ShapeVerdict Check(std::string_view bytes) {
    int now = ++checking;
    for (int most = most_at_once; now > most && !most_at_once.compare_exchange_weak(most, now);) {
    }
    auto verdict = Compare(bytes);
    --checking;
    return verdict;
  }

  ShapeVerdict Compare(std::string_view bytes) const {
    auto report = tasks::ValidateLikeSample(sample, bytes, true);
    if (!report) return {false, "unreadable", report.error().message};
    return {report->valid, report->reason, report->message};
  }

  std::filesystem::path spool, sample;
  KeptEvents events;
  Validator validator;
  std::atomic<int> checking{0}, most_at_once{0};
  std::uint64_t most_spooled = 0;  // bytes of the host's disk
};

// What lies in the spool has no name there: it is seen among our descriptors.
std::uint64_t BytesSpooled(const std::filesystem::path& spool) {
  std::uint64_t sum = 0;
  std::error_code ec;
  for (std::filesystem::directory_iterator it("/proc/self/fd", ec), end; !ec && it != end;
       it.increment(ec)) {
    std::error_code gone;
    auto file = std::filesystem::read_symlink(it->path(), gone);
    struct stat st {};
    bool ours = !gone && file.string().starts_with(spool.string());
    if (ours && ::stat(it->path().c_str(), &st) == 0)
      sum += static_cast<std::uint64_t>(st.st_blocks) * 512;
  }
  return sum;
}

Task<void> WatchSpool(Target& target) {
  for (;;) {
    target.most_spooled = std::max(target.most_spooled, BytesSpooled(target.spool));
    Deadline next = Deadline::In(Millis(5));
    co_await SleepUntil(next);
  }
}

Task<void> Serve(Target& target, UniqueFd listener) {
  std::vector<Task<void>> both;
  both.push_back(target.validator.Serve(std::move(listener), target.spool));
  both.push_back(WatchSpool(target));
  co_await AllOf(std::move(both));
}

using Judge = std::function<CaseResult(const sandbox::ExecResult&, const Target&)>;

Task<CaseResult> Attacked(Context& ctx, std::string program, ValidatorLimits limits, Judge judge) {
  Target target(ctx, limits);
  auto prepared = target.Prepare(ctx.canary);
  if (!prepared) co_return Broken(prepared.error().message);
  auto spec = ctx.MakeSpec("validator");
  sandbox::escape::BoxBody body = [&](Sandbox& box) -> Task<CaseResult> {
    Attack attack;
    attack.port = kValidatorPort;
    attack.program = kClient + program;
    attack.serve = [&](UniqueFd listener) { return Serve(target, std::move(listener)); };
    attack.judge = [&](const sandbox::ExecResult& ran) { return judge(ran, target); };
    co_return co_await Launch(box, std::move(attack));
  };
  co_return co_await InOwnBox(ctx, std::move(spec), std::move(body));
}

std::vector<std::string> Lines(const sandbox::ExecResult& ran) {
  std::vector<std::string> out;
  for (auto line : Split(Trim(ran.output), '\n')) out.emplace_back(line);
  return out;
}

Task<CaseResult> V01(Context& ctx) {
  std::string program = R"python(
for value in (lambda i: "0", lambda i: "1", lambda i: "%.17f" % (i / 7), lambda i: "other" if i % 3 else "x"):
    print(*talk(form(table(value))))
)python";
  ValidatorLimits limits;
  Judge judge = [](const sandbox::ExecResult& ran, const Target&) {
    auto lines = Lines(ran);
    if (lines.size() != 4 || !lines[0].starts_with("200 "))
      return Broken("four answers were expected: " + ran.output);
    bool equal = std::ranges::all_of(lines, [&](const auto& l) { return l == lines[0]; });
    return equal ? Held("four predictions, one answer: " + lines[0])
                 : Broken("predictions change the answer: " + ran.output);
  };
  co_return co_await Attacked(ctx, std::move(program), limits, std::move(judge));
}

Task<CaseResult> V02(Context& ctx) {
  std::string program = R"python(
bad = [b"", b"\xff\xfe\x00", b"id,y", b"id,y\n1", b"id;y\n1;2", b'id,y\n"1,2', b"y,id\n1,2", b"id,y\n" + b"1," * 999,
       table(lambda i: "nan"), table(lambda i: "1e999"), table(lambda i: "[]"), table(lambda i: "0", 49),
       table(lambda i: "0", 51), table(lambda i: "0", header="id,label"), table(lambda i: "\x00"),
       table(lambda i: "9" * 5000)]
for csv in bad:
    print(*talk(form(csv)))
)python";
  ValidatorLimits limits;
  Judge judge = [](const sandbox::ExecResult& ran, const Target& target) {
    static const std::set<std::string> kCodes = {"", "bad_csv", "empty", "wrong_columns",
                                                 "row_count"};
    if (Lines(ran).size() != 16) return Broken("16 answers were expected: " + ran.output);
    for (const auto& event : target.events.all) {
      const auto* asked = std::get_if<records::Validation>(&event);
      if (!asked || !kCodes.contains(asked->reason))
        return Broken("not a fixed code: " + records::BodyText(event));
    }
    if (ran.output.find("other") != std::string::npos)
      return Broken("an answer speaks of labels: " + ran.output);
    return Held("16 malformed files, fixed codes alone");
  };
  co_return co_await Attacked(ctx, std::move(program), limits, std::move(judge));
}

Task<CaseResult> V04(Context& ctx) {
  std::string program = R"python(
from collections import Counter
print(sorted(Counter(talk(form(table(lambda i: "0")))[0] for _ in range(300)).items()))
)python";
  ValidatorLimits limits;
  limits.interval = Millis(3'600'000);
  Judge judge = [limits](const sandbox::ExecResult& ran, const Target& target) {
    const auto& n = target.validator.counts();
    std::string seen = Printable(Trim(ran.output));
    if (n.valid + n.refused != 300) return Broken("not every call was counted: " + seen);
    if (n.valid > limits.burst) return Broken("more checks than a burst: " + seen);
    if (static_cast<int>(target.events.all.size()) != n.valid)
      return Broken("a check was not logged");
    return Held("300 calls, 200 or 429: " + seen);
  };
  co_return co_await Attacked(ctx, std::move(program), limits, std::move(judge));
}

Task<CaseResult> V05(Context& ctx) {
  std::string program = R"python(
good = table(lambda i: "0")
print(*talk(form(good, name="../../../../etc/cron.d/x")))
print(*talk(form(good, name="..")))
print(*talk(form(good, field="file\r\nX: y")))
print(*talk(form(good, more=b"Content-Transfer-Encoding: base64\r\n")))
print(*talk(form(good).replace(b"boundary=e", b"boundary=")))
print(*talk(form(good) + form(good)[:40]))  # a second request, cut
huge = form(b"").replace(b"Content-Length: ", b"Content-Length: 9999999999")
print(*talk(huge))
print(*talk(form(b"x" * (3 << 20))))  # beyond this validator's limit
print(*talk(b"PUT /validate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
print(*talk(b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
)python";
  ValidatorLimits limits;
  limits.file_bytes = 2 << 20;
  Judge judge = [](const sandbox::ExecResult& ran, const Target& target) {
    static const char* const kWanted[] = {"400", "400", "400", "400", "400",
                                          "200", "413", "413", "404", "404"};
    auto lines = Lines(ran);
    if (lines.size() != std::size(kWanted))
      return Broken("ten answers were expected: " + ran.output);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (!lines[i].starts_with(kWanted[i]))
        return Broken("answer " + std::to_string(i + 1) + " should be " + kWanted[i] + ": " +
                      lines[i]);
    }
    if (!std::filesystem::is_empty(target.spool)) return Broken("something was left on the host");
    return Held("names, nesting, encodings, lengths and paths are refused; nothing is left");
  };
  co_return co_await Attacked(ctx, std::move(program), limits, std::move(judge));
}

// Eight files of 12 MiB that begin at once and pause before their end, which costs the host their
// bytes, and then eight that are whole and slow to read, which costs it eight checks.
Task<CaseResult> V08(Context& ctx) {
  std::string program = R"python(
import threading
from time import sleep
whole = form(b"id,y\n0,\"" + b'""' * (6 << 20) + b'"\n')
answers = []

def upload(pause):
    s = socket.create_connection(("localhost", 5000), timeout=30)
    got = b""
    try:
        s.sendall(whole[:-1000])
        sleep(pause)
        s.sendall(whole[-1000:])
    except OSError:
        pass
    try:
        got = s.recv(65536)
    except OSError:
        pass
    answers.append(got[9:12].decode() or "cut")
    s.close()

for pause in (1, 0):
    threads = [threading.Thread(target=upload, args=(pause,)) for _ in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
print(sorted(answers))
)python";
  constexpr std::uint64_t kFile = 12 << 20;
  ValidatorLimits limits;
  limits.file_bytes = kFile + (1 << 20);
  if (ctx.spec.without.contains(sandbox::Mitigation::kOneUpload)) limits.uploads = 8;
  Judge judge = [](const sandbox::ExecResult& ran, const Target& target) {
    std::string seen = FormatBytes(target.most_spooled) + " spooled and " +
                       std::to_string(target.most_at_once) + " checks at once; answered " +
                       Printable(Trim(ran.output));
    if (target.most_at_once == 0 || target.most_spooled < kFile / 2)
      return Broken("control: no upload got through: " + seen);
    return sandbox::escape::HeldIf(target.most_at_once == 1 && target.most_spooled < 2 * kFile,
                                   seen);
  };
  co_return co_await Attacked(ctx, std::move(program), limits, std::move(judge));
}

}  // namespace

std::vector<sandbox::escape::Case> ValidatorCases() {
  return {
      {"V01", "the validator's answer to other predictions", "NOEFFECT", true, V01},
      {"V02", "errors of the validator that quote labels", "NOEFFECT", true, V02},
      {"V04", "a flood of validations", "LIMIT", true, V04},
      {"V05", "forms that are not what they seem", "BLOCK", false, V05},
      {"V08", "eight large uploads at once", "LIMIT", false, V08},
  };
}

}  // namespace podium::agents
