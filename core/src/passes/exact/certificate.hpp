// When does an integrate-and-fire neuron with one whole threshold emit exactly what a rounding rule
// asks for? A rule f from whole sums to whole counts that never falls is a table of the sums at
// which the count rises; a neuron that emits clip(floor((2^F A + v0) / theta), low, high) follows
// the table exactly when v0 lies between two bounds that the table gives. Nothing is estimated.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace neurotool::exact {

/// The sums at which a count rises: the count is low + the number of entries <= the sum.
struct ThresholdTable {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t low = 0, high = 0;    ///< counts
  std::int64_t least = 0, most = 0;  ///< sums that can occur
  std::vector<std::int64_t> rises;   ///< of counts low + 1 … high; kNever where none is reached

  std::int64_t count(std::int64_t sum) const;
};

/// A rule that never falls when the sum grows; results outside [low, high] are held there.
using CountRule = std::function<std::int64_t(std::int64_t)>;

ThresholdTable threshold_table(const CountRule& rule, std::int64_t least, std::int64_t most,
                               std::int64_t low, std::int64_t high);

/// A neuron: threshold and v(0) in units of 2^-fraction_bits of the sum.
struct Certificate {
  int fraction_bits = 0;
  std::int64_t threshold = 1, initial = 0;

  std::int64_t count(std::int64_t sum, std::int64_t low, std::int64_t high) const;
  /// The same neuron with more fraction bits.
  Certificate widened(int fraction_bits) const;
};

/// Why there is none: the count whose rise no neuron with at most `fraction_bits` can place beside
/// those of the other counts.
struct NoCertificate {
  std::int64_t count = 0;
  int fraction_bits = 0;
};

/// The certificate with the fewest fraction bits: for each number of them all thresholds are
/// judged, so that there is none where nothing is returned. Of several the one nearest to
/// `sums_per_count`, the real number of sums from one rise to the next, is taken.
tl::expected<Certificate, NoCertificate> certify(const ThresholdTable& table, double sums_per_count,
                                                 int most_fraction_bits);

/// Whether there is a certificate with that many fraction bits; with more there is one too.
bool is_certifiable(const ThresholdTable& table, int fraction_bits);

/// ONNX's requantisation: float32(sum + offset) * multiplier in float32, to the nearest whole
/// number, halves to the even one, held between low and high.
std::int64_t onnx_count(std::int64_t sum, double offset, float multiplier, std::int64_t low,
                        std::int64_t high);

/// floor((sum + offset) * multiplier + 1/2), held between low and high.
std::int64_t half_up_count(std::int64_t sum, double offset, double multiplier, std::int64_t low,
                           std::int64_t high);

}  // namespace neurotool::exact
