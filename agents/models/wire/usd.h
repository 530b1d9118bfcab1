#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::agents {

// An amount of US dollars in whole picodollars: up to nine million dollars, without rounding.
// Sums and products stop at the largest amount.
struct Usd {
  std::int64_t pico = 0;

  // A decimal number, not negative, of at most 12 digits after the point: "2.5", "0.000075".
  [[nodiscard]] static Result<Usd> Parse(std::string_view text);
  // The shortest decimal: "2.5", "0".
  [[nodiscard]] std::string Text() const;

  friend auto operator<=>(const Usd&, const Usd&) = default;
};
[[nodiscard]] Usd operator+(Usd a, Usd b);
[[nodiscard]] Usd operator-(Usd a, Usd b);
[[nodiscard]] Usd operator*(Usd price, std::int64_t count);  // count >= 0

// Prices of one token. `cache_write` is what a token costs that a provider stores for later.
struct TokenPrices {
  Usd input, cached_input, cache_write, output;
};

// Tokens of one call. `input` counts all of the prompt; `cached` and `cache_write` are parts of it.
// `output` counts all of the answer; `reasoning` is the part of it that was thought.
struct TokenCount {
  std::int64_t input = 0;
  std::int64_t cached = 0;
  std::int64_t cache_write = 0;
  std::int64_t output = 0;
  std::int64_t reasoning = 0;

  friend bool operator==(const TokenCount&, const TokenCount&) = default;
};

[[nodiscard]] Usd CostOf(const TokenCount& tokens, const TokenPrices& prices);
// The most that so many tokens can cost, however the provider counts the prompt.
[[nodiscard]] Usd MostOf(std::int64_t input, std::int64_t output, const TokenPrices& prices);

}  // namespace podium::agents
