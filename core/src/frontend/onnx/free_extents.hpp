// Extents of the inputs that the file leaves open: what they are called, and which of them get a
// number from outside.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "frontend/load_options.hpp"
#include "frontend/onnx/report.hpp"

namespace neurotool::from_onnx {

class FreeExtents {
 public:
  explicit FreeExtents(std::span<const BoundExtent> bound) : bound_(bound), used_(bound.size()) {}

  /// The number for axis `axis` of `input`, which the file calls `name` (may be empty), if it got
  /// one.
  std::optional<std::int64_t> extent_of(const std::string& input, int axis,
                                        const std::string& name);
  /// Reports every number for an extent that no input has (onnx.free-extent).
  void report_unused(Report& report) const;

 private:
  std::span<const BoundExtent> bound_;
  std::vector<bool> used_;
  std::vector<std::string> seen_;  ///< names that would have done
};

}  // namespace neurotool::from_onnx
