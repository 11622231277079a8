// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): ten rounds
// of multiply and exchange turn a key and a counter into random bits. Only integers are involved
// until the last step, so streams are the same on every machine.
#include "base/random.hpp"

#include <array>
#include <cmath>
#include <numbers>

#include "base/check.hpp"

namespace neurotool {
namespace {

constexpr std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}

/// The first 64 of the 128 bits for this key and counter.
constexpr std::uint64_t philox(std::uint64_t key, std::uint64_t counter) {
  std::array<std::uint32_t, 4> x = {low(counter), high(counter), 0, 0};
  std::uint32_t k0 = low(key), k1 = high(key);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * x[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * x[2];
    x = {high(b) ^ x[1] ^ k0, low(b), high(a) ^ x[3] ^ k1, low(a)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return std::uint64_t{x[1]} << 32 | x[0];
}

// The authors' known answer for a zero key and a zero counter.
static_assert(philox(0, 0) == 0xE169C58D6627E8D5u);

/// Folds a string into a key. The length goes in too: ("ab", "c") and ("a", "bc") must differ.
std::uint64_t fold(std::uint64_t key, std::string_view text) {
  key = philox(key, text.size());
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    word = word << 8 | static_cast<unsigned char>(text[i]);
    if (i % 8 == 7 || i + 1 == text.size()) {
      key = philox(key, word);
      word = 0;
    }
  }
  return key;
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view scope, std::string_view name)
    : key_(fold(fold(seed, scope), name)) {}

std::uint64_t RandomStream::next() { return philox(key_, counter_++); }

double RandomStream::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

std::uint64_t RandomStream::below(std::uint64_t bound) {
  NT_CHECK(bound > 0, "nothing is below 0");
  // 2^64 mod bound values at the bottom would make some results likelier than others.
  const std::uint64_t skipped = (0 - bound) % bound;
  std::uint64_t value = next();
  while (value < skipped) value = next();
  return value % bound;
}

double RandomStream::normal() {
  // Box-Muller; 1 - u lies in (0, 1], where the logarithm is finite.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace neurotool
