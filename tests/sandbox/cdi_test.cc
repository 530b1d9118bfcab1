#include "sandbox/gpu/cdi.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/files.h"
#include "base/json.h"
#include "sandbox/backends/oci/config.h"
#include "sandbox/gpu/soname.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;
using Kind = HostFile::Kind;

// As `nvidia-ctk cdi generate` writes it for two GPUs, shortened.
constexpr const char* kNvidia = R"(---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidiactl
  - path: /dev/nvidia-uvm
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - nvidia-cdi-hook
    - update-ldcache
    - --folder
    - /lib/x86_64-linux-gnu
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  mounts:
  - containerPath: /usr/lib/x86_64-linux-gnu/libcuda.so.535.54.03
    hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.535.54.03
    options:
    - ro
    - nosuid
    - nodev
    - bind
  - containerPath: /run/nvidia-persistenced/socket
    hostPath: /run/nvidia-persistenced/socket
    options: [ro, nosuid, nodev, bind, noexec]
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: "0"
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: GPU-3f2c
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia1
  name: "1"
kind: nvidia.com/gpu
)";

class CdiTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-cdi-test");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    dir_ = temp_->path() / "etc";
    ASSERT_TRUE(MakeDirs(dir_));
    Device("/dev/nvidia0", 195, 0);
    Device("/dev/nvidia1", 195, 1);
    Device("/dev/nvidiactl", 195, 255);
    Device("/dev/nvidia-uvm", 510, 0);
    const char* cuda = "/usr/lib/x86_64-linux-gnu/libcuda.so.535.54.03";
    host_[cuda] = {Kind::kFile, cuda, 0, 0, ""};
    const char* socket = "/run/nvidia-persistenced/socket";
    host_[socket] = {Kind::kOther, socket, 0, 0, ""};
  }

  void Device(const std::string& path, unsigned major, unsigned minor) {
    host_[path] = {Kind::kCharDevice, path, major, minor, ""};
  }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(dir_ / name, text));
    fs::permissions(dir_ / name, fs::perms(0644));
  }
  // A file of one device vendor.com/gpu=x with these edits, as JSON.
  void WriteEdits(const std::string& edits) {
    Write("v.json", R"({"cdiVersion": "0.6.0", "kind": "vendor.com/gpu",
"devices": [{"name": "x", "containerEdits": {
)" + edits + "}}]}");
  }

  Result<CdiRegistry> Read() {
    return CdiRegistry::Read(
        {.dirs = {dir_, temp_->path() / "run"}, .look = [this](const fs::path& path) {
           auto it = host_.find(path.string());
           return it == host_.end() ? HostFile{} : it->second;
         }});
  }
  Result<GpuDevices> Resolve(const std::vector<std::string>& names) {
    PODIUM_ASSIGN(auto registry, Read());
    return registry.Resolve(names);
  }
  // Why vendor.com/gpu=x with these edits is not given; "" if it is.
  std::string Refusal(const std::string& edits) {
    WriteEdits(edits);
    auto got = Resolve({"vendor.com/gpu=x"});
    return got ? "" : got.error().message;
  }

  std::optional<TempDir> temp_;
  fs::path dir_;
  std::map<std::string, HostFile> host_;
};

TEST_F(CdiTest, GivesWhatADriversFileNamesAndRunsNoHook) {
  Write("nvidia.yaml", kNvidia);
  auto got = Resolve({"nvidia.com/gpu=0"});
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->nodes.size(), 3u);
  EXPECT_EQ(got->nodes[2].inside, "/dev/nvidia0");
  EXPECT_EQ(got->nodes[2].major, 195u);
  EXPECT_EQ(got->nodes[2].minor, 0u);
  EXPECT_EQ(got->nodes[2].access, "rw");
  ASSERT_EQ(got->mounts.size(), 1u) << "a socket of the host's daemon is no driver's file";
  EXPECT_EQ(got->mounts[0].inside, "/usr/lib/x86_64-linux-gnu/libcuda.so.535.54.03");
  EXPECT_THAT(got->env, ElementsAre(Pair("NVIDIA_VISIBLE_DEVICES", "void")));
  EXPECT_THAT(got->left_out,
              UnorderedElementsAre("hook createContainer nvidia-cdi-hook update-ldcache",
                                   "mount of /run/nvidia-persistenced/socket"));
}

