#include "sandbox/gpu/cdi.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/gpu/soname.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFile = 4 << 20;

bool IsIn(std::string_view path, std::string_view dir) {
  return path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/');
}

template <class List>
bool IsInOneOf(std::string_view path, const List& dirs) {
  return std::ranges::any_of(dirs, [&](std::string_view dir) { return IsIn(path, dir); });
}

// Reads what only an administrator can have written: these files decide what a sandbox may touch.
Result<std::string> ReadTrusted(const fs::path& file) {
  struct stat st {};
  if (::stat(file.c_str(), &st) != 0)
    return FailErrno(ErrorCode::kIo, "cannot read " + file.string(), errno);
  if (!S_ISREG(st.st_mode)) return Fail(ErrorCode::kConfig, file.string() + " is no regular file");
  if ((st.st_uid != 0 && st.st_uid != ::geteuid()) || (st.st_mode & 022) != 0)
    return Fail(ErrorCode::kConfig, file.string() +
                                        " decides which devices a sandbox gets, and others than "
                                        "its administrator may write it: chown root, chmod go-w");
  return ReadFile(file, kMaxFile);
}

Result<std::vector<fs::path>> SpecFiles(const fs::path& dir) {
  std::vector<fs::path> out;
  std::error_code ec;
  if (!fs::exists(dir, ec)) return out;
  for (fs::directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) {
    auto extension = it->path().extension();
    if (extension == ".json" || extension == ".yaml") out.push_back(it->path());
  }
  if (ec) return FailErrno(ErrorCode::kIo, "cannot list " + dir.string(), ec.value());
  std::ranges::sort(out);
  return out;
}

tl::unexpected<Error> Wrong(const std::string& place, const std::string& why) {
  return Fail(ErrorCode::kConfig, place + ": " + why);
}

// What programs for GPUs are told by their drivers' files. Everything else is dropped: LD_PRELOAD
// and its like would choose what every program of the agent loads.
bool IsKeptVariable(std::string_view name) {
  static constexpr std::array kPrefixes = {"NVIDIA_", "CUDA_", "NCCL_", "ROCR_",  "HIP_",
                                           "HSA_",    "GPU_",  "ZE_",   "ONEAPI_"};
  if (name.find("INJECTION") != std::string_view::npos || name.find("PRELOAD") != name.npos ||
      name.ends_with("_PATH") || name.ends_with("_LIB") || name.ends_with("_TOOLS"))
    return false;  // names of libraries to load
  return std::ranges::any_of(kPrefixes, [&](const char* p) { return name.starts_with(p); });
}

// Collects what edits ask for, each piece checked, none twice.
class Granter {
 public:
  explicit Granter(const std::function<HostFile(const fs::path&)>& look) : look_(look) {}

  Status Add(const CdiEdits& edits) {
    for (const auto& node : edits.nodes) PODIUM_TRY(AddNode(node));
    for (const auto& mount : edits.mounts) PODIUM_TRY(AddMount(mount));
    for (const auto& variable : edits.env) AddVariable(variable);
    for (const auto& hook : edits.hooks) LeaveOut("hook " + hook);
    for (const auto& what : edits.ignored) LeaveOut(what);
    return {};
  }
  GpuDevices& out() { return out_; }

  // What a hook would run ldconfig on the host for: a library is found beside itself under the name
  // that programs ask for ("libcuda.so.1"), unless a file names something there.
  void AddSonames() {
    for (auto& mount : sonames_) {
      if (std::ranges::find(out_.mounts, mount.inside, &GpuDevices::Mount::inside) ==
          out_.mounts.end())
        out_.mounts.push_back(std::move(mount));
    }
  }

 private:
  void LeaveOut(const std::string& what) {
    if (std::ranges::find(out_.left_out, what) == out_.left_out.end())
      out_.left_out.push_back(what);
  }

