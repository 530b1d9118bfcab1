#include "sandbox/host/take_tree.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "base/unique_fd.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class TakeTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-tree");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    code_ = temp_->path() / "home" / "code";
    ASSERT_TRUE(MakeDirs(code_));
    root_ = UniqueFd(::open((temp_->path() / "home").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void Write(const fs::path& path, const std::string& text) {
    std::error_code ec;
    fs::create_directories(path.parent_path(), ec);
    std::ofstream(path) << text;
  }
  TakenTree Take(TreeCaps caps = {}, Deadline deadline = Deadline::In(std::chrono::seconds(60))) {
    auto taken = TakeTreeBeneath(root_.get(), "code", To(), caps, deadline);
    EXPECT_TRUE(taken) << (taken ? "" : taken.error().message);
    return taken ? *taken : TakenTree{};
  }
  fs::path To() const { return temp_->path() / "out"; }
  // "PATH fault" of what was left out.
  static std::vector<std::string> LeftOut(const TakenTree& tree) {
    std::vector<std::string> out;
    for (const auto& one : tree.left_out)
      out.push_back(one.path + " " + std::string(TakeFaultText(one.fault)));
    return out;
  }
  std::optional<TempDir> temp_;
  fs::path code_;
  UniqueFd root_;
};

TEST_F(TakeTreeTest, FilesAreCopiedWithTheirFolders) {
  Write(code_ / "a.py", "one");
  Write(code_ / "lib/deep/b.py", "two!");
  Write(code_ / "lib/empty", "");
  auto tree = Take();
  EXPECT_EQ(tree.files, 3u);
  EXPECT_EQ(tree.bytes, 7u);
  EXPECT_THAT(tree.left_out, IsEmpty());
  EXPECT_TRUE(tree.complete);
  EXPECT_EQ(*ReadFile(To() / "lib/deep/b.py"), "two!");
  EXPECT_EQ(fs::file_size(To() / "lib/empty"), 0u);
}

TEST_F(TakeTreeTest, NothingIsFollowedOrOpenedThatIsNoFile) {
  Write(temp_->path() / "secret/s", "secret");
  Write(code_ / "one", "x");
  fs::create_symlink(temp_->path() / "secret/s", code_ / "link");
  fs::create_directory_symlink(temp_->path() / "secret", code_ / "folder");
  fs::create_hard_link(code_ / "one", code_ / "two");
  ASSERT_EQ(::mkfifo((code_ / "fifo").c_str(), 0644), 0);
  ASSERT_EQ(::truncate((Write(code_ / "holes", "x"), code_ / "holes").c_str(), 1 << 30), 0);
  auto tree = Take({.bytes = std::uint64_t{4} << 30, .file_bytes = std::uint64_t{4} << 30});
  EXPECT_THAT(LeftOut(tree),
              UnorderedElementsAre("link symlink", "folder symlink", "one hard_link",
                                   "two hard_link", "fifo not_regular", "holes sparse"));
  EXPECT_EQ(tree.left_out_count, 6u);
  EXPECT_EQ(tree.files, 0u);
  EXPECT_FALSE(fs::exists(To() / "folder"));
  EXPECT_FALSE(fs::exists(To() / "holes"));
}

TEST_F(TakeTreeTest, CapsHoldAndWhatIsBeyondIsListed) {
  for (int i = 0; i < 5; ++i) Write(code_ / ("f" + std::to_string(i)), "0123456789");
  EXPECT_THAT(LeftOut(Take({.files = 3})), UnorderedElementsAre("f3 too_many", "f4 too_many"));
  auto few_bytes = Take({.bytes = 25});
  EXPECT_EQ(few_bytes.bytes, 20u);
  EXPECT_THAT(LeftOut(few_bytes),
              UnorderedElementsAre("f2 too_large", "f3 too_large", "f4 too_large"));
  EXPECT_EQ(Take({.file_bytes = 9}).files, 0u);
  auto few_entries = Take({.entries = 4});
  EXPECT_FALSE(few_entries.complete);
}

TEST_F(TakeTreeTest, DepthAndNamesAreBounded) {
  Write(code_ / "1/2/3/file", "x");
  Write(code_ / std::string(201, 'n'), "x");
  auto tree = Take({.depth = 2});
  EXPECT_THAT(LeftOut(tree),
              UnorderedElementsAre("1/2/3 too_deep", std::string(201, 'n') + " long_name"));
}

TEST_F(TakeTreeTest, AFolderThatIsNotThereIsAnEmptyTree) {
  fs::remove_all(code_);
  auto tree = Take();
  EXPECT_EQ(tree.files, 0u);
  EXPECT_THAT(tree.left_out, IsEmpty());
  EXPECT_TRUE(fs::is_directory(To()));
}

TEST_F(TakeTreeTest, ALinkInTheFoldersPlaceGivesNothing) {
  Write(temp_->path() / "secret/s", "secret");
  fs::remove_all(code_);
  fs::create_directory_symlink(temp_->path() / "secret", code_);
  auto tree = Take();
  EXPECT_EQ(tree.files, 0u);
  EXPECT_EQ(tree.left_out_count, 1u);
}

TEST_F(TakeTreeTest, StopsAtItsDeadline) {
  Write(code_ / "a", "x");
  auto tree = Take({}, Deadline::In(-std::chrono::seconds(1)));
  EXPECT_FALSE(tree.complete);
  EXPECT_EQ(tree.files, 0u);
}

TEST_F(TakeTreeTest, AnotherFileSystemIsNotEntered) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  ASSERT_TRUE(MakeDirs(code_ / "mounted"));
  ASSERT_EQ(::mount("podium", (code_ / "mounted").c_str(), "tmpfs", 0, "size=64k"), 0);
  Write(code_ / "mounted/file", "x");
  auto tree = Take();
  ::umount((code_ / "mounted").c_str());
  EXPECT_THAT(LeftOut(tree), UnorderedElementsAre("mounted unreadable"));
}

}  // namespace
}  // namespace podium::sandbox
