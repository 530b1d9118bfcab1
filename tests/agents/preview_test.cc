#include "agents/operators/preview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace podium::agents {
namespace {

using testing::HasSubstr;
using testing::Not;

class PreviewTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-preview");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
  }
  void Put(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(WriteFileAtomic(temp_->path() / name, bytes));
  }
  DataPreview Look() {
    auto preview = MakePreview(temp_->path());
    EXPECT_TRUE(preview) << preview.error().message;
    return preview.value_or(DataPreview{});
  }

 private:
  std::optional<TempDir> temp_;
};

TEST_F(PreviewTest, SaysRowsKindsAndExamples) {
  Put("train.csv", "id,size,colour,target\n1,2.5,red,0\n2,3,blue,1\n");
  DataPreview preview = Look();
  const FilePreview* train = preview.Find("train.csv");
  ASSERT_TRUE(train);
  EXPECT_EQ(train->rows, 2u);
  EXPECT_TRUE(train->rows_exact);
  EXPECT_EQ(train->columns[0].kind, ColumnKind::kInteger);
  EXPECT_EQ(train->columns[1].kind, ColumnKind::kReal);
  EXPECT_EQ(train->columns[2].kind, ColumnKind::kCategory);
  EXPECT_THAT(PreviewText(preview, 2000), HasSubstr("colour (category, e.g. red | blue)"));
  EXPECT_EQ(Modality(preview), "tabular");
}

TEST_F(PreviewTest, OfAWideTableTheTextColumnsComeFirstAndTheTextIsBounded) {
  std::string head = "id", row = "1";
  for (int i = 0; i < 1500; ++i) {
    head += ",feature_" + std::to_string(i);
    row += ",0";
  }
  Put("train.csv", head + ",sponsor\n" + row + ",2B\n");
  std::string text = PreviewText(Look(), 1500);
  EXPECT_THAT(text, HasSubstr("1 columns hold text:\n    sponsor (category"));
  EXPECT_THAT(text, HasSubstr("1501 columns are numeric: id, feature_0"));
  EXPECT_THAT(text, HasSubstr("..., feature_1499"));
  EXPECT_LT(text.size(), 2000u);
}

TEST_F(PreviewTest, OfTheTestTableOnlyWhatItLacks) {
  Put("train.csv", "id,a,target\n1,2,3\n");
  Put("test.csv", "id,a\n1,2\n");
  std::string text = PreviewText(Look(), 2000);
  EXPECT_THAT(text, HasSubstr("the columns of train.csv without: target"));
}

TEST_F(PreviewTest, KnowsAModalityByWhatLiesThere) {
  EXPECT_EQ(Modality(Look()), "generic");
  Put("train.csv",
      "id,text,y\n1,this is a longer piece of prose,0\n2,and here is quite another,1\n");
  EXPECT_EQ(Modality(Look()), "text");
  Put("train.csv", "id,delta,start_0,stop_0\n1,2,0,1\n");
  EXPECT_EQ(Modality(Look()), "grid");
  Put("train.csv", "id,y\n1,0\n");
  Put("a.png", "x");
  EXPECT_EQ(Modality(Look()), "image");
}

TEST_F(PreviewTest, LongValuesThatRepeatAreClasses) {
  std::string rows = "id,kind\n";
  for (int i = 0; i < 50; ++i) rows += std::to_string(i) + ",a rather long name of class\n";
  Put("train.csv", rows);
  EXPECT_EQ(Modality(Look()), "tabular");
}

TEST_F(PreviewTest, ABrokenTableIsShownAsAFile) {
  Put("train.csv", "\"never closed");
  std::string text = PreviewText(Look(), 2000);
  EXPECT_THAT(text, HasSubstr("train.csv"));
  EXPECT_THAT(text, Not(HasSubstr("columns")));
}

}  // namespace
}  // namespace podium::agents
