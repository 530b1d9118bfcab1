// What an attacker costs the trial beside it and the host: two trials side by side, one of which
// measures its own times while the other does one thing that hosts have been hurt by.
// `podium_neighbours_bench [ROUNDS [SECONDS [ATTACK ...]]]` (3, 8, all); needs the image podium-ml;
// prints a Markdown table. The base operation is the same trial beside one that sleeps.
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "tests/support/tiny_task.h"

namespace podium {
namespace {

namespace fs = std::filesystem;

constexpr double kMiB = 1048576;
constexpr double kMemoryLimit = 256, kDiskLimit = 64, kAllowance = 64;  // MiB

// Times a call to its validator and a piece of work, again and again, and says when it ended.
constexpr const char* kVictim = R"py(
import http.client, json, shutil, sys, time
shutil.copy('/home/data/sample_submission.csv', '/home/submission/submission.csv')
health, node, end = [], [], time.time() + float(sys.argv[1])
while time.time() < end:
    t = time.perf_counter()
    c = http.client.HTTPConnection('127.0.0.1', 5000, timeout=60)
    c.request('GET', '/health')
    c.getresponse().read()
    c.close()
    health.append(time.perf_counter() - t)
    t = time.perf_counter()
    sum(i * i for i in range(300000))
    node.append(time.perf_counter() - t)
    time.sleep(0.02)
json.dump({'health': health, 'node': node, 'end': time.time()}, open('/home/logs/times.json', 'w'))
)py";

struct Attack {
  const char* name;
  const char* what;
  const char* program;
};

constexpr Attack kAttacks[] = {{"calm", "sleeps", "time.sleep(SECONDS)"},
                               {"spin", "60 processes that compute", R"py(
for _ in range(60):
    if os.fork() == 0:
        while True: pass
time.sleep(SECONDS))py"},
                               {"names", "names of 7 MB to the gateway", R"py(
body = b'{"model": "m", "' + b'x' * 7_000_000 + b'": 1}'
head = (b'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
        b'Authorization: Bearer ' + os.environ['OPENAI_API_KEY'].encode() + b'\r\n')
def once(): talk(8000, head, body, len(body))
eight(once))py"},
                               {"holes", "a submission of 2 GiB of holes", R"py(
with open('/home/submission/submission.csv', 'wb') as f: f.truncate((1 << 31) - 1)
time.sleep(SECONDS))py"},
                               {"uploads", "8 uploads that never end", R"py(
body = bytes(48 << 20)
def once(): talk(5000, FORM, body, len(body) + 1000)
eight(once))py"},
                               {"quotes", "8 uploads of quotes", R"py(
body = PART + b'id,y\n0,"' + b'""' * (24 << 20) + b'"\r\n--e--\r\n'
def once(): talk(5000, FORM, body, len(body))
eight(once))py"},
                               {"locks", "byte locks without end", R"py(
files = [open('/tmp/%d' % i, 'w') for i in range(400)]
for start in range(0, 1 << 30, 2):
    for f in files: fcntl.lockf(f, fcntl.LOCK_EX, 1, start))py"},
                               {"tcp", "connections that nobody reads", R"py(
server = socket.create_server(('127.0.0.1', 9999), backlog=4000)
kept = []
while True:
    try:
        c = socket.create_connection(('127.0.0.1', 9999), timeout=1)
        kept += [c, server.accept()[0]]
        c.settimeout(0.2)
        while True: c.send(bytes(1 << 20))
    except OSError: time.sleep(0.01))py"},
                               {"output", "prints as fast as it can", R"py(
while True: os.write(1, b'x' * 65536))py"},
                               {"checks", "a flood of validations", R"py(
body = PART + b'id,y\n0,1\r\n--e--\r\n'
def once(): talk(5000, FORM, body, len(body))
eight(once))py"},
                               {"leftovers", "14,000 files and a full disk to be taken out", R"py(
for i in range(14000):
    try: open('/home/code/%d' % i, 'wb').write(b'x' * 3000)
    except OSError: break
try: open('/home/submission/submission.csv', 'wb').write(b'id,y\n' + b'9' * (20 << 20))
except OSError: pass
time.sleep(max(0, SECONDS - EXTRA - 0.2 - (time.time() - BEGUN))))py"}};

// What attacks share: eight threads, and one request of which any part may be sent.
constexpr const char* kPrelude = R"py(
import fcntl, os, socket, sys, threading, time
BEGUN = time.time()
EXTRA = 4
SECONDS = float(sys.argv[1]) + EXTRA
FORM = b'POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=e\r\n'
PART = b'--e\r\nContent-Disposition: form-data; name="file"; filename="s.csv"\r\n\r\n'
def talk(port, head, body, declared):
    try:
        s = socket.create_connection(('127.0.0.1', port), timeout=5)
        s.sendall(head + b'Connection: close\r\nContent-Length: %d\r\n\r\n' % declared)
        s.sendall(body)
        while s.recv(65536): pass
        s.close()
    except OSError: time.sleep(0.01)
def eight(once):
    def loop():
        while time.time() < BEGUN + SECONDS: once()
    threads = [threading.Thread(target=loop) for _ in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
)py";

// The least that the host had of memory and disk while it lives, against what it had at first.
class HostWatch {
 public:
  explicit HostWatch(fs::path dir) : dir_(std::move(dir)), memory_(Memory()), disk_(Disk()) {
    thread_ = std::thread([this] {
      while (!stop_) {
        least_memory_ = std::min(least_memory_, Memory());
        least_disk_ = std::min(least_disk_, Disk());
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
  }
  ~HostWatch() { Stop(); }
  HostWatch(const HostWatch&) = delete;
  HostWatch& operator=(const HostWatch&) = delete;

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // MiB, after Stop.
  [[nodiscard]] double memory() const { return memory_ - least_memory_; }
  [[nodiscard]] double disk() const { return disk_ - least_disk_; }

 private:
  static double Memory() {
    auto text = ReadFile("/proc/meminfo");
    std::size_t at = text ? text->find("MemAvailable:") : std::string::npos;
    return at == std::string::npos ? 0 : std::atof(text->c_str() + at + 13) / 1024;
  }
  [[nodiscard]] double Disk() const {
    struct statvfs st {};
    if (::statvfs(dir_.c_str(), &st) != 0) return 0;
    return static_cast<double>(st.f_bfree) * static_cast<double>(st.f_frsize) / kMiB;
  }

  fs::path dir_;
  double memory_, disk_;
  double least_memory_ = 1e18, least_disk_ = 1e18;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

struct Seen {
  std::vector<double> health, node, seal;  // ms
  double memory = 0, disk = 0;             // MiB, the most of all rounds
};

double Median(std::vector<double> v) {
  if (v.empty()) return 0;
  std::ranges::sort(v);
  return v[v.size() / 2];
}

[[noreturn]] void Stop(const std::string& why) {
  std::cerr << why << "\n";
  std::exit(1);
}

template <class T>
T OrStop(Result<T> result) {
  if (!result) Stop(result.error().message);
  return std::move(*result);
}

// Seconds since 1970 of a journal's "2026-11-28T21:42:40.298Z".
double EpochOf(const std::string& stamp) {
  std::tm tm{};
  const char* rest = ::strptime(stamp.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  return rest ? static_cast<double>(::timegm(&tm)) + std::atof(rest) : 0;
}

class Bench {
 public:
  Bench(fs::path world, int seconds) : world_(std::move(world)), seconds_(seconds) {
    tests::WriteTinyTask(world_ / "task");
    OrStop(Made(MakeDirs(world_ / "cache")));
    fs::create_directory_symlink(CacheDir() / "images", world_ / "cache" / "images");
    OrStop(Made(WriteFileAtomic(
        world_ / "models.yaml",
        "schema: podium-models/1\nmodels:\n  - {id: m, provider: none, formats: [chat], base_url: "
        "\"http://127.0.0.1:9/v1\", key_env: BENCH_KEY, max_output_tokens: 10, context_tokens: "
        "1000, price: {input: \"1\", output: \"1\", source: none, as_of: 2026-11}}\n")));
    WriteAgent("victim", kVictim);
    for (const Attack& a : kAttacks) WriteAgent(a.name, std::string(kPrelude) + a.program + "\n");
  }

  void Round(const Attack& attack, int round, Seen& seen) {
    std::string name = std::string(attack.name) + std::to_string(round);
    HostWatch watch(world_);
    Run(attack, name);
    watch.Stop();
    seen.memory = std::max(seen.memory, watch.memory());
    seen.disk = std::max(seen.disk, watch.disk());
    ReadTimes(world_ / "runs" / name / "trials" / "tiny" / "victim" / "s0", seen);
  }

 private:
  static Result<int> Made(const Status& status) {
    if (!status) return tl::unexpected(status.error());
    return 0;
  }

  void WriteAgent(const std::string& id, const std::string& program) {
    std::string start = "cat > /tmp/a.py <<'PROGRAM'\n" + program +
                        "PROGRAM\nexec timeout -s KILL " + std::to_string(seconds_ + 4) +
                        " python3 /tmp/a.py " + std::to_string(seconds_) + "\n";
    OrStop(Made(MakeDirs(world_ / id)));
    OrStop(Made(WriteFileAtomic(world_ / id / "start.sh", start, 0755)));
    OrStop(Made(WriteFileAtomic(world_ / (id + ".yaml"),
                                "schema: podium-agent/1\nid: " + id +
                                    "\nscaffold: program\nprogram: {folder: " + id +
                                    ", snapshot_every: 1 s}\n")));
  }

  void Run(const Attack& attack, const std::string& name) const {
    ProcessSpec spec;
    auto agent = [&](const std::string& id) { return (world_ / (id + ".yaml")).string(); };
    spec.argv = {(ProgramDir() / "podium").string(), "run", "--name", name, "--jobs", "2", "--task",
                 (world_ / "task/").string()};
    for (const auto& id : {std::string("victim"), std::string(attack.name)})
      for (const auto& word : {std::string("--agent"), agent(id)}) spec.argv.push_back(word);
    for (const char* setting :
         {"limits.memory=256MiB", "limits.disk=64MiB", "limits.cpus=1", "gateway.models=m"})
      for (const char* word : {"--set", setting}) spec.argv.emplace_back(word);
    spec.argv.insert(spec.argv.end(),
                     {"--set", "gateway.catalogue=" + (world_ / "models.yaml").string()});
    spec.env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
                {"HOME", world_.string()},
                {"BENCH_KEY", "sk-of-nobody"},
                {"PODIUM_CACHE", (world_ / "cache").string()},
                {"PODIUM_RUNS", (world_ / "runs").string()}};
    auto ended = OrStop(RunProcess(spec, Deadline::In(std::chrono::minutes(5))));
    if (!ended.ok()) Stop(ended.out + ended.err);
  }

  static void ReadTimes(const fs::path& trial, Seen& seen) {
    auto times = OrStop(ParseJson(OrStop(ReadFile(trial / "logs" / "times.json")), "times.json"));
    for (double s : times["health"]) seen.health.push_back(s * 1e3);
    for (double s : times["node"]) seen.node.push_back(s * 1e3);
    std::string journal = OrStop(ReadFile(trial / "journal.jsonl"));
    for (auto line : Split(Trim(journal), '\n')) {
      auto event = OrStop(ParseJson(line, "journal"));
      if (event["type"] == "sealed")
        seen.seal.push_back((EpochOf(event["t"]) - double(times["end"])) * 1e3);
    }
  }

  fs::path world_;
  int seconds_;
};

std::string Cell(const std::vector<double>& ms, const std::vector<double>& base) {
  char out[64];
  std::snprintf(out, sizeof out, "%.1f (%.2f x)", Median(ms), Median(ms) / Median(base));
  return out;
}

void Print(const Attack& attack, const Seen& seen, const Seen& calm) {
  std::printf("| %s | %s | %s | %s | %.0f | %.0f | %zu, %zu |\n", attack.what,
              Cell(seen.health, calm.health).c_str(), Cell(seen.node, calm.node).c_str(),
              Cell(seen.seal, calm.seal).c_str(), seen.memory - calm.memory, seen.disk - calm.disk,
              seen.seal.size(), seen.node.size());
  std::fflush(stdout);
}

int Main(int rounds, int seconds, const std::vector<std::string>& only) {
  auto temp = TempDir::Make("podium-neighbours-bench");
  if (!temp) Stop(temp.error().message);
  Bench bench(temp->path(), seconds);
  Seen warm, calm;
  bench.Round(kAttacks[0], 0, warm);  // prepares the task
  for (int round = 1; round <= rounds; ++round) bench.Round(kAttacks[0], round, calm);
  std::printf(
      "| the trial beside it | health ms | node ms | seal ms | host memory MiB | host disk MiB | "
      "n: "
      "trials, nodes |\n| --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Attack& attack : kAttacks) {
    if (!only.empty() && !std::ranges::count(only, attack.name)) continue;
    Seen seen = std::string_view(attack.name) == "calm" ? calm : Seen{};
    for (int round = 1; seen.seal.size() < static_cast<std::size_t>(rounds); ++round)
      bench.Round(attack, round, seen);
    Print(attack, seen, calm);
  }
  std::printf(
      "\nMedians; the most of memory and disk, beyond the first row's. Its limits and %.0f MiB: "
      "%.0f "
      "and %.0f MiB.\n",
      kAllowance, kMemoryLimit + kAllowance, kDiskLimit + kAllowance);
  return 0;
}

}  // namespace
}  // namespace podium

int main(int argc, char** argv) {
  auto number = [&](int at, int fallback) { return argc > at ? std::atoi(argv[at]) : fallback; };
  std::vector<std::string> only(argv + std::min(argc, 3), argv + argc);
  return podium::Main(number(1, 3), number(2, 8), only);
}
