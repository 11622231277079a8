// The tensor operations as plain loops: the readable reference. The evaluator uses them for all but
// convolutions and matrix products, and tests compare those two with the loops here, which sum in
// double precision.
//
// Every function trusts that infer_type() has accepted the inputs and that `out` is its answer with
// no extent left free. Loops over many elements are split by index over the thread pool; what an
// element becomes never depends on the split.
#pragma once

#include <span>

#include "base/result.hpp"
#include "ir/op_types.hpp"

namespace neurotool::kernels {

/// An undefined tensor is an absent optional input.
using Inputs = std::span<const Tensor>;

// kernels_linear.cpp
Result<Tensor> run(const Conv& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Gemm& op, Inputs in, const TensorType& out);
Result<Tensor> run(const MatMul& op, Inputs in, const TensorType& out);

// kernels_window.cpp
Result<Tensor> run(const MaxPool& op, Inputs in, const TensorType& out);
Result<Tensor> run(const AveragePool& op, Inputs in, const TensorType& out);
Result<Tensor> run(const GlobalAveragePool& op, Inputs in, const TensorType& out);

// kernels_normalise.cpp
Result<Tensor> run(const BatchNorm& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Softmax& op, Inputs in, const TensorType& out);

// kernels_elementwise.cpp
Result<Tensor> run(const Unary& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Binary& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Clip& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Cast& op, Inputs in, const TensorType& out);

// kernels_quantized.cpp
Result<Tensor> run(const QuantizedActivation& op, Inputs in, const TensorType& out);

// kernels_choose.cpp
Result<Tensor> run(const Where& op, Inputs in, const TensorType& out);

// kernels_reduce.cpp
Result<Tensor> run(const Reduce& op, Inputs in, const TensorType& out);
Result<Tensor> run(const ArgMax& op, Inputs in, const TensorType& out);

// kernels_einsum.cpp
Result<Tensor> run(const Einsum& op, Inputs in, const TensorType& out);

// kernels_spread.cpp
Result<Tensor> run(const Expand& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Tile& op, Inputs in, const TensorType& out);
Result<Tensor> run(const NumberRange& op, Inputs in, const TensorType& out);

// kernels_resize.cpp
Result<Tensor> run(const Resize& op, Inputs in, const TensorType& out);

// kernels_recurrent.cpp
Result<Tensor> run(const Recurrent& op, Inputs in, const TensorType& out);

// kernels_layout.cpp
Result<Tensor> run(const Flatten& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Reshape& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Transpose& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Squeeze& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Unsqueeze& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Concat& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Slice& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Pad& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Gather& op, Inputs in, const TensorType& out);
Result<Tensor> run(const ShapeOf& op, Inputs in, const TensorType& out);
Result<Tensor> run(const ConstantOfShape& op, Inputs in, const TensorType& out);
Result<Tensor> run(const Identity& op, Inputs in, const TensorType& out);

}  // namespace neurotool::kernels
