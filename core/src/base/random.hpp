// Counter-based random streams: the n-th number of a stream depends on its key and n, and on
// nothing else, so adding a pass or a thread does not change another's numbers.
#pragma once

#include <cstdint>
#include <string_view>

namespace neurotool {

class RandomStream {
 public:
  /// One stream per (seed, pass, node name).
  RandomStream(std::uint64_t seed, std::string_view scope, std::string_view name);

  std::uint64_t next();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal deviate.
  double normal();

 private:
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

}  // namespace neurotool
