#include "tables/frame/header_names.h"

#include <unordered_map>
#include <unordered_set>

namespace podium {

std::vector<std::string> MangledNames(std::span<const std::string_view> header) {
  std::vector<std::string> names;
  std::vector<std::size_t> order;
  std::unordered_set<std::string> all;
  for (std::size_t i = 0; i < header.size(); ++i) {
    names.push_back(header[i].empty() ? "Unnamed: " + std::to_string(i) : std::string(header[i]));
    if (!header[i].empty()) order.push_back(i);
    all.insert(names.back());
  }
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i].empty()) order.push_back(i);
  }
  std::unordered_map<std::string, std::size_t> counts;
  for (std::size_t i : order) {
    const std::string old = names[i];
    std::size_t count = counts[old];
    std::string name = old;
    while (count > 0) {
      counts[old] = count + 1;
      name = old + "." + std::to_string(count);
      count = all.contains(name) ? count + 1 : counts[name];
    }
    names[i] = name;
    counts[name] = count + 1;
  }
  return names;
}

}  // namespace podium
