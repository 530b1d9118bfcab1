#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/images/layer_stream.h"

namespace podium::sandbox {

enum class MemberKind { kFile, kFolder, kSymlink, kHardLink, kDevice, kFifo, kOther };

// A member of a tar archive as its header says it.
struct Member {
  std::string name;
  MemberKind kind = MemberKind::kOther;
  std::string target;  // of a link
  unsigned mode = 0;   // permission bits with setuid, setgid and sticky
  std::int64_t uid = 0, gid = 0;
  std::int64_t mtime = 0;  // seconds
  std::uint64_t size = 0;
};

// The attribute of a folder that hides those of the same name in lower layers; rootless one that an
// ordinary user may write.
[[nodiscard]] const char* OpaqueMark();

// Puts the members of one archive into one folder, which it reaches only by its descriptor: no
// member can name, follow or create anything outside it. In a layer, whiteouts become what
// overlayfs reads (0/0 character devices, OpaqueMark()), which takes root; `plain` writes
// every name as it is, owned by the caller.
class Placer {
 public:
  // first_id: added to the owners of a layer's members.
  Placer(UniqueFd root, UnpackLimits limits, bool plain, std::uint32_t first_id = 0)
      : root_(std::move(root)), limits_(limits), plain_(plain), first_id_(first_id) {}

  // Writes a file's bytes to a descriptor.
  using Content = std::function<Status(int fd)>;
  [[nodiscard]] Status Place(const Member& member, const Content& content);
  // Sets the times of folders, which placing their members had changed.
  [[nodiscard]] Status Finish();

  // Counts of what was left out or kept with care: {"devices dropped", 12}.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& notes() const { return notes_; }
  void Note(const std::string& what) { ++notes_[what]; }
  // Folders that no member describes; they were made because a member lies in them.
  [[nodiscard]] const std::set<std::string>& implied() const { return implied_; }

 private:
  struct Spot {  // a member's parent and its name there
    int parent = -1;
    std::string name;
    std::string path;
  };
  [[nodiscard]] Result<std::vector<std::string>> Components(const std::string& name,
                                                            const std::string& member) const;
  [[nodiscard]] Result<Spot> Find(const std::vector<std::string>& parts, const std::string& member,
                                  bool make);
  [[nodiscard]] Result<UniqueFd> OpenFolder(const std::string& path, const std::string& member);
  [[nodiscard]] Status MakeParents(const std::vector<std::string>& parts,
                                   const std::string& member);
  [[nodiscard]] Status PlaceRoot(const Member& member);
  [[nodiscard]] Status PlaceWhiteout(const Member& member, const Spot& spot);
  [[nodiscard]] Status PlaceFile(const Member& member, const Spot& spot, const Content& content);
  [[nodiscard]] Status PlaceFolder(const Member& member, const Spot& spot, bool exists,
                                   bool opaque);
  [[nodiscard]] Status PlaceSymlink(const Member& member, const Spot& spot);
  [[nodiscard]] Status PlaceHardLink(const Member& member, const Spot& spot);
  [[nodiscard]] Status SetOwner(int fd, const Member& member) const;

  UniqueFd root_;
  UnpackLimits limits_;
  bool plain_;
  std::uint32_t first_id_;
  std::string open_path_;  // of open_: the parent of the last member
  UniqueFd open_;
  std::map<std::string, std::int64_t> folder_times_;
  std::set<std::string> implied_;
  std::map<std::string, std::uint64_t> notes_;
};

// openat2 below `root`: no link, no magic link, no mount on the way.
[[nodiscard]] UniqueFd OpenBeneath(int root, const std::string& path, int flags,
                                   bool follow_links = false);

}  // namespace podium::sandbox
