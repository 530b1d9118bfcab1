// The rules of docs/images.md, each broken by an archive made here.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/files.h"
#include "sandbox/images/pack.h"
#include "sandbox/images/unpack.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

Member File(std::string name, unsigned mode = 0644) {
  return {.name = std::move(name), .kind = MemberKind::kFile, .mode = mode};
}
Member Folder(std::string name) {
  return {.name = std::move(name), .kind = MemberKind::kFolder, .mode = 0755};
}
Member Link(std::string name, std::string target, MemberKind kind = MemberKind::kSymlink) {
  return {.name = std::move(name), .kind = kind, .target = std::move(target), .mode = 0777};
}

class ImageUnpackTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: owners and whiteouts";
    temp_.emplace(*TempDir::Make("podium-unpack"));
    tar_ = temp_->path() / "a.tar";
    root_ = temp_->path() / "root";
    fs::create_directory(root_);
  }

  void Write(const std::vector<Member>& members, const std::string& text = "text") {
    auto tar = TarWriter::Create(tar_);
    ASSERT_TRUE(tar);
    for (const auto& m : members) {
      bool bytes = m.kind == MemberKind::kFile;
      ASSERT_TRUE(bytes ? tar->AddFile(m, text) : tar->Add(m, nullptr)) << m.name;
    }
    ASSERT_TRUE(tar->Close());
  }

  Result<Unpacked> Unpack(UnpackLimits limits = {}) {
    return UnpackTar(UniqueFd(::open(tar_.c_str(), O_RDONLY | O_CLOEXEC)),
                     UniqueFd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                     UnpackAs::kLayer, limits, nullptr);
  }

  std::string Reason(UnpackLimits limits = {}) {
    auto result = Unpack(limits);
    if (result) return "taken";
    for (const auto& [key, value] : result.error().context)
      if (key == "reason") return value;
    return result.error().message;
  }

  std::optional<TempDir> temp_;
  fs::path tar_, root_;
};

struct Hostile {
  const char* reason;
  std::vector<Member> members;
};

TEST_F(ImageUnpackTest, HostileMembersAreRefusedByName) {
  auto owned = File("a");
  owned.uid = 65'536;
  const std::vector<Hostile> cases = {
      {"dot_dot", {File("../escape")}},
      {"dot_dot", {Folder("a"), File("a/../../escape")}},
      {"absolute_name", {File("/escape")}},
      {"dot", {Folder("a"), File("a/./b")}},
      {"through_link", {Link("a", ".."), File("a/escape")}},
      {"through_link", {Link("a", "/tmp"), Folder("a/escape")}},
      {"through_file", {File("a"), File("a/b")}},
      {"bad_hardlink", {Link("a", "nothing", MemberKind::kHardLink)}},
      {"bad_hardlink", {Link("s", "/etc/passwd"), Link("a", "s", MemberKind::kHardLink)}},
      {"bad_hardlink", {Link("s", ".."), Link("a", "s/a.tar", MemberKind::kHardLink)}},
      {"dot_dot", {Link("a", "../a.tar", MemberKind::kHardLink)}},
      {"absolute_name", {Link("a", "/etc/passwd", MemberKind::kHardLink)}},
      {"duplicate", {File("a"), File("a")}},
      {"duplicate", {Link("a", "b"), File("a")}},
      {"duplicate", {Folder("a"), Link("a", "/")}},
      {"control_name", {File("a\nb")}},
      {"control_name", {File("a\x1b[31mb")}},
      {"bad_utf8", {File("a\xff")}},
      {"long_name", {File(std::string(256, 'n'))}},
      {"owner_range", {owned}},
      {"bad_whiteout", {File(".wh.")}},
      {"bad_whiteout", {File(".wh..")}},
      {"bad_whiteout", {File(".wh...")}},
      {"bad_whiteout", {File(".wh..wh.plnk")}},
      {"bad_whiteout", {Folder(".wh.a")}},
      {"bad_root", {File(".")}},
  };
  for (const auto& c : cases) {
    fs::remove_all(root_);
    fs::create_directory(root_);
    auto tar = TarWriter::Create(tar_);
    for (const auto& m : c.members)
      ASSERT_TRUE(m.kind == MemberKind::kFile ? tar->AddFile(m, "") : tar->Add(m, nullptr));
    ASSERT_TRUE(tar->Close());
    EXPECT_EQ(Reason(), c.reason) << c.members.back().name;
    EXPECT_FALSE(fs::exists(temp_->path() / "escape"));
  }
}