TEST_F(CdiTest, AllAndSeveralNamesGiveEachDeviceOnce) {
  Write("nvidia.yaml", kNvidia);
  EXPECT_EQ(Resolve({"nvidia.com/gpu=all"})->nodes.size(), 4u);
  auto two = Resolve({"nvidia.com/gpu=GPU-3f2c", "nvidia.com/gpu=0", "nvidia.com/gpu=1"});
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(two->nodes.size(), 4u);
}

TEST_F(CdiTest, AnUnknownNameSaysWhichThereAre) {
  EXPECT_THAT(Resolve({"nvidia.com/gpu=0"}).error().message, HasSubstr("nvidia-ctk cdi generate"));
  Write("nvidia.yaml", kNvidia);
  EXPECT_THAT(Resolve({"nvidia.com/gpu=7"}).error().message,
              HasSubstr("nvidia.com/gpu=0, nvidia.com/gpu=1, nvidia.com/gpu=GPU-3f2c"));
  EXPECT_THAT(Resolve({"amd.com/gpu=0"}).error().message, HasSubstr("there is no GPU"));
  EXPECT_THAT(Resolve({"amd.com/gpu=all"}).error().message, HasSubstr("there is no GPU"));
  for (const char* bad : {"0", "nvidia.com=0", "nvidia.com/gpu=", "nvidia.com/gpu=-", "/gpu=0",
                          "nvidia.com/gpu=a/b", "nvidia.com/gpu=../x", "1nvidia/gpu=0"})
    EXPECT_THAT(Resolve({bad}).error().message, HasSubstr("not the name of a GPU")) << bad;
}

TEST_F(CdiTest, TwoFilesOfOneFolderMayNotDescribeOneDevice) {
  Write("a.yaml", kNvidia);
  Write("b.yaml", kNvidia);
  auto got = Resolve({"nvidia.com/gpu=1"});
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("a.yaml:"));
  EXPECT_THAT(got.error().message, HasSubstr("b.yaml:"));
}

TEST_F(CdiTest, TheLaterFolderWins) {
  Write("nvidia.yaml", kNvidia);
  dir_ = temp_->path() / "run";
  ASSERT_TRUE(MakeDirs(dir_));
  Write("nvidia.json", R"({"cdiVersion": "0.3.0", "kind": "nvidia.com/gpu", "devices": [
    {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia1"}]}}]})");
  dir_ = temp_->path() / "etc";
  auto got = Resolve({"nvidia.com/gpu=0"});
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->nodes.size(), 1u);
  EXPECT_EQ(got->nodes[0].host, "/dev/nvidia1");
}

