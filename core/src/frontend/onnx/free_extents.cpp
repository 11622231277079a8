// A name stands for the same number wherever it occurs; an axis by its place is one only.
#include "frontend/onnx/free_extents.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace neurotool::from_onnx {

std::optional<std::int64_t> FreeExtents::extent_of(const std::string& input, int axis,
                                                   const std::string& name) {
  const std::string place = fmt::format("{}[{}]", input, axis);
  seen_.push_back(name.empty() ? place : name);
  std::optional<std::int64_t> extent;
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    const bool by_name = !name.empty() && bound_[i].name == name;
    if (!by_name && bound_[i].name != place) continue;
    used_[i] = true;
    // The place is the more precise of the two.
    if (!extent || !by_name) extent = bound_[i].extent;
  }
  return extent;
}

void FreeExtents::report_unused(Report& report) const {
  std::vector<std::string> names = seen_;
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    if (used_[i]) continue;
    report.error(
        "onnx.free-extent", bound_[i].at,
        fmt::format("no input of the model has a free extent '{}'", escape_control(bound_[i].name)),
        names.empty() ? "all extents of the model's inputs are fixed"
                      : suggest(bound_[i].name, names));
  }
}

}  // namespace neurotool::from_onnx
