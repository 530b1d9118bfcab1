#pragma once

#include <filesystem>
#include <string>

namespace podium::tests {

// A task of 200 training and 100 test rows in which y = (a > b), as a package at `dir` (made). Its
// tables are the same at every call and pinned. Board: 20 rows of accuracy from 0.5 to 0.975.
void WriteTinyTask(const std::filesystem::path& dir, const std::string& id = "tiny");

}  // namespace podium::tests