// U02: CVE-2025-23266 was a variable that reached a hook on the host.
TEST_F(CdiTest, U02_VariablesForTheLoaderAreDroppedAndHooksAreNotRun) {
  fs::path ran = temp_->path() / "ran";
  fs::path hook = temp_->path() / "hook";
  std::ofstream(hook) << "#!/bin/sh\ntouch " << ran.string() << "\n";
  fs::permissions(hook, fs::perms(0755));
  WriteEdits(R"("env": ["LD_PRELOAD=/proc/self/cwd/evil.so", "LD_LIBRARY_PATH=/x", "LD_AUDIT=/x",
    "GLIBC_TUNABLES=x", "PYTHONSTARTUP=/x", "PATH=/x", "BASH_ENV=/x", "CUDA_INJECTION64_PATH=/x",
    "NVIDIA_DRIVER_CAPABILITIES=compute", "CUDA_DISABLE_PERF_BOOST=1"],
    "deviceNodes": [{"path": "/dev/nvidia0"}],
    "hooks": [{"hookName": "createContainer", "path": ")" +
             hook.string() + R"(", "args": ["hook", "enable-cuda-compat"],
               "env": ["LD_PRELOAD=/x"]}])");
  auto got = Resolve({"vendor.com/gpu=x"});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_THAT(got->env, ElementsAre(Pair("NVIDIA_DRIVER_CAPABILITIES", "compute"),
                                    Pair("CUDA_DISABLE_PERF_BOOST", "1")));
  EXPECT_THAT(got->left_out, Contains("hook createContainer hook enable-cuda-compat"));
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES", "PATH",
                           "PYTHONSTARTUP", "BASH_ENV", "CUDA_INJECTION64_PATH"})
    EXPECT_THAT(got->left_out, Contains(std::string("variable ") + name));

  SandboxSpec spec;
  spec.id = "t";
  spec.gpus = *got;
  auto config = MakeOciConfig(HostPaths::For(temp_->path(), "t"), spec, 100'000,
                              R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []})", false);
  ASSERT_TRUE(config) << config.error().message;
  Json json = *ParseJson(*config, "config.json");
  EXPECT_FALSE(json.contains("hooks"));
  EXPECT_THAT(*config, Not(HasSubstr("LD_PRELOAD")));
  EXPECT_THAT(json["process"]["env"], Contains(Json("NVIDIA_DRIVER_CAPABILITIES=compute")));
  IsolationRecord record;
  DescribeIsolation(spec, "ext4", record);
  EXPECT_THAT(record.enforced, Contains(Pair("devices", HasSubstr("and GPU vendor.com/gpu=x"))));
  EXPECT_THAT(record.enforced, Contains(Pair("gpu", HasSubstr("hook createContainer hook"))));
  EXPECT_FALSE(fs::exists(ran));
}

TEST_F(CdiTest, TheDeviceGroupAllowsExactlyTheNumbersOfTheNodes) {
  Write("nvidia.yaml", kNvidia);
  SandboxSpec spec;
  spec.id = "t";
  spec.gpus = *Resolve({"nvidia.com/gpu=1"});
  auto config = MakeOciConfig(HostPaths::For(temp_->path(), "t"), spec, 100'000,
                              R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []})", false);
  ASSERT_TRUE(config) << config.error().message;
  Json json = *ParseJson(*config, "config.json");
  Json rules = json["linux"]["resources"]["devices"];
  ASSERT_EQ(rules.size(), 4u);
  EXPECT_EQ(rules[0], Json::parse(R"({"allow": false, "access": "rwm"})"));
  EXPECT_THAT(rules, Contains(Json::parse(
                         R"({"allow": true, "type": "c", "major": 195, "minor": 1,
                             "access": "rw"})")));
  for (const auto& rule : rules)
    EXPECT_FALSE(rule["allow"] && rule["minor"] == 0 && rule["major"] == 195);
  Json library;
  for (const auto& mount : json["mounts"]) {
    if (mount["destination"] == "/usr/lib/x86_64-linux-gnu/libcuda.so.535.54.03") library = mount;
  }
  for (const char* option : {"bind", "ro", "nosuid", "nodev"})
    EXPECT_THAT(library["options"], Contains(Json(option)));
}

