#include "base/shared_library.h"

#include <gtest/gtest.h>

namespace podium {
namespace {

TEST(SharedLibraryTest, FindsAFunctionOrSaysWhatIsMissing) {
  SharedLibrary math("libm.so.6");
  double (*cosine)(double) = nullptr;
  ASSERT_TRUE(math.Find("cos", cosine));
  EXPECT_EQ(cosine(0), 1);
  auto old = math.Find("no_such_function", cosine);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, ErrorCode::kUnavailable);
  SharedLibrary none("libpodium-has-no-such-library.so.1");
  for (int time = 0; time < 2; ++time) {
    auto found = none.Find("cos", cosine);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::kUnavailable);
    EXPECT_NE(found.error().message.find("libpodium-has-no-such-library.so.1 is not installed"),
              std::string::npos)
        << found.error().message;
  }
}

}  // namespace
}  // namespace podium