TEST_F(ImageUnpackTest, AMemberIsEscapedInItsRefusal) {
  Write({File("a\x1b]0;x\x07")});
  auto result = Unpack();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message.find('\x1b'), std::string::npos);
  EXPECT_NE(result.error().message.find("a\\x1b]0;x\\x07"), std::string::npos);
}

TEST_F(ImageUnpackTest, LimitsHold) {
  Write({File("a"), File("b"), File("c")}, std::string(100'000, '\0'));
  EXPECT_EQ(Reason({.bytes = 200'000}), "too_large");
  fs::remove_all(root_), fs::create_directory(root_);
  EXPECT_EQ(Reason({.members = 2}), "too_many_members");
  fs::remove_all(root_), fs::create_directory(root_);
  Write({File("a/b/c/d")});
  EXPECT_EQ(Reason({.depth = 3}), "too_deep");
}

TEST_F(ImageUnpackTest, ABombIsStoppedByItsRatio) {
  Write({File("a")}, std::string(8 << 20, '\0'));
  ASSERT_EQ(std::system(("gzip -f " + tar_.string()).c_str()), 0);
  tar_ += ".gz";
  EXPECT_EQ(Reason({.free_bytes = 1 << 20}), "ratio");
}

TEST_F(ImageUnpackTest, CutAndLengthenedArchivesAreRefused) {
  Write({File("a")}, std::string(5000, 'x'));
  std::string whole = *ReadFile(tar_);
  for (std::size_t size : {std::size_t{0}, std::size_t{2000}, std::size_t{512 + 5120}}) {
    fs::remove_all(root_), fs::create_directory(root_);
    ASSERT_TRUE(WriteFileAtomic(tar_, whole.substr(0, size)));
    EXPECT_EQ(Reason(), "truncated") << size;
  }
  fs::remove_all(root_), fs::create_directory(root_);
  ASSERT_TRUE(WriteFileAtomic(tar_, whole + "more"));
  EXPECT_EQ(Reason(), "trailing_bytes");
}

TEST_F(ImageUnpackTest, DevicesAndPipesAreLeftOutAndCounted) {
  Write({{.name = "null", .kind = MemberKind::kDevice, .mode = 0666},
         {.name = "pipe", .kind = MemberKind::kFifo, .mode = 0666},
         File("su", 04755)});
  auto result = Unpack();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(fs::exists(root_ / "null") || fs::exists(root_ / "pipe"));
  EXPECT_EQ(result->notes.at("devices dropped"), 1u);
  EXPECT_EQ(result->notes.at("named pipes dropped"), 1u);
  struct stat st {};
  ASSERT_EQ(::stat((root_ / "su").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777u, 04755u);
}

TEST_F(ImageUnpackTest, WhiteoutsBecomeWhatOverlayfsReads) {
  auto tar = TarWriter::Create(tar_);
  for (const auto& m : {File(".wh.gone"), File("dir/.wh..wh..opq"), File("dir/kept"),
                        File(".wh.back"), File("back")})
    ASSERT_TRUE(tar->AddFile(m, ""));
  ASSERT_TRUE(tar->Close());
  auto result = Unpack();
  ASSERT_TRUE(result) << result.error().message;
  struct stat st {};
  ASSERT_EQ(::lstat((root_ / "gone").c_str(), &st), 0);
  EXPECT_TRUE(S_ISCHR(st.st_mode) && st.st_rdev == 0);
  ASSERT_EQ(::lstat((root_ / "back").c_str(), &st), 0);
  EXPECT_TRUE(S_ISREG(st.st_mode));
  char value = 0;
  EXPECT_EQ(::getxattr((root_ / "dir").c_str(), "trusted.overlay.opaque", &value, 1), 1);
  EXPECT_EQ(value, 'y');
  EXPECT_EQ(result->implied, std::vector<std::string>{"dir"});
}

TEST_F(ImageUnpackTest, AnHonestTreeIsAsItWas) {
  auto own = File("etc/hosts", 0640);
  own.uid = 7, own.gid = 8, own.mtime = 1'000'000'000;
  Write({Folder("."), Folder("etc"), own, Link("lib", "usr/lib"),
         Link("etc/twin", "etc/hosts", MemberKind::kHardLink), File("ETC"), File("f\xc3\xbc")});
  auto result = Unpack();
  ASSERT_TRUE(result) << result.error().message;
  struct stat st {};
  ASSERT_EQ(::stat((root_ / "etc/twin").c_str(), &st), 0);
  EXPECT_EQ(st.st_nlink, 2u);
  EXPECT_EQ(st.st_uid, 7u);
  EXPECT_EQ(st.st_gid, 8u);
  EXPECT_EQ(st.st_mode & 07777u, 0640u);
  EXPECT_EQ(st.st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(fs::read_symlink(root_ / "lib"), "usr/lib");
  EXPECT_TRUE(fs::exists(root_ / "ETC") && fs::exists(root_ / "f\xc3\xbc"));
  EXPECT_EQ(result->digest, *DigestFile(tar_));
}

// A sandbox's writable layer is packed, unpacked and the same again: whiteouts, closed folders,
// owners with root and the agent's places changed back.
TEST_F(ImageUnpackTest, ALayerIsTheSameAfterItWasPacked) {
  fs::path upper = temp_->path() / "upper";
  for (const char* dir : {"etc", "etc/closed", "tmp"}) ASSERT_TRUE(MakeDirs(upper / dir));
  ASSERT_TRUE(WriteFileAtomic(upper / "etc" / "mine", "text", 0755));
  ASSERT_TRUE(WriteFileAtomic(upper / "tmp" / "left", "text"));
  ASSERT_EQ(::mknod((upper / "etc" / "gone").c_str(), S_IFCHR | 0600, makedev(0, 0)), 0);
  ASSERT_EQ(::setxattr((upper / "etc" / "closed").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  constexpr std::uint32_t kFirst = 0x20000000;
  ASSERT_EQ(::chown(upper.c_str(), kFirst + 1000, kFirst + 1000), 0);
  for (const char* file : {"etc", "etc/closed", "etc/mine"})
    ASSERT_EQ(::lchown((upper / file).c_str(), kFirst + 1000, kFirst + 1000), 0);
  auto packed = PackLayer(upper, tar_, {kFirst, {"tmp"}});
  ASSERT_TRUE(packed) << packed.error().message;
  auto unpacked = Unpack();
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  struct stat st {};
  ASSERT_EQ(::lstat((root_ / "etc" / "mine").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0u);
  EXPECT_EQ(st.st_mode & 07777u, 0755u);
  EXPECT_EQ(st.st_mtime, 315'532'800);
  ASSERT_EQ(::lstat((root_ / "etc" / "gone").c_str(), &st), 0);
  EXPECT_TRUE(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
  char value = 0;
  EXPECT_EQ(::getxattr((root_ / "etc" / "closed").c_str(), "trusted.overlay.opaque", &value, 1), 1);
  EXPECT_EQ(value, 'y');
  EXPECT_FALSE(fs::exists(root_ / "tmp"));
  // Another's file is none of the layer's.
  ASSERT_EQ(::lchown((upper / "etc" / "mine").c_str(), 5, 5), 0);
  auto foreign = PackLayer(upper, tar_, {kFirst, {"tmp"}});
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("etc/mine"), std::string::npos);
}

}  // namespace
}  // namespace podium::sandbox
