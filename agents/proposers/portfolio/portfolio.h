#pragma once

#include <filesystem>
#include <memory>

#include "agents/proposer.h"

namespace podium::agents {

// A proposer that needs no model: real solution templates
// (agents/proposers/portfolio/portfolio.yaml and the Python files it names), chosen by what the
// data preview shows. The first of several drafts is a quick one that ends in seconds and measures
// the machine; then drafts take the templates of the modality in order, with as much effort as the
// time allows; improve takes the next variant of the best node's template; debug repeats a failed
// template with less effort, or falls back to the generic one.
[[nodiscard]] Result<std::unique_ptr<Proposer>> MakePortfolioProposer(
    const std::filesystem::path& portfolio_yaml);

}  // namespace podium::agents
