#pragma once

#include <cstdint>

namespace podium::tasks {

// Random integers that are the same on every machine: value number n of stream (seed, index) is
// SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
// OOPSLA 2014, doi 10.1145/2660193.2660195) of key + n * golden ratio, where the key is that
// finaliser of seed and index. Every game or hand has its own stream, so any one of them can be
// made alone. No floating point anywhere.
class CounterRng {
 public:
  CounterRng(std::uint64_t seed, std::uint64_t index)
      : state_(Mix(Mix(seed + kGolden) ^ (index * kGolden + 1))) {}

  std::uint64_t Next() { return Mix(state_ += kGolden); }

  // Uniform in [0, bound), without bias (Lemire, "Fast random integer generation in an interval",
  // 2019, algorithm 5).
  std::uint32_t Below(std::uint32_t bound) {
    std::uint64_t product = (Next() >> 32) * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      std::uint32_t floor = (0u - bound) % bound;
      while (static_cast<std::uint32_t>(product) < floor) product = (Next() >> 32) * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  static constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;
  static std::uint64_t Mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

}  // namespace podium::tasks
