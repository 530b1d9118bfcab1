#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"

namespace podium::harness {

class Settings;

// A value that a cell gives a setting; "agents" names the agent.
struct CellValue {
  std::string key, value, origin;
};

// `matrix:`, `exclude:` and `include:` of a run file: every combination of the values, less those
// that an exclusion names, and those that are included.
struct Matrix {
  struct Axis {
    std::string key;
    std::vector<std::string> values;
    std::string origin;
  };
  using Cell = std::vector<CellValue>;
  std::vector<Axis> axes;
  std::vector<Cell> exclude, include;

  [[nodiscard]] bool empty() const { return axes.empty() && include.empty(); }
};

// Reads the key's part of the file into `out`. An error names file and line.
[[nodiscard]] Status ReadMatrixAxes(const YamlNode& node, Matrix& out);
[[nodiscard]] Result<std::vector<Matrix::Cell>> ReadMatrixCells(const YamlNode& list);

// Puts an agent's entry for each cell ("greedy.memory=none") in the place of the settings' agents:
// an agent with the cell's values, named after them. Without a matrix nothing changes. An error: an
// axis that is the whole run's, or that a flag or the environment sets for all cells; an exclusion
// of what is no axis; no cell is left, or more than 10,000.
[[nodiscard]] Status ExpandMatrix(Settings& settings);

}  // namespace podium::harness
