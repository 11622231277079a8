// docs/semantics.md, section 3, step 1, for max_pool2d: the trains that a pool has heard so far,
// and by how much the largest of each window grew in a step. Used by spike_eval.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool {

template <class Number>
class PlannedMaxPool {
 public:
  PlannedMaxPool(const MaxPool2d& pool, const Shape& source, const Shape& target)
      : base_(static_cast<Number>(pool.base)),
        begin_(pool.begin),
        end_(pool.end),
        windows_(static_cast<std::size_t>(element_count(target).value_or(0))) {
    // By source, so that the neurons of a window come in the order of their index.
    for (const Synapse& place : expand(pool, source, target)) {
      windows_[static_cast<std::size_t>(place.target)].push_back(
          static_cast<std::size_t>(place.source));
    }
  }

  bool works_at(std::uint64_t step) const { return step >= begin_ && step < end_; }

  /// Takes one step's payloads into `trains` and writes what every target receives.
  void advance(const std::vector<Number>& payloads, std::vector<Number>& trains,
               std::vector<Number>& received) const {
    const std::vector<Number> before = trains;
    for (std::size_t i = 0; i < trains.size(); ++i) trains[i] = base_ * trains[i] + payloads[i];
    for (std::size_t t = 0; t < windows_.size(); ++t) {
      received[t] = largest(windows_[t], trains) - base_ * largest(windows_[t], before);
    }
  }

 private:
  static Number largest(const std::vector<std::size_t>& window, const std::vector<Number>& trains) {
    Number found = trains[window.front()];
    for (const std::size_t i : window) found = std::max(found, trains[i]);
    return found;
  }

  Number base_;
  std::uint64_t begin_, end_;
  std::vector<std::vector<std::size_t>> windows_;
};

}  // namespace neurotool