  Status AddNode(const CdiEdits::Node& node) {
    static constexpr std::array kOwn = {
        "/dev/null",  "/dev/zero", "/dev/full",   "/dev/random", "/dev/urandom", "/dev/tty",
        "/dev/ptmx",  "/dev/pts",  "/dev/shm",    "/dev/mqueue", "/dev/console", "/dev/fd",
        "/dev/stdin", "/dev/core", "/dev/stdout", "/dev/stderr"};
    if (!IsIn(node.path, "/dev") || node.path == "/dev" || IsInOneOf(node.path, kOwn))
      return Wrong(node.place, "a device cannot be at " + node.path +
                                   " in a sandbox: below /dev, and not one of a sandbox's own");
    HostFile file = look_(node.host);
    if (file.kind == HostFile::Kind::kMissing)
      return Wrong(node.place,
                   node.host + " does not exist: load the driver, or generate the file again");
    if (file.real != node.host)
      return Wrong(node.place, node.host + " is, or lies behind, a link to " + file.real.string() +
                                   ": name the device itself");
    if (node.type == 'b' || file.kind == HostFile::Kind::kBlockDevice)
      return Wrong(node.place, node.host + " is a block device: a sandbox is given no disk");
    if (file.kind != HostFile::Kind::kCharDevice)
      return Wrong(node.place, node.host + " is not a device node");
    if (node.major.value_or(file.major) != file.major ||
        node.minor.value_or(file.minor) != file.minor)
      return Wrong(node.place,
                   node.host + " is device " + Number(file.major, file.minor) + ", not " +
                       Number(node.major.value_or(file.major), node.minor.value_or(file.minor)) +
                       ": generate the file again");
    // Of major 1: mem, kmem, port and kmsg are the host itself.
    if (file.major == 1 &&
        (file.minor == 1 || file.minor == 2 || file.minor == 4 || file.minor == 11))
      return Wrong(node.place, node.host + " is the host's memory, ports or log: never given");
    GpuDevices::Node made{node.host, node.path, file.major, file.minor, ""};
    for (char c : {'r', 'w'}) {
      if (node.permissions.find(c) != std::string::npos) made.access += c;
    }
    if (made.access.empty())
      return Wrong(node.place, "'permissions' of " + node.path + " must allow to read or write");
    auto same = std::ranges::find(out_.nodes, made.inside, &GpuDevices::Node::inside);
    if (same == out_.nodes.end()) {
      out_.nodes.push_back(std::move(made));
    } else if (same->host != made.host || same->access != made.access) {
      return Wrong(node.place, node.path + " stands for two devices: " + same->host.string() +
                                   " and " + node.host);
    }
    return {};
  }

  static std::string Number(unsigned major, unsigned minor) {
    return std::to_string(major) + ":" + std::to_string(minor);
  }

  Status AddMount(const CdiEdits::Mount& mount) {
    static constexpr std::array kOwn = {"/proc", "/sys",     "/dev",        "/home",
                                        "/tmp",  "/var/tmp", "/etc/passwd", "/etc/group"};
    if (mount.path == "/" || IsInOneOf(mount.path, kOwn) || mount.path.starts_with("/.podium"))
      return Wrong(mount.place, "nothing of the host is shown at " + mount.path +
                                    ": that place is a sandbox's own");
    HostFile file = look_(mount.host);
    switch (file.kind) {
      case HostFile::Kind::kMissing:
        return Wrong(mount.place, mount.host +
                                      " does not exist: generate the file again, with the driver "
                                      "that is loaded");
      case HostFile::Kind::kCharDevice:
      case HostFile::Kind::kBlockDevice:
        return Wrong(mount.place, mount.host + " is a device: name it among the deviceNodes");
      case HostFile::Kind::kOther:  // a socket leads to a daemon of the host
        LeaveOut("mount of " + mount.host);
        return {};
      default:
        break;
    }
    PODIUM_TRY(CheckSource(mount, file));
    bool noexec = std::ranges::find(mount.options, "noexec") != mount.options.end();
    auto same = std::ranges::find(out_.mounts, mount.path, &GpuDevices::Mount::inside);
    if (same == out_.mounts.end()) {
      out_.mounts.push_back({file.real, mount.path, noexec});
      if (!file.soname.empty())
        sonames_.push_back(
            {file.real, (fs::path(mount.path).parent_path() / file.soname).string(), noexec});
    } else if (same->host != file.real) {
      return Wrong(mount.place, mount.path + " stands for two files: " + same->host.string() +
                                    " and " + file.real.string());
    }
    return {};
  }

  // Drivers lie where distributions put programs and libraries; whatever the links on the way, the
  // end must lie there too.
  static Status CheckSource(const CdiEdits::Mount& mount, const HostFile& file) {
    static constexpr std::array kRoots = {"/usr", "/lib", "/lib32", "/lib64", "/opt", "/etc"};
    std::string real = file.real.string();
    auto slashes = std::ranges::count(real, '/');
    bool deep =
        file.kind == HostFile::Kind::kFolder || IsIn(real, "/etc") ? slashes >= 3 : slashes >= 2;
    if (IsInOneOf(real, kRoots) && deep) return {};
    return Wrong(mount.place,
                 mount.host + (real == mount.host ? " " : ", a link to " + real + ", ") +
                     "is not shown in a sandbox: drivers lie in a folder of /usr, /lib, /opt or "
                     "of /etc");
  }

  void AddVariable(const CdiEdits::Variable& variable) {
    if (!IsKeptVariable(variable.name)) return LeaveOut("variable " + variable.name);
    auto same =
        std::ranges::find(out_.env, variable.name, &std::pair<std::string, std::string>::first);
    if (same == out_.env.end()) {
      out_.env.emplace_back(variable.name, variable.value);
    } else {
      same->second = variable.value;  // the device's own after its file's
    }
  }

  const std::function<HostFile(const fs::path&)>& look_;
  GpuDevices out_;
  std::vector<GpuDevices::Mount> sonames_;
};

}  // namespace

std::vector<std::string> GpuDevices::Names() const {
  std::vector<std::string> out;
  for (const auto& device : devices) out.push_back(device.name);
  return out;
}

