// Walks back from a value to the constants it is made of and evaluates what lies between. Sizes are
// checked before anything is computed: an Expand of one number can claim any shape.
#include "frontend/onnx/known_values.hpp"

#include <algorithm>

#include "eval/tensor_eval.hpp"

namespace neurotool::from_onnx {
namespace {

constexpr int kDeepest = 200;
constexpr std::int64_t kMostElements = 1 << 16;

std::optional<Tensor> from_elements(const TensorType& type) {
  if (!type.elements || !type.shape || type.dtype != DType::kInt64) return std::nullopt;
  const bool known = std::ranges::none_of(*type.elements, [](std::int64_t element) {
    return element == TensorType::kUnknown || element == TensorType::kFree;
  });
  if (!known || element_count(*type.shape) != std::ssize(*type.elements)) return std::nullopt;
  return Tensor::from<std::int64_t>(*type.shape, *type.elements);
}

bool is_small(const TensorType& type) {
  return type.shape && element_count(*type.shape).value_or(kMostElements + 1) <= kMostElements;
}

}  // namespace

std::optional<Tensor> KnownValues::find(ValueId id, int depth) {
  if (!id.valid() || depth > kDeepest || builder_.is_broken(id)) return std::nullopt;
  const TensorType& type = builder_.types()[id];
  if (type.constant.defined()) return type.constant;
  if (auto tensor = from_elements(type)) return tensor;
  const auto found = found_.find(id.index);
  if (found != found_.end()) return found->second;
  auto tensor = compute(id, depth);
  found_.emplace(id.index, tensor);
  return tensor;
}

std::optional<Tensor> KnownValues::compute(ValueId id, int depth) {
  const TensorGraph& graph = builder_.graph();
  const OpId producer = graph[id].producer;
  if (!producer.valid() || !is_small(builder_.types()[id])) return std::nullopt;
  const OpNode& node = graph[producer];
  std::vector<Tensor> inputs;
  for (const ValueId input : node.inputs) {
    auto value = input.valid() ? find(input, depth + 1) : std::optional(Tensor());
    if (!value || value->size() > kMostElements) return std::nullopt;
    inputs.push_back(*std::move(value));
  }
  const auto at = std::ranges::find(node.outputs, id) - node.outputs.begin();
  auto outputs = evaluate_op(node.op, inputs);
  if (!outputs || at >= std::ssize(*outputs)) return std::nullopt;
  return std::move((*outputs)[static_cast<std::size_t>(at)]);
}

}  // namespace neurotool::from_onnx
