// numpy.matmul as a list of plain matrix products.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ir/tensor.hpp"

namespace neurotool::kernels {

/// One product [rows, inner] x [inner, columns] for each entry of offsets: where its two operands
/// begin, in elements. The results lie one behind the other.
struct MatMulPlan {
  std::int64_t rows = 1, inner = 1, columns = 1;
  std::vector<std::pair<std::int64_t, std::int64_t>> offsets;
};

/// The shapes must fit (infer_type). Where B is one matrix, all rows of A go into one product.
MatMulPlan plan_mat_mul(const Shape& a, const Shape& b);

}  // namespace neurotool::kernels
