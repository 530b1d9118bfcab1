#pragma once

#include <filesystem>
#include <string>

namespace podium::tests {

// A task of 200 training and 100 test rows in which y = (a > b), as a package at `dir` (made). Its
// tables are the same at every call and pinned. Board: 20 rows of accuracy from 0.5 to 0.975.
void WriteTinyTask(const std::filesystem::path& dir, const std::string& id = "tiny");

// A program that solves it, without a line that says its score.
inline constexpr const char* kTinySolution = R"(import pandas as pd
test = pd.read_csv("/home/data/test.csv")
test["y"] = (test.a > test.b).astype(int)
test[["id", "y"]].to_csv("/home/submission/submission.csv", index=False)
)";

}  // namespace podium::tests
