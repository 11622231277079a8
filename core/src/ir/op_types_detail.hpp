// What the shape rules of op_types*.cpp share. Private to them.
#pragma once

#include <string>
#include <string_view>

#include "ir/op_types.hpp"

namespace neurotool::op_types {

using Inputs = std::span<const TensorType* const>;

Error shape_error(std::string message);
Error type_error(std::string message);

/// Input `index`, or nullptr when it is absent.
const TensorType* get(Inputs inputs, std::size_t index);
/// Between `least` and `most` inputs, and the first `least` of them present.
Result<> check_inputs(Inputs inputs, std::size_t least, std::size_t most);
/// Input `index` has floating-point elements, of the type of input 0.
Result<> check_float(Inputs inputs, std::size_t index, std::string_view what);
/// Input `index` has numbers of the type of input 0.
Result<> check_number(Inputs inputs, std::size_t index, std::string_view what);
/// Input `index` has this rank, if its shape is known.
Result<> check_rank(const TensorType& type, std::size_t rank, std::string_view what);
/// Known extents a and b agree; a free one agrees with everything.
bool agree(std::int64_t a, std::int64_t b);

TensorType typed(DType dtype);
TensorType typed(DType dtype, Shape shape);
/// A shape of this rank with every extent free.
Shape free_shape(std::size_t rank);
/// The elements of input `index` (axes, starts, …), which must be a list when it is known.
Result<std::optional<std::vector<std::int64_t>>> list_input(Inputs in, std::size_t index,
                                                            std::string_view what);
/// Whether every one of the elements is a number.
bool is_known(const std::optional<std::vector<std::int64_t>>& elements);
/// The elements of an integer tensor: of the constant, or those known of shape arithmetic; nothing
/// when the type says nothing.
Result<std::optional<std::vector<std::int64_t>>> elements_of(const TensorType& type,
                                                             std::string_view what);

// Products, elementwise ops and the rest, in op_types.cpp.
Result<TensorType> infer(const Gemm& op, Inputs in);
Result<TensorType> infer(const MatMul& op, Inputs in);
Result<TensorType> infer(const BatchNorm& op, Inputs in);
Result<TensorType> infer(const Unary& op, Inputs in);
Result<TensorType> infer(const Binary& op, Inputs in);
Result<TensorType> infer(const Clip& op, Inputs in);
Result<TensorType> infer(const Where& op, Inputs in);
Result<TensorType> infer(const Softmax& op, Inputs in);
Result<TensorType> infer(const Cast& op, Inputs in);
Result<TensorType> infer(const ShapeOf& op, Inputs in);
Result<TensorType> infer(const ConstantOfShape& op, Inputs in);
Result<TensorType> infer(const Identity& op, Inputs in);
Result<TensorType> infer(const QuantizedActivation& op, Inputs in);

// KernelWindow ops, in op_types_window.cpp.
Result<TensorType> infer(const Conv& op, Inputs in);
Result<TensorType> infer(const MaxPool& op, Inputs in);
Result<TensorType> infer(const AveragePool& op, Inputs in);
Result<TensorType> infer(const GlobalAveragePool& op, Inputs in);

// Ops that move elements, in op_types_layout.cpp.
Result<TensorType> infer(const Flatten& op, Inputs in);
Result<TensorType> infer(const Reshape& op, Inputs in);
Result<TensorType> infer(const Transpose& op, Inputs in);
Result<TensorType> infer(const Squeeze& op, Inputs in);
Result<TensorType> infer(const Unsqueeze& op, Inputs in);
Result<TensorType> infer(const Concat& op, Inputs in);
Result<TensorType> infer(const Slice& op, Inputs in);
Result<TensorType> infer(const Pad& op, Inputs in);
Result<TensorType> infer(const Expand& op, Inputs in);
Result<TensorType> infer(const Tile& op, Inputs in);
Result<TensorType> infer(const Gather& op, Inputs in);

// Reductions and sums of products, in op_types_reduce.cpp.
Result<TensorType> infer(const Reduce& op, Inputs in);
Result<TensorType> infer(const ArgMax& op, Inputs in);
Result<TensorType> infer(const Einsum& op, Inputs in);

// What only a host runs, in op_types_host.cpp.
Result<TensorType> infer(const NumberRange& op, Inputs in);
Result<TensorType> infer(const Resize& op, Inputs in);
Result<TensorType> infer(const Recurrent& op, Inputs in);

}  // namespace neurotool::op_types
