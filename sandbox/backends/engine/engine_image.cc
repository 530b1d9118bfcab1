#include "sandbox/backends/engine/engine_image.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/digest.h"
#include "base/files.h"
#include "sandbox/host/mounts.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// A tar of a folder, read through a pipe.
class TarStream {
 public:
  static Result<std::unique_ptr<TarStream>> Of(const fs::path& dir) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno(ErrorCode::kIo, "pipe", errno);
    auto out = std::make_unique<TarStream>();
    out->from_ = UniqueFd(ends[0]);
    UniqueFd to(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to.get(), 1);
    std::string where = dir.string();
    const char* argv[] = {"tar",  "--numeric-owner", "--xattrs", "-C", where.c_str(), "-c", ".",
                          nullptr};
    int error =
        ::posix_spawnp(&out->pid_, "tar", &actions, nullptr, const_cast<char**>(argv), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return FailErrno(ErrorCode::kUnavailable, "cannot run tar", error);
    return out;
  }
  ~TarStream() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    (void)Finish();
  }

  std::size_t Read(char* buffer, std::size_t size) {
    for (;;) {
      ssize_t n = ::read(from_.get(), buffer, size);
      if (n < 0 && errno == EINTR) continue;
      return n > 0 ? static_cast<std::size_t>(n) : 0;
    }
  }

  // True when tar ended well.
  bool Finish() {
    if (pid_ <= 0) return status_ == 0;
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status_ == 0;
  }

 private:
  UniqueFd from_;
  pid_t pid_ = -1;
  int status_ = -1;
};

// Shows several layers as one folder for as long as it lives.
class Merged {
 public:
  static Result<Merged> Of(const std::vector<fs::path>& layers) {
    if (layers.size() == 1) return Merged(layers.front(), {});
    PODIUM_ASSIGN(auto temp, TempDir::Make("podium-layers"));
    PODIUM_TRY(MountOverlay(temp.path(), layers, "", "", MS_RDONLY));
    fs::path shown = temp.path();
    return Merged(shown, std::move(temp));
  }
  Merged(Merged&& other) = default;
  ~Merged() {
    if (temp_) ::umount2(temp_->path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] const fs::path& shown() const { return shown_; }

 private:
  Merged(fs::path shown, std::optional<TempDir> temp)
      : shown_(std::move(shown)), temp_(std::move(temp)) {}
  fs::path shown_;
  std::optional<TempDir> temp_;
};

}  // namespace

Result<std::string> EnsureEngineImage(const EngineApi& api, const std::vector<fs::path>& layers,
                                      Deadline deadline) {
  // Layer folders are named by their content, so their names name the image.
  Hasher hasher;
  for (const auto& layer : layers) hasher.Update(layer.string() + "\n");
  std::string tag = hasher.Finish().hex().substr(0, 16), name = "podium-image:" + tag;
  PODIUM_ASSIGN(auto seen, api.Call("GET", "/images/" + name + "/json", "", deadline));
  if (seen.ok()) return name;
  PODIUM_ASSIGN(auto merged, Merged::Of(layers));
  PODIUM_ASSIGN(auto tar, TarStream::Of(merged.shown()));
  auto read = [&tar](char* buffer, std::size_t size) { return tar->Read(buffer, size); };
  PODIUM_ASSIGN(auto reply, api.Upload("/images/create?fromSrc=-&repo=podium-image&tag=" + tag,
                                       read, deadline));
  if (!reply.ok() || !tar->Finish() || reply.body.find("\"error\"") != std::string::npos)
    return Fail(ErrorCode::kSandbox,
                "the engine did not take the image: " + reply.body.substr(0, 500));
  return name;
}

}  // namespace podium::sandbox
