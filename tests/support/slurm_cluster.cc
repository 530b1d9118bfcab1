#include "tests/support/slurm_cluster.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/clock.h"
#include "base/process.h"
#include "base/text.h"

namespace podium::tests {
namespace {

namespace fs = std::filesystem;

int FreePort() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), any, size) != 0 || ::getsockname(fd.get(), any, &size) != 0) return 0;
  return ntohs(address.sin_port);
}

std::string HostName() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  std::string whole = name;
  return whole.substr(0, whole.find('.'));
}

void End(pid_t& pid, int signal) {
  if (pid <= 0) return;
  ::kill(pid, signal);
  for (int i = 0; i < 100 && ::waitpid(pid, nullptr, WNOHANG) == 0; ++i)
    std::this_thread::sleep_for(Millis(50));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  pid = -1;
}

// Every process whose environment names this job, and this node of the cluster.
std::vector<pid_t> ProcessesOf(const std::string& node) {
  std::vector<pid_t> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/proc", ec)) {
    std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    auto environment = ReadFile(entry.path() / "environ", 1 << 20);
    std::string mark = std::string(1, '\0') + "SLURMD_NODENAME=" + node + std::string(1, '\0');
    if (environment && environment->find(mark) != std::string::npos)
      out.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return out;
}

}  // namespace

Status SlurmCluster::WriteConfiguration(int nodes) const {
  std::string at = dir_.path().string(), host = HostName();
  std::string text =
      "ClusterName=podium\nSlurmctldHost=" + host +
      "\nSlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\nAuthInfo=socket=" + at +
      "/munge.sock\nCredType=cred/munge\nStateSaveLocation=" + at + "/state\nSlurmdSpoolDir=" + at +
      "/spool-%n\nSlurmctldPidFile=" + at + "/ctld.pid\nSlurmdPidFile=" + at +
      "/d-%n.pid\nSlurmctldPort=" + std::to_string(FreePort()) +
      "\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
      "SwitchType=switch/none\nMpiDefault=none\nReturnToService=2\n"
      "SlurmdTimeout=10\nKillWait=30\nSelectType=select/cons_tres\n"
      "SelectTypeParameters=CR_Core_Memory\nJobRequeue=1\n"
      "SlurmdParameters=config_overrides\n";
  for (int i = 0; i < nodes; ++i) {
    std::string name = "n" + std::to_string(i);
    text += "NodeName=" + name + " NodeHostname=" + host +
            " NodeAddr=127.0.0.1 Port=" + std::to_string(FreePort()) +
            " CPUs=2 RealMemory=8000 State=UNKNOWN\n";
    PODIUM_TRY(MakeDirs(dir_.path() / ("spool-" + name)));
  }
  text += "PartitionName=main Nodes=n[0-" + std::to_string(nodes - 1) +
          "] Default=YES MaxTime=INFINITE State=UP\n";
  PODIUM_TRY(MakeDirs(dir_.path() / "state"));
  PODIUM_TRY(WriteFileAtomic(dir_.path() / "munge.key", std::string(1024, 'k')));
  fs::permissions(dir_.path() / "munge.key", fs::perms(0600));
  // Ordinary users of the host ask it too.
  fs::permissions(dir_.path(), fs::perms(0755));
  return WriteFileAtomic(dir_.path() / "slurm.conf", text);
}

Result<pid_t> SlurmCluster::Spawn(std::vector<std::string> command) const {
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string log = (dir_.path() / "log").string(),
              conf = "SLURM_CONF=" + dir_.path().string() + "/slurm.conf";
  std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {conf.data(), path.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return FailErrno(ErrorCode::kUnavailable, "cannot run " + command[0], error);
  return pid;
}

Status SlurmCluster::StartAll(int nodes) {
  std::string at = dir_.path().string(), conf = at + "/slurm.conf";
  PODIUM_ASSIGN(munge_, Spawn({"/usr/sbin/munged", "--foreground", "--force",
                               "--key-file=" + at + "/munge.key", "--socket=" + at + "/munge.sock",
                               "--pid-file=" + at + "/munged.pid",
                               "--log-file=" + at + "/munged.log", "--seed-file=" + at + "/seed"}));
  for (int i = 0; i < 100 && !fs::exists(at + "/munge.sock"); ++i)
    std::this_thread::sleep_for(Millis(50));
  PODIUM_ASSIGN(controller_, Spawn({"/usr/sbin/slurmctld", "-D", "-f", conf}));
  for (int i = 0; i < nodes; ++i) {
    PODIUM_ASSIGN(auto node,
                  Spawn({"/usr/sbin/slurmd", "-D", "-N", "n" + std::to_string(i), "-f", conf}));
    nodes_.push_back(node);
  }
  for (int i = 0; i < 300; ++i) {
    if (Run({"sinfo", "-h", "-t", "idle", "-o", "%D"}) == std::to_string(nodes) + "\n") return {};
    std::this_thread::sleep_for(Millis(200));
  }
  return Fail(ErrorCode::kUnavailable,
              "Slurm does not come up: " + ReadFile(dir_.path() / "log", 1 << 20).value_or(""));
}

Result<std::unique_ptr<SlurmCluster>> SlurmCluster::Start(int nodes) {
  for (const char* program :
       {"/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch"}) {
    if (!fs::exists(program))
      return Fail(ErrorCode::kUnavailable, std::string(program) + " is not installed");
  }
  PODIUM_ASSIGN(auto dir, TempDir::Make("podium-slurm"));
  std::unique_ptr<SlurmCluster> out(new SlurmCluster(std::move(dir)));
  PODIUM_TRY(out->WriteConfiguration(nodes));
  PODIUM_TRY(out->StartAll(nodes));
  return out;
}

SlurmCluster::~SlurmCluster() {
  Run({"scancel", "--state=RUNNING"});
  Run({"scancel", "--state=PENDING"});
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    for (pid_t pid : ProcessesOf("n" + std::to_string(i))) ::kill(pid, SIGKILL);
  }
  for (pid_t& node : nodes_) End(node, SIGTERM);
  End(controller_, SIGTERM);
  End(munge_, SIGTERM);
}

std::map<std::string, std::string> SlurmCluster::Environment() const {
  return {{"SLURM_CONF", (dir_.path() / "slurm.conf").string()}};
}

std::string SlurmCluster::Run(std::vector<std::string> command) const {
  ProcessSpec spec;
  spec.argv = std::move(command);
  spec.env = {{"SLURM_CONF", (dir_.path() / "slurm.conf").string()}, {"PATH", "/usr/bin:/bin"}};
  auto done = RunProcess(spec, Deadline::In(std::chrono::seconds(30)));
  return done && done->ok() ? done->out : "";
}

void SlurmCluster::LoseNode(int node) {
  pid_t& daemon = nodes_.at(static_cast<std::size_t>(node));
  ::kill(daemon, SIGKILL);
  ::waitpid(daemon, nullptr, 0);
  daemon = -1;
  for (pid_t pid : ProcessesOf("n" + std::to_string(node))) ::kill(pid, SIGKILL);
}

std::vector<std::string> SlurmCluster::JobsOn(int node) const {
  std::vector<std::string> out;
  std::string text =
      Run({"squeue", "-h", "-t", "R", "-w", "n" + std::to_string(node), "-o", "%F_%K"});
  for (auto line : Split(text, '\n')) {
    if (!line.empty()) out.emplace_back(line);
  }
  return out;
}

}  // namespace podium::tests
