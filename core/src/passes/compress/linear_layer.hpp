// A Conv, Gemm or MatMul with constant weights, seen as rows of weights: one for each output, one
// column for each input that it reads, and the inputs of one output position as such a row.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/tensor_graph.hpp"
#include "passes/compress/row_quantizer.hpp"

namespace neurotool::compress {

struct LinearLayer {
  OpId op;
  std::size_t groups = 1;  ///< rows of group g read the inputs of group g
  Rows weights;            ///< all groups, one after the other

  std::size_t group_rows() const { return weights.rows / groups; }
  /// The rows of one group.
  Rows group(std::size_t index) const;
  void set_group(std::size_t index, const Rows& rows);
};

/// Nothing for other ops, computed weights, transposed data, and weights that are not rows.
std::optional<LinearLayer> linear_layer(const TensorGraph& graph, OpId id);

/// Whether the op multiplies data with constant weights in a way that linear_layer() does not see
/// (recurrent layers, einsum, a constant on the left).
bool has_other_weights(const TensorGraph& graph, const OpNode& node);

/// Stores the rows as the op's weights, under a name of its own, float32. A Gemm gets its outputs
/// on axis 0, where the scales of a quantisation belong.
void write_weights(TensorGraph& graph, const LinearLayer& layer,
                   const std::optional<Quantization>& quantization = {});

/// Whether the layer has, or can get, a constant bias for each output. `rank` of its result.
bool takes_bias(const TensorGraph& graph, OpId id, std::size_t rank);
/// Adds to the bias of each output; takes_bias() must hold.
void add_to_bias(TensorGraph& graph, const LinearLayer& layer, std::span<const double> amount);

/// The axis of the layer's result that counts its outputs.
std::size_t output_axis(const Op& op, std::size_t rank);

/// Reads the inputs of single output positions.
class PatchReader {
 public:
  /// `input`: shape of the data with its batch axis, every extent known.
  static PatchReader convolution(const Conv& conv, const Shape& weight, const Shape& input);
  /// The last axis is one row.
  static PatchReader matrix(const Shape& input);

  std::int64_t positions() const { return positions_; }  ///< of one sample
  std::size_t columns() const { return columns_; }
  /// Writes columns() numbers; 0 where the window hangs over the edge.
  void read(std::span<const float> sample, std::int64_t position, std::size_t group,
            std::span<float> out) const;

 private:
  PatchReader() = default;
  struct Axis {
    std::int64_t extent, count, kernel, stride, dilation, pad;
  };
  std::vector<Axis> axes_;  ///< spatial; none for a matrix
  std::int64_t positions_ = 1;
  std::size_t columns_ = 0;
};

}  // namespace neurotool::compress
