#include "sandbox/host/take_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include "base/files.h"
#include "base/unique_fd.h"
#include "sandbox/host/handover.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamedLeftOut = 100;

UniqueFd OpenFolder(int parent, const std::string& name) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, parent, name.c_str(), &how, sizeof how)));
}

class Walk {
 public:
  Walk(const TreeCaps& caps, Deadline deadline) : caps_(caps), deadline_(deadline) {}

  // `path`: of this folder below the tree's root, "" or with a slash at its end.
  Status Folder(UniqueFd folder, const fs::path& to, const std::string& path, int depth) {
    PODIUM_TRY(MakeDirs(to));
    auto names = Names(folder.get());
    if (!names) {
      LeaveOut(path, TakeFault::kUnreadable);
      return {};
    }
    for (const auto& name : *names) {
      if (deadline_.expired()) tree_.complete = false;
      if (!tree_.complete) return {};
      PODIUM_TRY(Entry(folder.get(), name, to, path + name, depth));
    }
    return {};
  }

  TakenTree Finish() && { return std::move(tree_); }

 private:
  void LeaveOut(const std::string& path, TakeFault fault) {
    ++tree_.left_out_count;
    if (tree_.left_out.size() < kNamedLeftOut) tree_.left_out.push_back({path, fault});
  }

  // In order. Beyond the bound on entries the rest is not even named. Empty: cannot be read.
  std::optional<std::vector<std::string>> Names(int folder) {
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(::fcntl(folder, F_DUPFD_CLOEXEC, 3)),
                                            ::closedir);
    if (!dir) return std::nullopt;
    std::vector<std::string> out;
    while (const dirent* entry = ::readdir(dir.get())) {
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++entries_ > caps_.entries) {
        LeaveOut("", TakeFault::kTooMany);
        tree_.complete = false;
        break;
      }
      out.push_back(std::move(name));
    }
    std::ranges::sort(out);
    return out;
  }

  Status Entry(int folder, const std::string& name, const fs::path& to, const std::string& path,
               int depth) {
    struct stat st {};
    if (name.size() > caps_.name_bytes) {
      LeaveOut(path, TakeFault::kLongName);
    } else if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      LeaveOut(path, TakeFault::kUnreadable);
    } else if (S_ISDIR(st.st_mode)) {
      return Below(folder, name, to, path, depth);
    } else if (S_ISLNK(st.st_mode)) {
      LeaveOut(path, TakeFault::kSymlink);
    } else if (S_ISREG(st.st_mode) && st.st_size == 0) {
      return Empty(to / name);
    } else {
      return File(folder, name, to, path);
    }
    return {};
  }

  Status Below(int folder, const std::string& name, const fs::path& to, const std::string& path,
               int depth) {
    if (depth >= caps_.depth) {
      LeaveOut(path, TakeFault::kTooDeep);
      return {};
    }
    UniqueFd below = OpenFolder(folder, name);
    if (below) return Folder(std::move(below), to / name, path + "/", depth + 1);
    LeaveOut(path, TakeFault::kUnreadable);
    return {};
  }

  Status Empty(const fs::path& to) {
    if (!CountFile(to.filename())) return {};
    UniqueFd made(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!made) return FailErrno(ErrorCode::kIo, "cannot create " + to.string(), errno);
    return {};
  }

  bool CountFile(const std::string& path) {
    if (tree_.files < caps_.files) return ++tree_.files, true;
    LeaveOut(path, TakeFault::kTooMany);
    return false;
  }

  Status File(int folder, const std::string& name, const fs::path& to, const std::string& path) {
    if (!CountFile(path)) return {};
    std::uint64_t room = std::min(caps_.file_bytes, caps_.bytes - tree_.bytes);
    auto taken = TakeForTree(folder, name, to / name, room, deadline_);
    if (taken && taken->fault == TakeFault::kNone) {
      tree_.bytes += taken->bytes;
      return {};
    }
    --tree_.files;
    if (taken) {
      LeaveOut(path, taken->fault);
    } else if (taken.error().code == ErrorCode::kTimeout) {
      tree_.complete = false;
    } else {
      return tl::unexpected(taken.error());
    }
    return {};
  }

  TreeCaps caps_;
  Deadline deadline_;
  TakenTree tree_;
  std::uint64_t entries_ = 0;
};

// All that was taken reaches the disk before anybody is told that it is there. One call, where an
// fsync a file took seven times what the copy takes.
Status MakeDurable(const fs::path& to) {
  UniqueFd folder(::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::syncfs(folder.get()) != 0)
    return FailErrno(ErrorCode::kIo, "cannot keep " + to.string(), errno);
  return {};
}

}  // namespace

Result<TakenTree> TakeTreeBeneath(int root_fd, const std::string& relative, const fs::path& to,
                                  const TreeCaps& caps, Deadline deadline) {
  Walk walk(caps, deadline);
  UniqueFd folder = OpenFolder(root_fd, relative);
  int error = errno;
  if (!folder && error == ENOSYS)
    return Fail(ErrorCode::kUnavailable,
                "this kernel has no openat2 (Linux 5.6 or newer is needed)");
  if (!folder) {
    PODIUM_TRY(MakeDirs(to));
    TakenTree nothing;
    if (error != ENOENT) nothing.left_out.push_back({"", TakeFault::kUnreadable});
    nothing.left_out_count = nothing.left_out.size();
    return nothing;
  }
  PODIUM_TRY(walk.Folder(std::move(folder), to, "", 0));
  PODIUM_TRY(MakeDurable(to));
  return std::move(walk).Finish();
}

}  // namespace podium::sandbox
