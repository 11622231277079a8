// Activity of the float network: the inputs of its connection layers and what its activation
// functions make. A product is counted by running the layer on ones and zeros.
#include <algorithm>
#include <map>

#include "eval/tensor_eval.hpp"
#include "session/neurobench/connections.hpp"
#include "session/neurobench/metrics.hpp"

namespace neurotool::neurobench {
namespace {

bool is_activation(const Op& op) {
  if (std::holds_alternative<Clip>(op)) return true;
  const auto* unary = std::get_if<Unary>(&op);
  return unary != nullptr &&
         (unary->kind == UnaryKind::kRelu || unary->kind == UnaryKind::kSigmoid ||
          unary->kind == UnaryKind::kTanh);
}

/// 1 where the element is not 0.
Tensor indicator(const Tensor& tensor) {
  const auto values = tensor.as<float>();
  std::vector<float> ones(values.size());
  std::ranges::transform(values, ones.begin(), [](float v) { return v != 0 ? 1.0f : 0.0f; });
  return Tensor::from(tensor.shape(), std::move(ones));
}

Tensor ones_like(const Tensor& tensor) {
  return Tensor::from(tensor.shape(),
                      std::vector<float>(static_cast<std::size_t>(tensor.size()), 1.0f));
}

/// The layer's products, without its bias: each output element counts fewer than 2^24.
Result<double> products(const Op& op, const Tensor& input, const Tensor& weight) {
  const Tensor inputs[] = {input, weight};
  Op plain = op;
  if (auto* gemm = std::get_if<Gemm>(&plain)) gemm->alpha = 1;
  NT_TRY(const auto outputs, evaluate_op(plain, inputs));
  double sum = 0;
  for (const float count : outputs.front().as<float>()) sum += double{count};
  return sum;
}

bool is_ternary(const Tensor& tensor) {
  return std::ranges::all_of(tensor.as<float>(),
                             [](float v) { return v == 0 || v == 1 || v == -1; });
}

/// The sums of one network.
class FloatActivity {
 public:
  explicit FloatActivity(const TensorGraph& network) : network_(network), evaluator_(network) {
    for (const OpId id : network.live_ops()) {
      if (connection_weight(network, network[id]) != nullptr) layers_.push_back(id);
      if (is_activation(network[id].op)) activations_.push_back(id);
    }
    for (const OpId id : layers_) watched_.push_back(network[id].inputs[0]);
    for (const OpId id : activations_) watched_.push_back(network[id].outputs[0]);
  }

  Result<> add(const Tensor& batch) {
    std::map<ValueId, Tensor> seen;
    NT_TRY([[maybe_unused]] const auto outputs,
           evaluator_.run({&batch, 1}, watched_,
                          [&](ValueId id, const Tensor& value) { seen[id] = value; }));
    samples_ += batch.shape().front();
    for (const OpId id : layers_) NT_TRY_VOID(add_layer(id, seen.at(network_[id].inputs[0])));
    for (const OpId id : activations_) add_activation(id, seen.at(network_[id].outputs[0]));
    return {};
  }

  void finish(Metrics& metrics) const {
    const double samples = static_cast<double>(std::max<std::int64_t>(samples_, 1));
    metrics.samples = samples_;
    metrics.operations = SynapticOperations{sums_.effective_macs / samples,
                                            sums_.effective_acs / samples, sums_.dense / samples};
    std::int64_t zeros = 0, values = 0;
    for (const OpId id : activations_) {
      const auto& [layer_zeros, layer_values] = by_layer_.at(id);
      zeros += layer_zeros;
      values += layer_values;
      metrics.activation_sparsity_by_layer.emplace_back(
          network_[id].name, static_cast<double>(layer_zeros) / static_cast<double>(layer_values));
    }
    if (values > 0) {
      metrics.activation_sparsity = static_cast<double>(zeros) / static_cast<double>(values);
    }
  }

 private:
  Result<> add_layer(OpId id, const Tensor& input) {
    const OpNode& node = network_[id];
    const Tensor& weight = *connection_weight(network_, node);
    NT_TRY(const double effective, products(node.op, indicator(input), indicator(weight)));
    NT_TRY(const double dense, products(node.op, ones_like(input), ones_like(weight)));
    (is_ternary(input) ? sums_.effective_acs : sums_.effective_macs) += effective;
    sums_.dense += dense;
    return {};
  }

  void add_activation(OpId id, const Tensor& output) {
    auto& [zeros, values] = by_layer_[id];
    zeros += std::ranges::count(output.as<float>(), 0.0f);
    values += output.size();
  }

  const TensorGraph& network_;
  TensorEvaluator evaluator_;
  std::vector<OpId> layers_, activations_;
  std::vector<ValueId> watched_;
  SynapticOperations sums_;
  std::map<OpId, std::pair<std::int64_t, std::int64_t>> by_layer_;
  std::int64_t samples_ = 0;
};

}  // namespace

Result<> run_float(const TensorGraph& network, const SampleSource& data, std::int64_t samples,
                   std::int64_t batch, Metrics& metrics) {
  FloatActivity activity(network);
  for (std::int64_t first = 0; first < samples; first += batch) {
    NT_TRY(const Tensor inputs, data.batch(first, std::min(batch, samples - first)));
    NT_TRY_VOID(activity.add(inputs));
  }
  activity.finish(metrics);
  return {};
}

}  // namespace neurotool::neurobench
