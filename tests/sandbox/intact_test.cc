#include "sandbox/images/intact.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

class IntactTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirs(rootfs() / "etc"));
    Put("etc/hosts", "127.0.0.1 localhost\n");
    image_.name = "mine";
    image_.kind = "archive";
    image_.layers = {rootfs()};
  }
  [[nodiscard]] fs::path rootfs() const { return temp_.path() / "layer" / "rootfs"; }
  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(rootfs() / name, text));
  }
  TempDir temp_ = *TempDir::Make("podium-intact");
  Image image_;
};

TEST_F(IntactTest, AnImageThatWasEditedInPlaceIsNoticed) {
  ASSERT_TRUE(CheckIntact(image_));
  ASSERT_TRUE(CheckIntact(image_)) << "nobody has touched it";
  Put("etc/hosts", "127.0.0.1 localhost evil\n");
  auto edited = CheckIntact(image_);
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().code, ErrorCode::kDigest);
  EXPECT_NE(edited.error().message.find("'mine' was changed in place"), std::string::npos);
  Put("etc/hosts", "127.0.0.1 localhost\n");
  EXPECT_TRUE(CheckIntact(image_)) << "the same bytes again, whatever their times are";
  Put("etc/new", "");
  EXPECT_FALSE(CheckIntact(image_)) << "a file more";
}

// A recipe's image is known by the digest of its files from the start.
TEST_F(IntactTest, ABuiltImageIsMeasuredByItsOwnDigest) {
  image_.kind = "recipe";
  image_.digest = std::string(64, '0');
  EXPECT_FALSE(CheckIntact(image_));
}

}  // namespace
}  // namespace podium::sandbox