bool ShareGpu(const GpuDevices& a, const GpuDevices& b) {
  auto within = [](const std::vector<std::string>& few, const std::vector<std::string>& many) {
    return !few.empty() && std::ranges::all_of(few, [&](const std::string& node) {
      return std::ranges::find(many, node) != many.end();
    });
  };
  return std::ranges::any_of(a.devices, [&](const GpuDevices::Device& x) {
    return std::ranges::any_of(b.devices, [&](const GpuDevices::Device& y) {
      return x.name == y.name || within(x.nodes, y.nodes) || within(y.nodes, x.nodes);
    });
  });
}

HostFile LookAtHost(const fs::path& path) {
  HostFile out;
  std::error_code ec;
  out.real = fs::canonical(path, ec);
  struct stat st {};
  if (ec || ::lstat(out.real.c_str(), &st) != 0) return out;
  using Kind = HostFile::Kind;
  out.kind = S_ISREG(st.st_mode)   ? Kind::kFile
             : S_ISDIR(st.st_mode) ? Kind::kFolder
             : S_ISCHR(st.st_mode) ? Kind::kCharDevice
             : S_ISBLK(st.st_mode) ? Kind::kBlockDevice
                                   : Kind::kOther;
  out.major = ::major(st.st_rdev);
  out.minor = ::minor(st.st_rdev);
  if (out.kind == Kind::kFile && out.real.filename().string().find(".so") != std::string::npos)
    out.soname = ReadSoname(out.real);
  return out;
}

Result<CdiRegistry> CdiRegistry::Read(Options options) {
  CdiRegistry out;
  for (std::size_t i = 0; i < options.dirs.size(); ++i) {
    PODIUM_ASSIGN(auto files, SpecFiles(options.dirs[i]));
    for (const auto& file : files) {
      PODIUM_ASSIGN(auto text, ReadTrusted(file));
      PODIUM_ASSIGN(auto spec, ParseCdiSpec(text, file.string()));
      out.sources_.push_back({std::move(spec), file.string(), i});
    }
  }
  out.options_ = std::move(options);
  return out;
}

std::vector<std::string> CdiRegistry::Names() const {
  std::set<std::string> out;
  for (const auto& source : sources_) {
    for (const auto& device : source.spec.devices) out.insert(source.spec.kind + "=" + device.name);
  }
  return {out.begin(), out.end()};
}

Result<CdiRegistry::Chosen> CdiRegistry::Find(const std::string& kind,
                                              const std::string& name) const {
  Chosen out;
  for (const auto& source : sources_) {
    if (source.spec.kind != kind) continue;
    for (const auto& device : source.spec.devices) {
      if (device.name != name) continue;
      if (out.source && out.source->dir == source.dir)
        return Fail(ErrorCode::kConfig, kind + "=" + name + " is described twice, at " +
                                            out.device->place + " and " + device.place +
                                            ": remove one of the files");
      out = {&source, &device};
    }
  }
  return out;
}

Result<std::vector<CdiRegistry::Chosen>> CdiRegistry::FindAll(const std::string& qualified) const {
  PODIUM_ASSIGN(auto split, SplitCdiName(qualified));
  const auto& [kind, name] = split;
  PODIUM_ASSIGN(auto chosen, Find(kind, name));
  if (chosen.device) return std::vector<Chosen>{chosen};
  std::vector<Chosen> out;
  auto names = Names();
  for (const auto& known : names) {
    if (name != "all" || !known.starts_with(kind + "=")) continue;
    PODIUM_ASSIGN(auto one, Find(kind, known.substr(kind.size() + 1)));
    out.push_back(one);
  }
  if (!out.empty()) return out;
  std::vector<std::string> dirs;
  for (const auto& dir : options_.dirs) dirs.push_back(dir.string());
  std::string where = Join(dirs, " and ");
  return Fail(ErrorCode::kNotFound,
              "there is no GPU '" + qualified + "'." + Suggest(qualified, names) +
                  (names.empty() ? " No file in " + where +
                                       " describes one: `nvidia-ctk cdi generate "
                                       "--output=/etc/cdi/nvidia.yaml` writes it"
                                 : " " + where + " describe " + Join(names, ", ")));
}

Result<GpuDevices> CdiRegistry::Resolve(const std::vector<std::string>& names) const {
  Granter granter(options_.look);
  std::set<const CdiSpec*> begun;
  for (const auto& name : names) {
    auto known = granter.out().Names();
    if (std::ranges::find(known, name) != known.end()) continue;
    PODIUM_ASSIGN(auto all, FindAll(name));
    GpuDevices::Device device{name, {}};
    for (const auto& chosen : all) {
      if (begun.insert(&chosen.source->spec).second)
        PODIUM_TRY(granter.Add(chosen.source->spec.edits));
      PODIUM_TRY(granter.Add(chosen.device->edits));
      for (const auto& node : chosen.device->edits.nodes) device.nodes.push_back(node.host);
    }
    granter.out().devices.push_back(std::move(device));
  }
  granter.AddSonames();
  return std::move(granter.out());
}

}  // namespace podium::sandbox
