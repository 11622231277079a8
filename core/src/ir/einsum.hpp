// numpy's einsum notation, read once for the shape rule and the kernel.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

/// The axes of operands and result as numbers of labels: equal numbers run together.
struct EinsumPlan {
  std::vector<std::vector<std::size_t>> operands;
  std::vector<std::size_t> result;
  std::vector<std::int64_t> extents;  ///< of each label; kFreeDim where nothing says it
};

/// Whether the equation has the form "ab,bc->ac" for so many operands, "..." allowed.
Result<> check_equation(std::string_view equation, std::size_t operands);

/// The plan for operands of these shapes. Errors: ir.shape.
Result<EinsumPlan> plan_einsum(std::string_view equation, std::span<const Shape> operands);

/// The equation with its result written out: numpy's rule when "->" is missing. Blanks go.
std::string explicit_equation(std::string_view equation);

}  // namespace neurotool