// U03: CVE-2025-23267 was a link that led a hook elsewhere.
TEST_F(CdiTest, U03_LinksDoNotLeadToOtherFilesOfTheHost) {
  for (const char* real : {"/root/.ssh/id_rsa", "/proc/1/environ", "/etc/shadow", "/home/x/lib.so",
                           "/var/lib/docker/x", "/tmp/x", "/run/docker.sock", "/usr2/lib/x"}) {
    host_["/usr/lib/libcuda.so.1"] = {Kind::kFile, real, 0, 0, ""};
    auto why = Refusal(
        R"("mounts": [{"hostPath": "/usr/lib/libcuda.so.1", "containerPath": "/usr/lib/l.so"}])");
    EXPECT_THAT(why, HasSubstr("v.json:3")) << real;
    EXPECT_THAT(why, HasSubstr(real));
  }
  for (const char* folder : {"/", "/usr", "/etc", "/usr/lib"}) {
    host_["/opt/driver"] = {Kind::kFolder, folder, 0, 0, ""};
    EXPECT_THAT(Refusal(R"("mounts": [{"hostPath": "/opt/driver", "containerPath": "/opt/d"}])"),
                HasSubstr("is not shown"))
        << folder;
  }
  host_["/dev/gpu"] = {Kind::kCharDevice, "/dev/sda", 8, 0, ""};
  EXPECT_THAT(Refusal(R"("deviceNodes": [{"path": "/dev/gpu"}])"), HasSubstr("a link to /dev/sda"));
  // What is bound is the end of the links as it was looked at, not a name that may change.
  host_["/usr/lib/libcuda.so.1"] = {Kind::kFile, "/usr/lib/libcuda.so.535", 0, 0, ""};
  WriteEdits(
      R"("mounts": [{"hostPath": "/usr/lib/libcuda.so.1", "containerPath": "/usr/lib/l.so"}])");
  auto got = Resolve({"vendor.com/gpu=x"});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->mounts[0].host, "/usr/lib/libcuda.so.535");
}

TEST_F(CdiTest, LookingAtTheHostFollowsEveryLink) {
  fs::path base = fs::canonical(temp_->path());
  std::ofstream(base / "file") << "x";
  fs::create_symlink("file", base / "link");
  fs::create_directory_symlink(base, base / "dir");
  EXPECT_EQ(LookAtHost(base / "dir" / "link").real, base / "file");
  EXPECT_EQ(LookAtHost(base / "dir" / "link").kind, Kind::kFile);
  EXPECT_EQ(LookAtHost(base / "none").kind, Kind::kMissing);
  HostFile null = LookAtHost("/dev/null");
  EXPECT_EQ(null.kind, Kind::kCharDevice);
  EXPECT_EQ(null.major, 1u);
  EXPECT_EQ(null.minor, 3u);
}

// What the hook update-ldcache is for.
TEST_F(CdiTest, LibrariesAreFoundUnderTheNameThatProgramsAskFor) {
  Write("nvidia.yaml", kNvidia);
  const std::string dir = "/usr/lib/x86_64-linux-gnu/";
  host_[dir + "libcuda.so.535.54.03"].soname = "libcuda.so.1";
  auto got = Resolve({"nvidia.com/gpu=0"});
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->mounts.size(), 2u);
  EXPECT_EQ(got->mounts[1].inside, dir + "libcuda.so.1");
  EXPECT_EQ(got->mounts[1].host, dir + "libcuda.so.535.54.03");
  // A file's own word about that name stands.
  host_["/usr/lib/other.so"] = {Kind::kFile, "/usr/lib/other.so", 0, 0, ""};
  WriteEdits(R"("mounts": [{"hostPath": ")" + dir + R"(libcuda.so.535.54.03",
      "containerPath": ")" +
             dir + R"(libcuda.so.535.54.03"},
    {"hostPath": "/usr/lib/other.so", "containerPath": ")" +
             dir + R"(libcuda.so.1"}])");
  auto own = Resolve({"vendor.com/gpu=x"});
  ASSERT_TRUE(own) << own.error().message;
  ASSERT_EQ(own->mounts.size(), 2u);
  EXPECT_EQ(own->mounts[1].host, "/usr/lib/other.so");
}

