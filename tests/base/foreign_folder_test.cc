#include "base/foreign_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"

namespace podium {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ForeignFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    Put("outside/secret.txt", "SECRET");
    Put("folder/a.txt", "a");
    Put("folder/sub/b.txt", "bb");
  }
  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(MakeDirs((temp_.path() / name).parent_path()));
    ASSERT_TRUE(WriteFileAtomic(temp_.path() / name, text));
  }
  [[nodiscard]] fs::path dir() const { return temp_.path() / "folder"; }
  ForeignFolder Open() { return std::move(*ForeignFolder::Open(dir())); }
  std::string ReadError(const std::string& name) {
    auto text = Open().Read(name, 1 << 20);
    EXPECT_FALSE(text) << name << " was read: " << text.value_or("");
    return text ? "" : text.error().message;
  }
  std::string ListError() {
    auto entries = Open().List();
    EXPECT_FALSE(entries);
    return entries ? "" : entries.error().message;
  }
  TempDir temp_ = *TempDir::Make("podium-foreign");
};

TEST_F(ForeignFolderTest, ReadsWhatLiesInIt) {
  EXPECT_EQ(*Open().Read("a.txt", 10), "a");
  EXPECT_EQ(*Open().Read("sub/b.txt", 10), "bb");
  EXPECT_EQ(*Open().Folder("sub")->Read("b.txt", 10), "bb");
  EXPECT_TRUE(*Open().Has("a.txt"));
  EXPECT_FALSE(*Open().Has("c.txt"));
  auto entries = Open().List();
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[1].name, "sub");
  EXPECT_TRUE((*entries)[1].folder);
  EXPECT_EQ((*entries)[2].name, "sub/b.txt");
  EXPECT_EQ((*entries)[2].bytes, 2u);
}

TEST_F(ForeignFolderTest, ALinkIsRefusedByNameWhereverItStands) {
  fs::create_symlink("../outside/secret.txt", dir() / "file");
  fs::create_directory_symlink("../outside", dir() / "out");
  fs::create_symlink("/proc/self/environ", dir() / "sub" / "env");
  fs::create_symlink("a.txt", dir() / "inside");
  for (const char* name : {"file", "out/secret.txt", "sub/env", "inside"})
    EXPECT_THAT(ReadError(name), HasSubstr("is a symbolic link")) << name;
  EXPECT_THAT(ReadError("out/secret.txt"), HasSubstr((dir() / "out").string()));
  EXPECT_FALSE(Open().Folder("out"));
  EXPECT_FALSE(Open().Has("file")) << "something is there, and it is no file";
  EXPECT_THAT(ListError(), HasSubstr("is a symbolic link"));
  EXPECT_FALSE(Open().DigestOfFiles());
}

TEST_F(ForeignFolderTest, ANameThatLeadsOutIsRefused) {
  for (const std::string& name :
       {std::string("../outside/secret.txt"), std::string("sub/../../outside/secret.txt"),
        (temp_.path() / "outside/secret.txt").string(), std::string("./a.txt"),
        std::string("sub//b.txt"), std::string(""), std::string("a.txt\0b", 7)})
    EXPECT_THAT(ReadError(name), HasSubstr("nothing outside that folder is read")) << name;
}

TEST_F(ForeignFolderTest, WhatIsNoFileIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo((dir() / "fifo").c_str(), 0644), 0);
  EXPECT_THAT(ReadError("fifo"), HasSubstr("is a FIFO"));
  EXPECT_THAT(ListError(), HasSubstr("is a FIFO"));
  fs::remove(dir() / "fifo");
  sockaddr_un address{AF_UNIX, "s"};
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  fs::path here = fs::current_path();
  fs::current_path(dir());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  fs::current_path(here);
  EXPECT_THAT(ReadError("s"), HasSubstr("is a socket"));
  EXPECT_THAT(ReadError("sub"), HasSubstr("is a folder"));
}

TEST_F(ForeignFolderTest, AnotherUsersFileUnderANameOfItsOwnIsRefused) {
  fs::create_hard_link(temp_.path() / "outside/secret.txt", dir() / "mine.txt");
  EXPECT_EQ(*Open().Read("mine.txt", 100), "SECRET") << "both are one user's";
  if (::chown(dir().c_str(), 12345, 12345) != 0) GTEST_SKIP() << "only root gives files away";
  EXPECT_THAT(ReadError("mine.txt"), HasSubstr("2 names"));
  EXPECT_EQ(*Open().Read("a.txt", 100), "a") << "a file of ours without another name";
}

TEST_F(ForeignFolderTest, SizesAndCountsAreBounded) {
  EXPECT_THAT(Open().Read("sub/b.txt", 1).error().message, HasSubstr("more than 1 B"));
  EXPECT_THAT(Open().List({.entries = 2}).error().message, HasSubstr("more than 2 files"));
  EXPECT_THAT(Open().List({.depth = 0}).error().message, HasSubstr("nested deeper"));
}

TEST_F(ForeignFolderTest, TheDigestIsOfNamesAndBytesAlone) {
  Digest before = *Open().DigestOfFiles();
  fs::permissions(dir() / "a.txt", fs::perms(0700));
  EXPECT_EQ(*Open().DigestOfFiles(), before);
  Put("folder/a.txt", "b");
  EXPECT_NE(*Open().DigestOfFiles(), before);
}

TEST_F(ForeignFolderTest, AFolderIsMadeBeneathAndNeverOverALink) {
  ASSERT_TRUE(Open().MakeFolder("x/y/z"));
  EXPECT_TRUE(fs::is_directory(dir() / "x/y/z"));
  fs::create_directory_symlink(temp_.path() / "outside", dir() / "link");
  EXPECT_FALSE(Open().MakeFolder("link/new"));
  EXPECT_FALSE(fs::exists(temp_.path() / "outside/new"));
  EXPECT_FALSE(Open().MakeFolder("../new"));
}

TEST(OpenRegularTest, AFifoIsAnErrorAndNotAWait) {
  TempDir temp = *TempDir::Make("podium-regular");
  ASSERT_EQ(::mkfifo((temp.path() / "f").c_str(), 0644), 0);
  EXPECT_THAT(ReadFile(temp.path() / "f").error().message, HasSubstr("is a FIFO"));
  EXPECT_FALSE(ReadFile(temp.path()));
  EXPECT_FALSE(ReadFile("/dev/zero", 10));
}

TEST(CopyFileAtomicTest, NeitherEndFollowsALink) {
  TempDir temp = *TempDir::Make("podium-copy");
  fs::path kept = temp.path() / "kept", link = temp.path() / "link", file = temp.path() / "file";
  ASSERT_TRUE(WriteFileAtomic(kept, "kept"));
  ASSERT_TRUE(WriteFileAtomic(file, "new"));
  fs::create_symlink(kept, link);
  ASSERT_TRUE(CopyFileAtomic(file, link));
  EXPECT_EQ(*ReadFile(kept), "kept");
  EXPECT_EQ(*ReadFile(link), "new");
  fs::remove(link);
  fs::create_symlink(kept, link);
  EXPECT_FALSE(CopyFileAtomic(link, file));
}

}  // namespace
}  // namespace podium
