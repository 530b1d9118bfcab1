#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/digest.h"
#include "base/ids.h"

namespace podium {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-files");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
  }
  [[nodiscard]] fs::path dir() const { return temp_->path(); }

 private:
  std::optional<TempDir> temp_;
};

TEST_F(FilesTest, AnAtomicWriteReplacesAndLeavesNothingElse) {
  ASSERT_TRUE(WriteFileAtomic(dir() / "f", "one"));
  ASSERT_TRUE(WriteFileAtomic(dir() / "f", "two", 0600));
  EXPECT_EQ(*ReadFile(dir() / "f"), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir()), fs::directory_iterator()), 1);
  struct stat st {};
  ::stat((dir() / "f").c_str(), &st);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_F(FilesTest, AWriteThatCannotBeNamesThePath) {
  auto written = WriteFileAtomic(dir() / "no" / "f", "x");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("no"), std::string::npos);
}

TEST_F(FilesTest, ReadingRefusesWhatIsLargerThanAllowed) {
  ASSERT_TRUE(WriteFileAtomic(dir() / "f", "12345"));
  EXPECT_TRUE(ReadFile(dir() / "f", 5));
  EXPECT_FALSE(ReadFile(dir() / "f", 4));
  EXPECT_FALSE(ReadFile(dir() / "absent"));
}

TEST_F(FilesTest, RemovingATreeFollowsNoLink) {
  ASSERT_TRUE(MakeDirs(dir() / "tree" / "sub"));
  ASSERT_TRUE(WriteFileAtomic(dir() / "kept", "x"));
  fs::create_symlink(dir() / "kept", dir() / "tree" / "link");
  ASSERT_TRUE(RemoveTree(dir() / "tree"));
  EXPECT_FALSE(fs::exists(dir() / "tree"));
  EXPECT_TRUE(fs::exists(dir() / "kept"));
  EXPECT_TRUE(RemoveTree(dir() / "tree")) << "absent is no error";
}

TEST_F(FilesTest, ALockIsHeldByOneProcessUntilItGoes) {
  auto mine = FileLock::TryTake(dir() / "lock");
  ASSERT_TRUE(mine && *mine);
  pid_t child = ::fork();
  if (child == 0) {
    auto theirs = FileLock::TryTake(dir() / "lock");
    ::_exit(theirs && !*theirs ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "a second process got the lock";
  mine->reset();
  auto again = FileLock::TryTake(dir() / "lock");
  EXPECT_TRUE(again && *again);
}

TEST_F(FilesTest, ATreesDigestSeesNamesBytesAndModes) {
  ASSERT_TRUE(MakeDirs(dir() / "t"));
  ASSERT_TRUE(WriteFileAtomic(dir() / "t" / "a", "x"));
  Digest first = *DigestTree(dir() / "t");
  EXPECT_EQ(first, *DigestTree(dir() / "t"));
  fs::permissions(dir() / "t" / "a", fs::perms(0755));
  Digest executable = *DigestTree(dir() / "t");
  EXPECT_NE(first, executable);
  fs::rename(dir() / "t" / "a", dir() / "t" / "b");
  EXPECT_NE(executable, *DigestTree(dir() / "t"));
  ASSERT_EQ(::mkfifo((dir() / "t" / "fifo").c_str(), 0600), 0);
  EXPECT_FALSE(DigestTree(dir() / "t")) << "a FIFO has no digest";
}

TEST(DigestTest, EqualsThePublishedVector) {
  // FIPS 180-4, example "abc".
  EXPECT_EQ(Digest::Of("abc").hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(*Digest::Parse(Digest::Of("abc").hex()), Digest::Of("abc"));
  EXPECT_FALSE(Digest::Parse("ABC"));
  EXPECT_FALSE(Digest::Parse(std::string(64, 'G')));
}

TEST(IdTest, NoIdIsAPathOrAnOption) {
  EXPECT_TRUE(TaskId::Parse("conway-reverse"));
  for (const char* bad : {"", "..", "../x", "a/b", "-x", "A", "a b", "a\n", "\x1b[0m"})
    EXPECT_FALSE(TaskId::Parse(bad)) << bad;
  EXPECT_FALSE(TaskId::Parse(std::string(101, 'a')));
}

}  // namespace
}  // namespace podium