TEST_F(CdiTest, TheNameOfALibraryIsReadFromTheFile) {
  Dl_info info{};
  ASSERT_NE(::dladdr(reinterpret_cast<void*>(&::getpid), &info), 0);
  EXPECT_EQ(ReadSoname(info.dli_fname), "libc.so.6");
  EXPECT_EQ(LookAtHost(info.dli_fname).soname, "libc.so.6");
  std::string bytes = *ReadFile(info.dli_fname);
  for (std::size_t length : {std::size_t{0}, std::size_t{40}, std::size_t{64}, std::size_t{500}}) {
    std::ofstream(temp_->path() / "cut.so", std::ios::trunc) << bytes.substr(0, length);
    EXPECT_EQ(ReadSoname(temp_->path() / "cut.so"), "") << length;
  }
  EXPECT_EQ(ReadSoname(temp_->path() / "none.so"), "");
}

TEST_F(CdiTest, NothingIsShownOverASandboxsOwnPlaces) {
  host_["/usr/lib/x.so"] = {Kind::kFile, "/usr/lib/x.so", 0, 0, ""};
  for (const char* at :
       {"/", "/proc", "/proc/sys/kernel", "/sys/fs", "/dev", "/dev/null", "/home/agent/.bashrc",
        "/home", "/tmp/x", "/.podium-init", "/.podium", "/.podium/host", "/etc/passwd"})
    EXPECT_THAT(Refusal(R"("mounts": [{"hostPath": "/usr/lib/x.so", "containerPath": ")" +
                        std::string(at) + "\"}]"),
                HasSubstr("a sandbox's own"))
        << at;
  for (const char* at : {"/dev", "/dev/null", "/dev/pts/0", "/dev/shm", "/devices", "/usr/gpu0"})
    EXPECT_THAT(Refusal(R"("deviceNodes": [{"hostPath": "/dev/nvidia0", "path": ")" +
                        std::string(at) + "\"}]"),
                HasSubstr("a device cannot be at"))
        << at;
}

TEST_F(CdiTest, NodesMustBeTheDevicesThatTheFileSays) {
  host_["/dev/file"] = {Kind::kFile, "/dev/file", 0, 0, ""};
  host_["/dev/disk"] = {Kind::kBlockDevice, "/dev/disk", 8, 0, ""};
  Device("/dev/memory", 1, 1);
  auto node = [&](const std::string& fields) {
    return Refusal("\"deviceNodes\": [{" + fields + "}]");
  };
  EXPECT_THAT(node(R"("path": "/dev/file")"), HasSubstr("v.json:3: /dev/file is not a device"));
  EXPECT_THAT(node(R"("path": "/dev/none")"), HasSubstr("does not exist"));
  EXPECT_THAT(node(R"("path": "/dev/disk", "type": "b")"), HasSubstr("no disk"));
  EXPECT_THAT(node(R"("path": "/dev/disk")"), HasSubstr("no disk"));
  EXPECT_THAT(node(R"("path": "/dev/memory")"), HasSubstr("never given"));
  EXPECT_THAT(node(R"("path": "/dev/nvidia1", "major": 195, "minor": 2)"),
              HasSubstr("is device 195:1, not 195:2"));
  EXPECT_THAT(node(R"("path": "/dev/nvidia1", "permissions": "m")"), HasSubstr("read or write"));
  EXPECT_THAT(node(R"("path": "/dev/nvidia1", "permissions": "rx")"), HasSubstr("made of r, w"));
  EXPECT_EQ(node(R"("path": "/dev/g", "hostPath": "/dev/nvidia1", "type": "c", "major": 195,
                    "minor": 1, "permissions": "rwm", "fileMode": 438, "uid": 0, "gid": 0)"),
            "");
}

