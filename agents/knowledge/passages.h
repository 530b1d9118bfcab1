#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/knowledge/corpus.h"

namespace podium::agents {

// A document's passages: whole paragraphs, together at most about 1,600 bytes, none across a
// heading of Markdown. A longer paragraph is cut at a blank.
[[nodiscard]] std::vector<Passage> PassagesOf(const std::string& file, std::string_view text);

// What FTS5 is asked for: the query's words, any of them; "" where it has none.
[[nodiscard]] std::string MatchText(std::string_view query);

}  // namespace podium::agents
