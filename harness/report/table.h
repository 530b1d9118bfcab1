#pragma once

#include <string>
#include <vector>

namespace podium::harness {

// A table of text with aligned columns. Numbers are right-aligned when `right` says so for their
// column.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head, std::vector<bool> right = {});
  void Add(std::vector<std::string> row);
  // Rules under the head, two blanks between columns, no trailing blanks. Widths count characters,
  // not bytes. `room`: how many a line may have; texts of the last column go on in lines below, as
  // long as it keeps 16. 0: any number.
  [[nodiscard]] std::string Text(std::size_t room = 0) const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> right_;
};

}  // namespace podium::harness
