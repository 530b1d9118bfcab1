// What isolation costs, as ratios to a base operation of the same run: a process that is spawned
// without any of it, or a copy of the same files. `podium_sandbox_bench [ROUNDS]`, as root; prints
// a Markdown table.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "sandbox/backends/factory.h"
#include "sandbox/host/take_tree.h"
#include "sandbox/images/image.h"
#include "sandbox/sandbox.h"
#include "tests/support/docker_daemon.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

double Since(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

class Samples {
 public:
  void Add(const std::string& name, double ms) { values_[name].push_back(ms); }
  [[nodiscard]] bool Has(const std::string& name) const { return values_.contains(name); }
  [[nodiscard]] double Median(const std::string& name) const {
    auto v = values_.at(name);
    std::ranges::sort(v);
    return v[v.size() / 2];
  }
  [[nodiscard]] std::string Row(const std::string& what, const std::string& name,
                                const std::string& base, const std::string& aim) const {
    if (!Has(name)) return "";
    auto v = values_.at(name);
    std::ranges::sort(v);
    std::string ratio = "-";
    if (!base.empty() && Has(base)) ratio = FormatScore(Median(name) / Median(base), 2);
    return "| " + what + " | " + FormatScore(Median(name), 2) + " | " + FormatScore(v.front(), 2) +
           "-" + FormatScore(v.back(), 2) + " | " + std::to_string(v.size()) + " | " + ratio +
           (base.empty() ? "" : " x " + base) + " | " + aim + " |\n";
  }

 private:
  std::map<std::string, std::vector<double>> values_;
};

int Spawn(std::vector<std::string> args) {
  std::vector<char*> argv;
  for (auto& a : args) argv.push_back(a.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  int status = -1;
  if (::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) == 0)
    ::waitpid(pid, &status, 0);
  ::posix_spawn_file_actions_destroy(&actions);
  return status;
}

SandboxSpec Spec(const Image& image, const fs::path& dir, const std::string& name) {
  static int number = 0;
  SandboxSpec spec;
  spec.id = "bench-" + name + "-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
  spec.layers = image.layers;
  spec.state_dir = dir / "state";
  spec.data = {{dir / "data", "/home/data"}};
  spec.limits.disk_bytes = std::uint64_t{2} << 30;
  spec.limits.cpus = 2;
  spec.env = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/home/agent"}};
  return spec;
}

// `words`: a command, its words apart by blanks.
Task<double> Exec(Sandbox& box, std::string words) {
  ExecSpec spec;
  for (auto word : Split(words, ' ')) spec.argv.emplace_back(word);
  Deadline deadline = Deadline::In(std::chrono::minutes(5));
  auto start = steady_clock::now();
  auto r = co_await box.Exec(std::move(spec), deadline);
  if (!r || r->exit_code != 0) {
    std::cerr << "exec failed: " << (r ? r->output : r.error().message) << "\n";
    std::exit(1);
  }
  co_return Since(start);
}

Task<void> Script(Sandbox& box, std::string script) {
  ExecSpec spec;
  spec.argv = {"sh", "-c", std::move(script)};
  Deadline deadline = Deadline::In(std::chrono::minutes(5));
  auto r = co_await box.Exec(std::move(spec), deadline);
  if (!r || r->exit_code != 0) {
    std::cerr << "script failed: " << (r ? r->output : r.error().message) << "\n";
    std::exit(1);
  }
}

template <class T>
void Must(const T& result, const char* what) {
  if (result) return;
  std::cerr << what << ": " << result.error().message << "\n";
  std::exit(1);
}

// 1,000 files, 104 MB.
constexpr const char* kWorkspace =
    "cd /home/code; for d in 0 1 2 3 4 5 6 7 8 9; do mkdir d$d; for i in $(seq 100); do head -c "
    "104000 /dev/urandom > d$d/f$i; done; done";

constexpr const char* kFit =
    "import time, numpy as np\nfrom sklearn.ensemble import HistGradientBoostingClassifier\n"
    "r = np.random.default_rng(0)\nx = r.normal(size=(20000, 20)); y = (x[:, 0] + x[:, 1] ** 2 > "
    "1)\nt = time.perf_counter()\nHistGradientBoostingClassifier(max_iter=60, "
    "random_state=0).fit(x, y)\nprint(time.perf_counter() - t)\n";

class Bench {
 public:
  Bench(Reactor& reactor, Backend& backend, Image image, fs::path dir, int rounds)
      : reactor_(reactor),
        backend_(backend),
        image_(std::move(image)),
        dir_(std::move(dir)),
        rounds_(rounds) {}

  Task<Status> Run() {
    for (int i = 0; i < rounds_; ++i) co_await LifeOfOne();
    co_await Execs("exec", backend_, "runc");
    co_await Workspaces();
    co_await HandOver();
    co_await Fit();
    co_return Status{};
  }

  Task<Status> Docker() {
    auto docker = MakeBackend("docker", reactor_);
    Must(docker, "docker");
    co_await Execs("exec in Docker by podium-init", **docker, "docker");
    co_return Status{};
  }

  void Print() const {
    std::cout
        << "| what | median ms | range | n | ratio | aim |\n| --- | --- | --- | --- | --- | --- |\n"
        << s_.Row("posix_spawn of the image's /bin/true", "spawn", "", "")
        << s_.Row("exec of it in a live sandbox", "exec", "spawn", "at most 3")
        << s_.Row("exec in Docker's container by podium-init", "exec in Docker by podium-init",
                  "spawn", "")
        << s_.Row("`runc exec` into the same sandbox", "runc exec", "spawn", "")
        << s_.Row("`docker exec` into a Docker sandbox", "docker exec", "spawn", "")
        << s_.Row("start", "start", "spawn", "") << s_.Row("seal", "seal", "spawn", "")
        << s_.Row("remove", "remove", "spawn", "")
        << s_.Row("copy of a workspace (1,000 files, 104 MB)", "copy", "", "")
        << s_.Row("fork of it: snapshot and restore in place", "fork", "copy", "at most 0.2")
        << s_.Row("fork of it into another sandbox that stands ready", "fork into a ready sandbox",
                  "copy", "at most 0.1")
        << s_.Row("fork of it into a sandbox that is started for it", "fork into a new sandbox",
                  "copy", "")
        << s_.Row("copy of 10,000 small files (cp -a)", "cp 10000", "", "")
        << s_.Row("hand-over of them as a tree, durable", "hand-over", "cp 10000", "at most 2")
        << s_.Row("scikit-learn fit outside (chroot)", "fit outside", "", "")
        << s_.Row("the same fit in the sandbox", "fit inside", "fit outside", "below 1.03");
  }

 private:
  Task<std::unique_ptr<Sandbox>> Make(Backend& backend, SandboxSpec spec) {
    Deadline deadline = Deadline::In(std::chrono::minutes(10));
    auto box = co_await backend.Create(std::move(spec), deadline);
    Must(box, "create");
    co_return std::move(*box);
  }

  Task<void> LifeOfOne() {
    Deadline deadline = Deadline::In(std::chrono::minutes(5));
    auto start = steady_clock::now();
    auto box = co_await Make(backend_, Spec(image_, dir_, "life"));
    s_.Add("start", Since(start));
    start = steady_clock::now();
    auto sealed = co_await box->Seal(deadline);
    Must(sealed, "seal");
    s_.Add("seal", Since(start));
    start = steady_clock::now();
    auto removed = co_await box->Destroy(deadline);
    Must(removed, "destroy");
    s_.Add("remove", Since(start));
  }

  Task<void> Execs(const std::string& name, Backend& backend, const std::string& tool) {
    SandboxSpec spec = Spec(image_, dir_, "exec");
    std::string id = spec.id;
    auto box = co_await Make(backend, std::move(spec));
    std::string outside = (image_.layers.back() / "bin" / "true").string();
    for (int i = 0; i < 10 * rounds_; ++i) {
      auto start = steady_clock::now();
      Spawn({outside});
      s_.Add("spawn", Since(start));
      s_.Add(name, co_await Exec(*box, "/bin/true"));
      if (i % 5 != 0) continue;
      start = steady_clock::now();
      int status = -1;
      if (tool == "runc")
        status = Spawn({"runc", "--root", "/var/lib/podium/runc", "exec", id, "/bin/true"});
      if (tool == "docker") status = Spawn({"docker", "exec", "podium-" + id, "/bin/true"});
      if (status == 0) s_.Add(tool + " exec", Since(start));
    }
    Deadline deadline = Deadline::In(std::chrono::minutes(5));
    auto removed = co_await box->Destroy(deadline);
    Must(removed, "destroy");
  }

  Task<void> Workspaces() {
    Deadline deadline = Deadline::In(std::chrono::minutes(30));
    auto box = co_await Make(backend_, Spec(image_, dir_, "fork"));
    co_await Script(*box, kWorkspace);
    auto ready = co_await Make(backend_, Spec(image_, dir_, "ready"));
    for (int i = 0; i < rounds_; ++i) {
      s_.Add("copy", co_await Exec(*box, "cp -a /home/code /home/agent/copy"));
      co_await Exec(*box, "rm -rf /home/agent/copy");
      auto start = steady_clock::now();
      auto snapshot = co_await box->TakeSnapshot(deadline);
      Must(snapshot, "snapshot");
      auto restored = co_await box->Restore(*snapshot, deadline);
      Must(restored, "restore");
      s_.Add("fork", Since(start));
      start = steady_clock::now();
      auto other = co_await box->TakeSnapshot(deadline);
      Must(other, "snapshot");
      auto taken_up = co_await ready->Restore(*other, deadline);
      Must(taken_up, "restore");
      s_.Add("fork into a ready sandbox", Since(start));
      co_await Exec(*ready, "test -s /home/code/d9/f100");
      SandboxSpec spec = Spec(image_, dir_, "child");
      spec.workspace = *snapshot;
      start = steady_clock::now();
      auto child = co_await Make(backend_, std::move(spec));
      s_.Add("fork into a new sandbox", Since(start));
      co_await Exec(*child, "test -s /home/code/d9/f100");
      auto removed = co_await child->Destroy(deadline);
      Must(removed, "destroy");
    }
    auto gone = co_await ready->Destroy(deadline);
    Must(gone, "destroy");
    auto removed = co_await box->Destroy(deadline);
    Must(removed, "destroy");
  }

  Task<void> HandOver() {
    Deadline deadline = Deadline::In(std::chrono::minutes(30));
    SandboxSpec spec = Spec(image_, dir_, "take");
    fs::path home = fs::path("/var/lib/podium/sandboxes") / spec.id / "home";
    auto box = co_await Make(backend_, std::move(spec));
    co_await Script(*box,
                    "cd /home/code; i=0; while [ $i -lt 10000 ]; do echo $i > f$i; "
                    "i=$((i+1)); done");
    UniqueFd root(::open(home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    TreeCaps caps;
    caps.files = caps.entries = 20'000;
    for (int i = 0; i < std::max(1, rounds_ / 3); ++i) {
      fs::path to = dir_ / ("taken" + std::to_string(i));
      Must(MakeDirs(to / "ours"), "folder");
      auto start = steady_clock::now();
      Spawn({"cp", "-a", (home / "code").string(), (to / "theirs").string()});
      s_.Add("cp 10000", Since(start));
      start = steady_clock::now();
      auto taken = TakeTreeBeneath(root.get(), "code", to / "ours", caps,
                                   Deadline::In(std::chrono::minutes(5)));
      Must(taken, "take");
      if (taken->files != 10000) Must(Status(Fail(ErrorCode::kIo, "files are missing")), "take");
      s_.Add("hand-over", Since(start));
      Must(RemoveTree(to), "remove");
    }
    root.reset();
    auto removed = co_await box->Destroy(deadline);
    Must(removed, "destroy");
  }

  Task<void> Fit() {
    Deadline deadline = Deadline::In(std::chrono::minutes(30));
    auto box = co_await Make(backend_, Spec(image_, dir_, "fit"));
    auto put = co_await box->PutFile("/home/code/fit.py", kFit, 0644, deadline);
    Must(put, "put");
    for (int i = 0; i < rounds_; ++i) {
      ExecSpec inside;
      inside.argv = {"python3", "/home/code/fit.py"};
      auto r = co_await box->Exec(std::move(inside), deadline);
      Must(r, "fit");
      s_.Add("fit inside", 1000 * std::atof(r->output.c_str()));
      ProcessSpec outside;
      outside.argv = {"chroot", image_.layers.back().string(), "python3", "-c", kFit};
      // The image is everybody's: nothing is compiled into it.
      outside.env = {
          {{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}, {"PYTHONDONTWRITEBYTECODE", "1"}}};
      auto o = RunTool(outside, deadline);
      Must(o, "fit outside");
      s_.Add("fit outside", 1000 * std::atof(o->c_str()));
    }
    auto removed = co_await box->Destroy(deadline);
    Must(removed, "destroy");
  }

  Reactor& reactor_;
  Backend& backend_;
  Image image_;
  fs::path dir_;
  int rounds_;
  Samples s_;
};

int Main(int rounds) {
  auto image = FindImage("podium-ml", CacheDir());
  Must(image, "image");
  auto temp = TempDir::Make("podium-sandbox-bench");
  Must(temp, "folder");
  Must(MakeDirs(temp->path() / "data"), "folder");
  Reactor reactor;
  auto backend = MakeBackend("runc", reactor);
  Must(backend, "runc");
  Bench bench(reactor, **backend, *image, temp->path(), rounds);
  Must(reactor.Run([&]() -> Task<Status> { co_return co_await bench.Run(); }), "bench");
  auto daemon = tests::DockerDaemon::Start();
  if (daemon) {
    Must(reactor.Run([&]() -> Task<Status> { co_return co_await bench.Docker(); }), "docker");
  } else {
    std::cerr << "no Docker: " << daemon.error().message << "\n";
  }
  bench.Print();
  return 0;
}

}  // namespace
}  // namespace podium::sandbox

int main(int argc, char** argv) {
  return podium::sandbox::Main(argc > 1 ? std::max(1, std::atoi(argv[1])) : 9);
}