TEST_F(CdiTest, AFileThatIsNotWellFormedIsAnErrorWithItsPlace) {
  const std::pair<const char*, const char*> kBad[] = {
      {R"("env": ["NOVALUE"])", "NAME=VALUE"},
      {R"("env": ["=x"])", "NAME=VALUE"},
      {R"("mounts": [{"hostPath": "usr/x", "containerPath": "/usr/x"}])", "absolute path"},
      {R"("mounts": [{"hostPath": "/usr/x", "containerPath": "x"}])", "absolute path"},
      {R"("mounts": [{"hostPath": "/usr/x", "containerPath": "/usr/../proc"}])", "absolute path"},
      {R"("mounts": [{"hostPath": "/usr/x", "containerPath": "/usr//x"}])", "absolute path"},
      {R"("mounts": [{"hostPath": "/usr/x"}])", "'containerPath' is missing"},
      {R"("mounts": [{"hostPath": "/usr/x", "containerPath": "/usr/x", "type": "tmpfs"}])",
       "tmpfs"},
      {R"("mounts": [{"hostPath": "/usr/x", "containerPath": "/usr/x", "options": ["idmap"]}])",
       "unknown mount option"},
      {R"("deviceNodes": [{"path": "/dev/nvidia0", "type": "p"}])", "must be c, u or b"},
      {R"("deviceNodes": [{"path": "/dev/nvidia0", "minor": -1}])", "'minor'"},
      {R"("deviceNode": [])", "unknown key 'deviceNode'"},
      {R"("hooks": [{"hookName": "prestart", "path": "../x"}])", "absolute path"}};
  for (const auto& [edits, why] : kBad) {
    auto message = Refusal(edits);
    EXPECT_THAT(message, HasSubstr(why)) << edits;
    EXPECT_THAT(message, HasSubstr("v.json:")) << edits;
  }
  for (const char* version : {"0.2.0", "0.9.0", "1.0.0", "0.6", "x"}) {
    Write("v.json", R"({"cdiVersion": ")" + std::string(version) +
                        R"(", "kind": "v.com/g", "devices": [{"name": "x"}]})");
    EXPECT_THAT(Read().error().message, HasSubstr("0.3.0 to 0.8.0")) << version;
  }
  for (const char* kind : {"gpu", "v.com/", "/g", "v.com/g/x", "v com/g"}) {
    Write("v.json", R"({"cdiVersion": "0.6.0", "kind": ")" + std::string(kind) +
                        R"(", "devices": [{"name": "x"}]})");
    EXPECT_THAT(Read().error().message, HasSubstr("vendor.com/class")) << kind;
  }
  Write("v.json", R"({"cdiVersion": "0.6.0", "kind": "v.com/g", "devices": [
    {"name": "x"}, {"name": "x"}]})");
  EXPECT_THAT(Read().error().message, HasSubstr("was there before"));
}

TEST_F(CdiTest, OnlyAnAdministratorMayWriteTheFiles) {
  Write("nvidia.yaml", kNvidia);
  fs::permissions(dir_ / "nvidia.yaml", fs::perms(0646));
  EXPECT_THAT(Read().error().message, HasSubstr("chmod go-w"));
}

TEST_F(CdiTest, TwoTrialsWithOneGpuAreSeenWhateverItsName) {
  Write("nvidia.yaml", kNvidia);
  auto zero = *Resolve({"nvidia.com/gpu=0"}), one = *Resolve({"nvidia.com/gpu=1"});
  auto id = *Resolve({"nvidia.com/gpu=GPU-3f2c"}), all = *Resolve({"nvidia.com/gpu=all"});
  EXPECT_TRUE(ShareGpu(zero, zero));
  EXPECT_TRUE(ShareGpu(zero, id));
  EXPECT_TRUE(ShareGpu(all, one));
  EXPECT_FALSE(ShareGpu(zero, one)) << "nvidiactl and nvidia-uvm belong to all";
  EXPECT_FALSE(ShareGpu(zero, {}));
  auto slice = [](const char* name, const char* cap) {
    GpuDevices out;
    out.devices = {{name, {"/dev/nvidia0", cap}}};
    return out;
  };
  auto a = slice("nvidia.com/gpu=0:0", "/dev/nvidia-caps/nvidia-cap30");
  auto b = slice("nvidia.com/gpu=0:1", "/dev/nvidia-caps/nvidia-cap39");
  EXPECT_FALSE(ShareGpu(a, b)) << "two slices of one GPU";
  EXPECT_TRUE(ShareGpu(a, zero)) << "a slice and the whole of it";
}

}  // namespace
}  // namespace podium::sandbox
