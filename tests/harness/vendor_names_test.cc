#include "harness/trial/vendor_names.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/files.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class VendorFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TlsIdentity::Make({"api.openai.com", "openrouter.ai"}, WallNow());
    ASSERT_TRUE(made) << made.error().message;
    tls_ = *made;
  }
  void Put(const std::string& layer, const std::string& name, const std::string& text) {
    fs::path at = temp_.path() / layer / name;
    ASSERT_TRUE(MakeDirs(at.parent_path()));
    ASSERT_TRUE(WriteFileAtomic(at, text));
  }
  // The content of a file that the sandbox gets; "none" where it gets none.
  std::string Of(const std::string& inside) {
    std::vector<fs::path> layers = {temp_.path() / "upper", temp_.path() / "lower"};
    for (const auto& layer : layers) fs::create_directories(layer);
    for (const auto& file : VendorFiles(*tls_, layers)) {
      if (file.inside == inside) return file.content;
    }
    return "none";
  }

  TempDir temp_ = *TempDir::Make("podium-vendors");
  std::shared_ptr<TlsIdentity> tls_;
};

TEST_F(VendorFilesTest, NamesLeadToLoopbackBesideTheImagesOwn) {
  EXPECT_THAT(Of("/etc/hosts"), StartsWith("127.0.0.1 localhost"));
  Put("lower", "etc/hosts", "127.0.0.1 localhost mine");
  EXPECT_EQ(Of("/etc/hosts"),
            "127.0.0.1 localhost mine\n127.0.0.1 api.openai.com\n127.0.0.1 openrouter.ai\n");
  Put("upper", "etc/hosts", "127.0.0.1 upper\n");
  EXPECT_THAT(Of("/etc/hosts"), StartsWith("127.0.0.1 upper\n127.0.0.1 api")) << "its topmost";
}

TEST_F(VendorFilesTest, TheAuthorityStandsBehindTheImagesOwn) {
  constexpr const char* kBundle = "/etc/ssl/certs/ca-certificates.crt";
  constexpr const char* kOther = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";
  EXPECT_EQ(Of(kBundle), tls_->authority());
  EXPECT_EQ(Of(kOther), "none");
  EXPECT_EQ(Of("/etc/ssl/certs/" + tls_->hashed_name()), tls_->authority());
  Put("lower", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "of another distribution");
  EXPECT_THAT(Of(kOther), StartsWith("of another distribution\n-----BEGIN"));
  EXPECT_EQ(Of(kBundle), Of(kOther));
  Put("lower", "etc/ssl/certs/ca-certificates.crt", "of the image\n");
  EXPECT_EQ(Of(kBundle), "of the image\n" + tls_->authority());
  for (const auto& [name, file] : VendorEnvironment())
    EXPECT_THAT(Of(file), EndsWith(tls_->authority())) << name;
}

// An image is a stranger's: a link in it must not bring a file of the host's into the container.
TEST_F(VendorFilesTest, NoLinkOfAnImageIsFollowed) {
  Put("secret", "answers", "the answers");
  fs::create_directories(temp_.path() / "upper/etc");
  fs::create_symlink(temp_.path() / "secret/answers", temp_.path() / "upper/etc/hosts");
  EXPECT_EQ(Of("/etc/hosts").find("answers"), std::string::npos);
}

}  // namespace
}  // namespace podium::harness
