// What waiting for a model costs. `podium_waiting_bench [TRIALS [SECONDS [STREAMS]]]`; prints
// Markdown tables.
// - TRIALS trials (2000) of a scaffold that runs nothing, on a model that answers after SECONDS
// (20):
//   wall, CPU a trial beside a `nop` trial of the same run, CPU while all wait, peak memory.
// - STREAMS (200) streams at once through gateways, four a trial: the time to the first byte of an
// answer beside
//   that of the same server asked directly.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

#include "agents/gateway/gateway.h"
#include "agents/models/wire/registry.h"
#include "base/async/race.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "tests/support/tiny_task.h"

namespace podium {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::ip::tcp;
using std::chrono::steady_clock;

constexpr const char* kPiece = R"(data: {"choices":[{"index":0,"delta":{"content":"word "}}]})";
constexpr const char* kLast =
    R"(data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":9}})";

// Streams Chat Completions without code to whoever asks: the first byte after `delay`, then pieces
// with pauses. A thread of its own.
class SlowModel {
 public:
  SlowModel(std::chrono::milliseconds delay, int pieces)
      : delay_(delay), pieces_(pieces), acceptor_(io_, tcp::endpoint(tcp::v4(), 0)) {
    acceptor_.listen(4096);
    asio::co_spawn(io_, Accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~SlowModel() {
    io_.stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  asio::awaitable<void> Accept() {
    for (;;) {
      tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      socket.set_option(tcp::no_delay(true));
      asio::co_spawn(io_, Serve(std::move(socket)), asio::detached);
    }
  }
  static asio::awaitable<void> Send(tcp::socket& socket, std::string text) {
    char size[20];
    auto end = std::to_chars(size, size + sizeof size, text.size(), 16).ptr;
    std::string chunk = std::string(size, end) + "\r\n" + text + "\r\n";
    co_await asio::async_write(socket, asio::buffer(chunk), asio::use_awaitable);
  }
  asio::awaitable<void> Pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(io_, time);
    co_await timer.async_wait(asio::use_awaitable);
  }
  asio::awaitable<void> Serve(tcp::socket socket) {
    std::string in;
    for (;;) {
      std::size_t head = co_await asio::async_read_until(socket, asio::dynamic_buffer(in),
                                                         "\r\n\r\n", asio::use_awaitable);
      std::string lower = Lower(in.substr(0, head));
      std::size_t at = lower.find("content-length:");
      std::size_t length = at == std::string::npos ? 0 : std::strtoul(&lower[at + 15], nullptr, 10);
      if (in.size() < head + length)
        co_await asio::async_read(socket, asio::dynamic_buffer(in),
                                  asio::transfer_exactly(head + length - in.size()),
                                  asio::use_awaitable);
      in.erase(0, head + length);
      if (delay_.count() > 0) co_await Pause(delay_);
      std::string start =
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
          "Transfer-Encoding: chunked\r\n\r\n";
      co_await asio::async_write(socket, asio::buffer(start), asio::use_awaitable);
      for (int i = 0; i < pieces_; ++i) {
        co_await Send(socket, std::string(kPiece) + "\n\n");
        if (i + 1 < pieces_) co_await Pause(std::chrono::milliseconds(50));
      }
      co_await Send(socket, std::string(kLast) + "\n\ndata: [DONE]\n\n");
      std::string end = "0\r\n\r\n";
      co_await asio::async_write(socket, asio::buffer(end), asio::use_awaitable);
    }
  }
  std::chrono::milliseconds delay_;
  int pieces_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

double Ms(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1000 + static_cast<double>(t.tv_usec) / 1000;
}

// Of a process until now; 0 once it is gone.
double CpuMsOf(pid_t pid) {
  auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return 0;
  auto fields = Split(std::string_view(*stat).substr(stat->rfind(')') + 2), ' ');
  double ticks = 0;
  for (std::size_t at : {11, 12}) ticks += std::strtod(std::string(fields[at]).c_str(), nullptr);
  return ticks * 1000 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Spent {
  double wall_ms = 0, cpu_ms = 0, waiting_share = 0;  // of a core, between 5 s and 18 s
  long peak_mib = 0;
};

// A whole command; watched while its trials wait where `seconds` says how long they do.
Spent Timed(const fs::path& world, const std::vector<std::string>& arguments, std::uint16_t port,
            double seconds) {
  std::fflush(stdout);
  auto start = steady_clock::now();
  pid_t pid = ::fork();
  if (pid == 0) {
    std::vector<std::pair<std::string, std::string>> env = {
        {"HOME", world.string()},
        {"PODIUM_CACHE", (world / "cache").string()},
        {"PODIUM_RUNS", (world / "runs").string()},
        {"OPENAI_BASE_URL", "http://127.0.0.1:" + std::to_string(port) + "/v1"},
        {"OPENAI_API_KEY", "k"}};
    for (const auto& [key, value] : env) ::setenv(key.c_str(), value.c_str(), 1);
    std::string program = (ProgramDir() / "podium").string();
    std::vector<char*> argv = {program.data()};
    auto words = arguments;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (!std::freopen((world / "out.log").c_str(), "w", stdout) || ::dup2(1, 2) < 0) ::_exit(1);
    ::execv(argv[0], argv.data());
    ::_exit(1);
  }
  Spent out;
  if (seconds >= 20) {
    std::this_thread::sleep_until(start + std::chrono::seconds(5));
    double before = CpuMsOf(pid);
    std::this_thread::sleep_until(start + std::chrono::seconds(18));
    out.waiting_share = (CpuMsOf(pid) - before) / 13'000;
  }
  int status = 0;
  rusage usage{};
  ::wait4(pid, &status, 0, &usage);
  out.wall_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
  out.cpu_ms = Ms(usage.ru_utime) + Ms(usage.ru_stime);
  out.peak_mib = usage.ru_maxrss / 1024;
  if (status != 0) {
    std::cerr << ReadFile(world / "out.log").value_or("") << "\n";
    std::exit(1);
  }
  return out;
}

void BenchTrials(int trials, int seconds) {
  auto temp = TempDir::Make("podium-waiting-bench");
  if (!temp) std::exit(1);
  const fs::path& world = temp->path();
  tests::WriteTinyTask(world / "task");
  std::error_code ec;
  fs::create_directories(world / "cache", ec);
  fs::create_directory_symlink(CacheDir() / "images", world / "cache" / "images", ec);
  SlowModel model(std::chrono::seconds(seconds), 1);
  std::string many = std::to_string(trials);
  // One question whose answer uses no tool, and ends it.
  auto run = [&](const std::string& seeds, const std::string& name) {
    return std::vector<std::string>{"run",
                                    "--task",
                                    (world / "task/").string(),
                                    "--agent",
                                    "react",
                                    "--set",
                                    "react.steps=1",
                                    "--model",
                                    "m",
                                    "--set",
                                    "models.at_once=" + many,
                                    "--jobs",
                                    many,
                                    "--seeds",
                                    seeds,
                                    "--name",
                                    name};
  };
  std::vector<std::string> nop = {"run",     "--task",  (world / "task/").string(),
                                  "--agent", "nop",     "--jobs",
                                  "4",       "--seeds", many,
                                  "--name",  "nop"};
  Timed(world, {"run", "--task", (world / "task/").string(), "--agent", "nop", "--name", "first"},
        model.port(), 0);
  Spent base = Timed(world, nop, model.port(), 0);
  Spent one = Timed(world, run("1", "one"), model.port(), 0);
  Spent all = Timed(world, run(many, "all"), model.port(), seconds);
  std::printf(
      "| %d trials waiting %d s each | |\n| --- | --- |\n| wall | %.1f s (one trial: %.1f s) |\n"
      "| CPU a trial | %.2f ms, %.2f x a `nop` trial's %.2f ms |\n"
      "| CPU between seconds 5 and 18 | %.1f %% of a core |\n| peak memory | %ld MiB |\n\n",
      trials, seconds, all.wall_ms / 1000, one.wall_ms / 1000, all.cpu_ms / trials,
      all.cpu_ms / base.cpu_ms, base.cpu_ms / trials, 100 * all.waiting_share, all.peak_mib);
}

class NoEvents final : public agents::EventSink {
 public:
  Status Record(records::Event) override { return {}; }
};

// Where to ask, and with what token.
struct Door {
  std::uint16_t port = 0;
  std::string token;
};

// Streams at once, each measured to the first byte of its answer's body, in ms; they take the doors
// in turn.
class Clients {
 public:
  explicit Clients(std::vector<Door> doors) : doors_(std::move(doors)) {}

  std::vector<double> Run(int streams) {
    asio::io_context io;
    for (int i = 0; i < streams; ++i) {
      const Door& door = doors_[static_cast<std::size_t>(i) % doors_.size()];
      // As each goes on for a second, all are there together once the last has begun.
      std::chrono::milliseconds begins(i * 1000 / streams);
      asio::co_spawn(io, Ask(io, door, begins), asio::detached);
    }
    io.run();
    return std::move(times_);
  }

 private:
  asio::awaitable<void> Ask(asio::io_context& io, const Door& door,
                            std::chrono::milliseconds begins) {
    asio::steady_timer timer(io, begins);
    co_await timer.async_wait(asio::use_awaitable);
    tcp::socket socket(io);
    tcp::endpoint there(asio::ip::address_v4::loopback(), door.port);
    co_await socket.async_connect(there, asio::use_awaitable);
    std::string body = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";
    std::string request =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " +
        door.token + "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    auto start = steady_clock::now();
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    std::string in;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(in), "data:", asio::use_awaitable);
    times_.push_back(
        std::chrono::duration<double, std::milli>(steady_clock::now() - start).count());
    co_await asio::async_read_until(socket, asio::dynamic_buffer(in), "[DONE]",
                                    asio::use_awaitable);
  }
  std::vector<Door> doors_;
  std::vector<double> times_;
};

double At(std::vector<double>& sorted, double share) {
  std::ranges::sort(sorted);
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

std::pair<UniqueFd, std::uint16_t> Loopback() {
  asio::io_context io;
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  std::uint16_t port = acceptor.local_endpoint().port();
  return {UniqueFd(acceptor.release()), port};
}

// One trial's gateway on a port of its own.
struct TrialGateway {
  TrialGateway(Reactor& reactor, HttpClient& http, agents::ProviderGate& gate,
               const agents::Model& model, fs::path record)
      : models(reactor, http, gate, events, Options(std::move(record))) {
    agents::GatewayOptions options;
    options.models = {model};
    options.variable = [](const std::string&) { return std::optional<std::string>("k"); };
    auto made = agents::Gateway::Make(models, std::move(options));
    if (!made) {
      std::cerr << made.error().message << "\n";
      std::exit(1);
    }
    gateway = std::move(*made);
    auto [fd, port] = Loopback();
    listener = std::move(fd);
    door = {port, gateway->token()};
  }
  static agents::TrialModelsOptions Options(fs::path record) {
    agents::TrialModelsOptions out;
    out.record_dir = std::move(record);
    return out;
  }
  NoEvents events;
  agents::TrialModels models;
  std::unique_ptr<agents::Gateway> gateway;
  UniqueFd listener;
  Door door;
};

void BenchGateway(int streams) {
  auto temp = TempDir::Make("podium-gateway-bench");
  if (!temp) std::exit(1);
  SlowModel upstream(std::chrono::milliseconds(0), 20);
  Reactor reactor;
  HttpClient http;
  agents::ProviderGate gate(streams);
  agents::Model model;
  model.id = model.upstream_name = "m";
  model.provider = "bench";
  model.formats = agents::WireFormats();
  model.base_url = "http://127.0.0.1:" + std::to_string(upstream.port()) + "/v1";
  model.max_output_tokens = 1000;
  model.context_tokens = 100'000;
  std::vector<std::unique_ptr<TrialGateway>> trials;
  std::vector<Door> doors;
  for (int i = 0; i < (streams + 3) / 4; ++i) {
    trials.push_back(std::make_unique<TrialGateway>(reactor, http, gate, model,
                                                    temp->path() / std::to_string(i)));
    doors.push_back(trials.back()->door);
  }
  StopSource stop;
  std::thread loop([&] {
    auto ended = reactor.Run([&]() -> Task<Status> {
      std::vector<Task<void>> all;
      for (auto& trial : trials) all.push_back(trial->gateway->Serve(std::move(trial->listener)));
      StopToken token = stop.token();
      auto first = co_await Race(AllOf(std::move(all)), token.Reached(StopLevel::kStopping));
      co_return Status{};
    });
    if (!ended) std::cerr << ended.error().message << "\n";
  });
  std::vector<double> direct, through;
  for (int round = 0; round < 5; ++round) {
    auto some = Clients({{upstream.port(), "k"}}).Run(streams);
    direct.insert(direct.end(), some.begin(), some.end());
    some = Clients(doors).Run(streams);
    through.insert(through.end(), some.begin(), some.end());
  }
  std::printf(
      "| time to the first byte, %d streams at once, 4 a trial, 5 rounds | p50 ms | p99 ms | n |\n"
      "| --- | --- | --- | --- |\n| directly | %.2f | %.2f | %zu |\n| through the gateway | %.2f | "
      "%.2f | %zu |\n\n",
      streams, At(direct, 0.5), At(direct, 0.99), direct.size(), At(through, 0.5),
      At(through, 0.99), through.size());
  asio::post(reactor.io(), [&stop] { stop.Raise(StopLevel::kStopping); });
  loop.join();
}

}  // namespace
}  // namespace podium

int main(int argc, char** argv) {
  auto number = [&](int at, int fallback) { return argc > at ? std::atoi(argv[at]) : fallback; };
  podium::BenchGateway(number(3, 200));
  podium::BenchTrials(number(1, 2000), number(2, 20));
  return 0;
}
