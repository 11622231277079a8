// Count, then fill. A handle is the view itself, so that a graph costs nothing to hand over.
#include "target/graph_view.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "target/fingerprint.hpp"

namespace neurotool {
namespace {

nt_dtype abi_dtype(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(byte_size(dtype) * 8);
  switch (dtype) {
    case DType::kBool:
      return {6, bits, 1};
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      return {0, bits, 1};
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
    case DType::kUint64:
      return {1, bits, 1};
    case DType::kFloat16:
    case DType::kFloat32:
    case DType::kFloat64:
      return {2, bits, 1};
    case DType::kBfloat16:
      return {4, bits, 1};
  }
  return {};
}

}  // namespace

nt_tensor abi_tensor(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  return {tensor.data(), tensor.shape().data(), nullptr, static_cast<std::int32_t>(tensor.rank()),
          abi_dtype(tensor.dtype())};
}

GraphView::GraphView(const SpikeGraph& graph) : graph_(graph) {
  for (const Population& population : graph.populations) {
    NT_CHECK(!population.removed, "a target was given a graph that is not compact");
    population_parameters_.push_back(entries(parameters_of(population, graph.arithmetic)));
  }
  for (const Projection& projection : graph.projections) {
    NT_CHECK(!projection.removed, "a target was given a graph that is not compact");
    projection_parameters_.push_back(entries(parameters_of(projection)));
  }
}

std::vector<GraphView::Entry> GraphView::entries(std::vector<GraphParameter> parameters) {
  std::vector<Entry> result;
  for (GraphParameter& parameter : parameters) {
    Entry entry{std::move(parameter), {}};
    const auto& quantization = entry.parameter.value.quantization();
    if (quantization && quantization->scales.size() > 1) {
      const auto channels = static_cast<std::int64_t>(quantization->scales.size());
      entry.scales = Tensor::from<double>({channels}, quantization->scales);
    }
    result.push_back(std::move(entry));
  }
  return result;
}

nt_code GraphView::info(nt_graph_info* out) const {
  nt_graph_info full{};
  full.name = str(graph_.name);
  full.population_count = static_cast<std::uint32_t>(graph_.populations.size());
  full.projection_count = static_cast<std::uint32_t>(graph_.projections.size());
  full.dt_seconds = graph_.dt_seconds;
  full.fingerprint = str(fingerprint());
  full.arithmetic = graph_.arithmetic == Arithmetic::kInteger ? NT_INTEGER : NT_FLOAT32;
  full.steps = graph_.steps;
  return fill(out, full);
}

nt_code GraphView::population(std::uint32_t index, nt_population* out) const {
  if (index >= graph_.populations.size()) return NT_BAD_ARGUMENT;
  const Population& population = graph_.populations[index];
  const bool is_input = std::holds_alternative<Input>(population.neuron);
  nt_population full{};
  full.name = str(population.name);
  full.model = str(model_name(population.neuron));
  full.shape = population.shape.data();
  full.rank = static_cast<std::int32_t>(population.shape.size());
  full.roles = (is_input ? std::uint32_t{NT_ROLE_INPUT} : 0) |
               (population.output ? std::uint32_t{NT_ROLE_OUTPUT} : 0);
  full.neuron_count = static_cast<std::uint64_t>(population.size());
  full.parameter_count = static_cast<std::uint32_t>(population_parameters_[index].size());
  full.chip = population.chip;
  return fill(out, full);
}

nt_code GraphView::projection(std::uint32_t index, nt_projection* out) const {
  if (index >= graph_.projections.size()) return NT_BAD_ARGUMENT;
  const Projection& projection = graph_.projections[index];
  nt_projection full{};
  full.name = str(projection.name);
  full.kind = str(kind_name(projection.connectivity));
  full.source = projection.source.index;
  full.target = projection.target.index;
  full.parameter_count = static_cast<std::uint32_t>(projection_parameters_[index].size());
  full.delay_steps = projection.delay_steps;
  full.synapse_count = static_cast<std::uint64_t>(synapse_count(
      projection.connectivity, graph_[projection.source].shape, graph_[projection.target].shape));
  full.target_port = projection.target_port;
  return fill(out, full);
}

nt_code GraphView::parameter(std::int32_t owner, std::uint32_t owner_index, std::uint32_t index,
                             nt_parameter* out) const {
  if (owner != NT_POPULATION && owner != NT_PROJECTION) return NT_BAD_ARGUMENT;
  const auto& lists = owner == NT_POPULATION ? population_parameters_ : projection_parameters_;
  if (owner_index >= lists.size() || index >= lists[owner_index].size()) return NT_BAD_ARGUMENT;
  const Entry& entry = lists[owner_index][index];
  nt_parameter full{};
  full.name = str(entry.parameter.name);
  full.value = abi_tensor(entry.parameter.value);
  full.scales = abi_tensor(entry.scales);
  if (const auto& quantization = entry.parameter.value.quantization()) {
    full.scale = quantization->scales.empty() ? 1.0 : quantization->scales.front();
    full.zero_point = quantization->zero_point;
    full.bits = quantization->bits;
  }
  return fill(out, full);
}

nt_code GraphView::synapses(std::uint32_t projection, std::uint64_t source_neuron, nt_synapse* out,
                            std::size_t* count) const {
  if (projection >= graph_.projections.size() || count == nullptr) return NT_BAD_ARGUMENT;
  const Projection& from = graph_.projections[projection];
  const Shape& source = graph_[from.source].shape;
  const Shape& target = graph_[from.target].shape;
  const auto neurons = static_cast<std::uint64_t>(element_count(source).value_or(0));
  if (source_neuron >= neurons) return NT_BAD_ARGUMENT;
  const std::vector<Synapse> row =
      neurotool::row(from.connectivity, source, target, static_cast<std::int64_t>(source_neuron));
  const std::size_t room = *count;
  *count = row.size();
  if (row.size() > room) return NT_NO_ROOM;
  if (out == nullptr && !row.empty()) return NT_BAD_ARGUMENT;
  for (std::size_t i = 0; i < row.size(); ++i) {
    out[i] = {static_cast<std::uint64_t>(row[i].target), row[i].weight};
  }
  return NT_OK;
}

const std::string& GraphView::fingerprint() const {
  std::call_once(hashed_, [this] { fingerprint_ = neurotool::fingerprint(graph_); });
  return fingerprint_;
}

const nt_graph* GraphView::handle() const { return reinterpret_cast<const nt_graph*>(this); }

const GraphView* view_of(const nt_graph* handle) {
  return reinterpret_cast<const GraphView*>(handle);
}

}  // namespace neurotool
