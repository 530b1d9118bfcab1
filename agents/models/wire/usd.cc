#include "agents/models/wire/usd.h"

#include <algorithm>
#include <limits>

namespace podium::agents {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kPerDollar = 1'000'000'000'000;

}  // namespace

Result<Usd> Usd::Parse(std::string_view text) {
  std::size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  std::string fraction(point < text.size() ? text.substr(point + 1) : std::string_view());
  bool numeric = (digits + fraction).find_first_not_of("0123456789") == std::string::npos;
  if (digits.empty() || !numeric || fraction.size() > 12 || digits.size() > 7 ||
      (point < text.size() && fraction.empty()))
    return Fail(ErrorCode::kConfig, "expected an amount in US dollars such as \"2.50\", found '" +
                                        std::string(text) + "'");
  fraction.resize(12, '0');
  std::int64_t whole = std::stoll(digits);
  if (whole > kMost / kPerDollar - 1)
    return Fail(ErrorCode::kConfig, "more than nine million dollars: '" + std::string(text) + "'");
  return Usd{whole * kPerDollar + std::stoll(fraction)};
}

std::string Usd::Text() const {
  std::string out = std::to_string(pico / kPerDollar);
  std::string fraction = std::to_string(pico % kPerDollar);
  fraction.insert(0, 12 - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? out : out + "." + fraction;
}

Usd operator+(Usd a, Usd b) { return a.pico > kMost - b.pico ? Usd{kMost} : Usd{a.pico + b.pico}; }

Usd operator-(Usd a, Usd b) { return Usd{a.pico - b.pico}; }

Usd operator*(Usd price, std::int64_t count) {
  if (count > 0 && price.pico > kMost / count) return Usd{kMost};
  return Usd{price.pico * count};
}

Usd CostOf(const TokenCount& tokens, const TokenPrices& prices) {
  std::int64_t plain = std::max<std::int64_t>(0, tokens.input - tokens.cached - tokens.cache_write);
  return prices.input * plain + prices.cached_input * tokens.cached +
         prices.cache_write * tokens.cache_write + prices.output * tokens.output;
}

Usd MostOf(std::int64_t input, std::int64_t output, const TokenPrices& prices) {
  Usd dearest = std::max({prices.input, prices.cached_input, prices.cache_write});
  return dearest * input + prices.output * output;
}

}  // namespace podium::agents
