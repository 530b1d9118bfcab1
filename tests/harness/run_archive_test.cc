#include "harness/store/run_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "harness/store/control.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class RunArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(run() / "trials/t/a/s0/code");
    fs::create_directories(run() / "workers");
    Put("lock.json", "{}\n");
    Put("trials/t/a/s0/journal.jsonl", std::string(3 << 20, 'j'));
    Put("trials/t/a/s0/code/empty", "");
    Put("workers/h-1-2.json", "no worker");
    Put(".lock", "");
  }
  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(run() / name, text));
  }
  [[nodiscard]] fs::path run() const { return dir_.path() / "my-run"; }
  [[nodiscard]] fs::path to() const { return dir_.path() / "a.tar.zst"; }
  Result<RunArchive> Write() {
    return WriteArchive(run(), to(), [](std::string_view) {});
  }
  TempDir dir_ = *TempDir::Make("podium-archive");
};

TEST_F(RunArchiveTest, HoldsWhatTheRunHoldsAndNothingOfItsProcesses) {
  auto written = Write();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->files, 3u);
  EXPECT_EQ(written->bytes, (3u << 20) + 3);
  EXPECT_LT(written->archive_bytes, 100'000u);
  auto checked = CheckArchive(to());
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->digest, written->digest);
  EXPECT_FALSE(fs::exists(to().string() + ".part"));
  EXPECT_THAT(Write().error().message, HasSubstr("exists already"));
}

TEST_F(RunArchiveTest, AnArchiveThatWasChangedIsNoticed) {
  ASSERT_TRUE(Write());
  std::string whole = *ReadFile(to(), 1 << 20);
  int noticed = 0, changed = 0;
  // The last bytes are padding of the tar, which holds nothing.
  for (std::size_t at = 0; at + 64 < whole.size(); at += 97) {
    std::string other = whole;
    other[at] = static_cast<char>(other[at] ^ 1);
    ASSERT_TRUE(WriteFileAtomic(dir_.path() / "b", other));
    ++changed;
    noticed += !CheckArchive(dir_.path() / "b");
  }
  EXPECT_GT(changed, 3);
  EXPECT_EQ(noticed, changed);
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "b", whole.substr(0, whole.size() / 2)));
  EXPECT_FALSE(CheckArchive(dir_.path() / "b"));
}

TEST_F(RunArchiveTest, ALinkIsRefusedAndNothingIsLeft) {
  fs::create_symlink("/etc/passwd", run() / "trials/t/a/s0/code/link");
  auto written = Write();
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("link"));
  EXPECT_FALSE(fs::exists(to()));
  EXPECT_FALSE(fs::exists(to().string() + ".part"));
}

TEST_F(RunArchiveTest, ARunThatIsWorkedOnIsNotArchived) {
  auto sign = WorkerSign::Put(run());
  ASSERT_TRUE(sign);
  auto written = Write();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kBusy);
  EXPECT_THAT(written.error().message, HasSubstr("podium drain"));
}

TEST_F(RunArchiveTest, WhatIsNoArchiveIsSaidSo) {
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "b", "not an archive at all\n"));
  EXPECT_FALSE(CheckArchive(dir_.path() / "b"));
  EXPECT_FALSE(CheckArchive(dir_.path() / "none"));
}

}  // namespace
}  // namespace podium::harness
