// The walk of lower_graph(): its state, and one function for each operation it can lower. Shared by
// lowering.cpp (the walk) and lowering_ops.cpp (the operations), and by nobody else.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ir/op_types.hpp"
#include "passes/lower/linear_ops.hpp"
#include "passes/lower/lowering.hpp"
#include "passes/lower/population_builder.hpp"
#include "passes/lower/refusal.hpp"
#include "passes/tensor/tabulated_functions.hpp"

namespace neurotool::lower {

using Outcome = tl::expected<LinearForm, Refusal>;

inline Outcome refuse(std::string reason, std::string help) {
  return tl::unexpected(Refusal{std::move(reason), std::move(help)});
}

class Lowering {
 public:
  Lowering(const TensorGraph& graph, const std::string& model_path, const LoweringOptions& options,
           std::span<const NeuronParameters> parameters, Diagnostics& out)
      : graph_(graph),
        model_path_(model_path),
        options_(options),
        parameters_(parameters),
        out_(out),
        types_(graph),
        forms_(graph.values.size()),
        builder_(lowered_.graph) {}

  Result<Lowered> run();
  /// Judges every operation instead of stopping at what is wrong with the whole.
  std::vector<RefusedOp> survey();

  // One for each operation that refusal_by_kind() lets through.
  Outcome operator()(const Conv& op);
  Outcome operator()(const Gemm& op);
  Outcome operator()(const MatMul& op);
  Outcome operator()(const MaxPool& op);
  Outcome operator()(const AveragePool& op);
  Outcome operator()(const GlobalAveragePool& op);
  Outcome operator()(const Reduce& op);
  Outcome operator()(const Unary& op);
  Outcome operator()(const Clip& op);
  Outcome operator()(const QuantizedActivation& op);
  Outcome operator()(const Binary& op);
  Outcome operator()(const Softmax& op);
  Outcome operator()(const Identity&) { return form(0); }
  Outcome operator()(const Cast&) { return form(0); }
  Outcome operator()(const Flatten&) { return relabelled(); }
  Outcome operator()(const Reshape&) { return relabelled(); }
  Outcome operator()(const Squeeze&) { return relabelled(); }
  Outcome operator()(const Unsqueeze&) { return relabelled(); }
  Outcome operator()(const Transpose&) { return rearranged(); }
  Outcome operator()(const Concat&) { return rearranged(); }
  Outcome operator()(const Slice&) { return rearranged(); }
  Outcome operator()(const Pad&) { return rearranged(); }
  Outcome operator()(const Gather&) { return rearranged(); }
  Outcome operator()(const Expand&) { return rearranged(); }
  Outcome operator()(const Tile&) { return rearranged(); }
  template <class Refused>
  Outcome operator()(const Refused&) {
    check_failed(__FILE__, __LINE__, "refused", "refusal_by_kind() turns this operation away");
  }

 private:
  Result<> take_input();
  std::vector<bool> ops_that_matter() const;
  void lower(OpId id);
  /// A value of a refused operation, or an input, as if it came from outside.
  void take_from_outside(ValueId id);
  /// Where a table would do, that is the way out.
  Refusal with_way_out(Refusal refusal);
  /// A relay for a value with several readers.
  void share(ValueId value);
  Outcome lower_node();
  tl::expected<Shape, Refusal> output_shape();

  const LinearForm& form(std::size_t input) const { return *forms_[node_->inputs[input].index]; }
  bool is_constant(std::size_t input) const { return constant(input).defined(); }
  Tensor constant(std::size_t input) const;
  /// The form as one population that a convolution or pool can read, through a relay if need be;
  /// the value keeps it, so that its next reader shares the relay.
  const LinearForm& as_plain_source(std::size_t input);
  const LinearForm& as_plain(std::size_t input);
  /// The form as a matrix can read it.
  const LinearForm& as_matrix_source(std::size_t input);
  const LinearForm& through_relay(std::size_t input);

  /// An input as an operation on payloads reads it, and the constant that comes with each element.
  struct Apart {
    LinearForm payloads;
    std::vector<double> bias;  ///< empty, or one per element of the value
  };
  /// What `read` makes of the input, in an integer network without its bias: relays of such have
  /// none. Elsewhere a relay adds it, which is one number per channel where that of a convolution
  /// with padding differs at its border. The value keeps both.
  Apart apart(std::size_t input, const LinearForm& (Lowering::*read)(std::size_t));
  /// L(x + b) is L(x) + L(b): adds what the linear operation makes of `bias` to what it made.
  void add_image(LinearForm& made, const Op& op, const std::vector<double>& bias,
                 const Tensor& weight = {}) const;

  /// The first input as neurons with `count` channels, if that is more than one: the neurons of a
  /// convolution behind a reshape have the channels of before, and levels are for those of after.
  const LinearForm& in_channels(std::size_t count);

  Outcome matrix(const Op& op, Matrix matrix);
  Outcome pooled(const PoolGeometry& geometry, const Op& op);
  Outcome rectified(std::optional<double> cap);
  Outcome rounded(const QuantizedActivation& op, std::span<const float> levels);
  Outcome finely_rounded(const QuantizedActivation& op, std::span<const float> levels);
  /// Neurons on the form of the node's first input.
  Outcome site_neurons(Site site);
  Outcome added(double sign);
  Outcome scaled(std::size_t input, std::vector<double> factor);
  Outcome relabelled();
  Outcome rearranged();
  bool ends_the_network(ValueId value) const;
  NeuronParameters next_parameters(const Site& site) const;

  const TensorGraph& graph_;
  const std::string& model_path_;
  const LoweringOptions& options_;
  std::span<const NeuronParameters> parameters_;
  Diagnostics& out_;
  ValueTypes types_;
  std::vector<std::optional<LinearForm>> forms_;  ///< by value; absent: constant, or refused
  Lowered lowered_;
  std::vector<RefusedOp> refused_;
  bool is_survey_ = false;
  std::optional<std::set<OpId>> tabulable_;  ///< asked for at the first refusal
  PopulationBuilder builder_;
  std::int64_t batch_ = kFreeDim;
  // Of the operation at hand.
  const OpNode* node_ = nullptr;
  Shape output_;
};

}  // namespace neurotool::lower
