#include "sandbox/host/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/files.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

class HandoverTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-handover");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    dir_ = temp_->path() / "box";
    ASSERT_TRUE(MakeDirs(dir_ / "submission"));
    root_ = UniqueFd(::open(dir_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  TakenFile Take(std::uint64_t cap = 1 << 20) {
    auto taken = TakeBeneath(root_.get(), "submission/submission.csv", temp_->path() / "out", cap,
                             Deadline::In(std::chrono::seconds(60)));
    EXPECT_TRUE(taken) << (taken ? "" : taken.error().message);
    return taken ? *taken : TakenFile{};
  }
  void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  std::optional<TempDir> temp_;
  fs::path dir_;
  UniqueFd root_;
};

TEST_F(HandoverTest, RegularFileIsCopiedAndHashed) {
  Write(dir_ / "submission/submission.csv", "id,y\n");
  auto taken = Take();
  EXPECT_EQ(taken.fault, TakeFault::kNone);
  EXPECT_EQ(taken.bytes, 5u);
  EXPECT_EQ(taken.digest, Digest::Of("id,y\n"));
  EXPECT_EQ(*ReadFile(temp_->path() / "out"), "id,y\n");
}

TEST_F(HandoverTest, AFileWithHolesIsRefusedAndNotOneByteWritten) {
  fs::path file = dir_ / "submission/submission.csv";
  Write(file, "id,y\n");
  fs::resize_file(file, std::uintmax_t{2} << 30);
  auto taken = Take(std::uint64_t{4} << 30);
  EXPECT_EQ(taken.fault, TakeFault::kSparse);
  EXPECT_EQ(TakeFaultText(taken.fault), "sparse");
  EXPECT_FALSE(fs::exists(temp_->path() / "out"));
  fs::resize_file(file, 500'000);  // as a writer leaves between blocks
  EXPECT_EQ(Take().fault, TakeFault::kNone);
}

TEST_F(HandoverTest, LinksAreNeverFollowed) {
  Write(temp_->path() / "secret", "secret");
  fs::create_symlink(temp_->path() / "secret", dir_ / "submission/submission.csv");
  EXPECT_EQ(Take().fault, TakeFault::kSymlink);
  fs::remove_all(dir_ / "submission");
  fs::create_directories(dir_ / "elsewhere");
  Write(dir_ / "elsewhere/submission.csv", "x");
  fs::create_symlink("elsewhere", dir_ / "submission");
  EXPECT_EQ(Take().fault, TakeFault::kSymlink);
  fs::remove(dir_ / "submission");
  fs::create_directory(dir_ / "submission");
  fs::create_symlink("/proc/self/environ", dir_ / "submission/submission.csv");
  EXPECT_EQ(Take().fault, TakeFault::kSymlink);
  EXPECT_FALSE(fs::exists(temp_->path() / "out"));
}

TEST_F(HandoverTest, FifoDoesNotBlock) {
  ASSERT_EQ(::mkfifo((dir_ / "submission/submission.csv").c_str(), 0644), 0);
  EXPECT_EQ(Take().fault, TakeFault::kNotRegular);
}

TEST_F(HandoverTest, SparseGiantIsRefusedBeforeReading) {
  Write(dir_ / "submission/submission.csv", "x");
  fs::resize_file(dir_ / "submission/submission.csv", std::uintmax_t{1} << 42);
  EXPECT_EQ(Take().fault, TakeFault::kTooLarge);
}

TEST_F(HandoverTest, SecondHardLinkIsRefused) {
  Write(dir_ / "submission/submission.csv", "x");
  fs::create_hard_link(dir_ / "submission/submission.csv", dir_ / "other");
  EXPECT_EQ(Take().fault, TakeFault::kHardLink);
}

// S08 of the abuse suite: a loop exchanges the file with a link to a secret while it is taken.
TEST_F(HandoverTest, ExchangeRaceNeverLeaksTheSecret) {
  Write(temp_->path() / "secret", "secret!");
  Write(dir_ / "submission/submission.csv", "honest");
  fs::create_symlink(temp_->path() / "secret", dir_ / "submission/link");
  std::atomic<bool> stop{false};
  std::thread racer([&] {
    while (!stop) {
      ::renameat2(AT_FDCWD, (dir_ / "submission/link").c_str(), AT_FDCWD,
                  (dir_ / "submission/submission.csv").c_str(), RENAME_EXCHANGE);
    }
  });
  // Both must have been met, else nothing raced.
  int honest = 0, refused = 0;
  for (int i = 0; i < 3000 || (i < 300'000 && (honest == 0 || refused == 0)); ++i) {
    auto taken = Take();
    if (taken.fault == TakeFault::kNone) {
      ++honest;
      EXPECT_EQ(taken.digest, Digest::Of("honest"));
    } else {
      ++refused;
      EXPECT_EQ(taken.fault, TakeFault::kSymlink);
    }
  }
  EXPECT_GT(honest, 0);
  EXPECT_GT(refused, 0);
  stop = true;
  racer.join();
}

}  // namespace
}  // namespace podium::sandbox
