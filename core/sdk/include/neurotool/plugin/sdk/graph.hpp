// Part of neurotool/plugin/sdk.hpp: the graph as values. Everything here is a view of host memory
// and good until the call returns; copy what you keep.
#ifndef NEUROTOOL_PLUGIN_SDK_GRAPH_HPP
#define NEUROTOOL_PLUGIN_SDK_GRAPH_HPP

#include <neurotool/plugin/sdk/tensor.hpp>

#include <optional>

namespace neurotool::sdk {

/// A named tensor of a population or a projection; docs/models.md lists them.
struct Parameter {
  std::string_view name, unit;
  TensorView value;
  double scale = 0;  ///< real = scale * (stored - zero_point); 0 = not quantised
  std::int32_t zero_point = 0;
  std::uint32_t bits = 0;  ///< significant bits of the stored integer; 0 = all
  TensorView scales;       ///< float64 per output channel, where channels differ

  template <class T>
  Span<const T> as() const {
    return value.as<T>();
  }
};

namespace detail {

/// What populations and projections share: parameters by name.
class Node {
 public:
  std::uint32_t index = 0;
  std::string_view name;
  std::uint32_t parameter_count = 0;

  Parameter parameter(std::uint32_t number) const {
    nt_parameter raw = sized<nt_parameter>();
    const nt_code code = host->graph->parameter(graph_, owner_, index, number, &raw);
    if (code != NT_OK)
      throw Failure(code, "plugin.graph", missing("parameter " + format("{}", number)));
    return {view(raw.name), view(raw.unit), TensorView(raw.value), raw.scale,
            raw.zero_point, raw.bits,       TensorView(raw.scales)};
  }
  std::vector<Parameter> parameters() const {
    std::vector<Parameter> all;
    for (std::uint32_t i = 0; i < parameter_count; ++i) all.push_back(parameter(i));
    return all;
  }
  /// Absent where the parameter has its default.
  std::optional<Parameter> find(std::string_view wanted) const {
    for (std::uint32_t i = 0; i < parameter_count; ++i) {
      Parameter found = parameter(i);
      if (found.name == wanted) return found;
    }
    return std::nullopt;
  }
  /// A parameter that must be there.
  Parameter parameter(std::string_view wanted) const {
    if (auto found = find(wanted)) return *found;
    throw Failure(NT_UNSUPPORTED, "plugin.parameter", missing(format("parameter '{}'", wanted)));
  }
  /// A whole-number setting of rank 0, or its default.
  std::int64_t setting(std::string_view wanted, std::int64_t fallback) const {
    const auto found = find(wanted);
    return found ? found->as<std::int64_t>()[0] : fallback;
  }
  /// A list of whole numbers ("stride", "padding"), or its default.
  std::vector<std::int64_t> settings(std::string_view wanted,
                                     std::vector<std::int64_t> fallback) const {
    const auto found = find(wanted);
    return found ? found->value.template to_vector<std::int64_t>() : fallback;
  }

  std::int32_t owner() const { return owner_; }

 protected:
  Node(const nt_graph* graph, std::int32_t owner, std::uint32_t at)
      : index(at), graph_(graph), owner_(owner) {}
  std::string missing(std::string_view what) const {
    return format("{} '{}' has no {}", owner_ == NT_POPULATION ? "population" : "projection", name,
                  what);
  }

 private:
  const nt_graph* graph_;
  std::int32_t owner_;
};

}  // namespace detail

/// One value per neuron, however it is stored: one for all, one per channel, or one each.
template <class T>
class PerNeuron {
 public:
  PerNeuron(T same, std::int64_t neurons) : same_(same), group_(neurons > 0 ? neurons : 1) {}
  PerNeuron(Span<const T> values, std::int64_t neurons)
      : values_(values),
        group_(neurons > 0 && !values.empty() ? neurons / static_cast<std::int64_t>(values.size())
                                              : 1) {}

  T operator[](std::int64_t neuron) const {
    return values_.empty() ? same_ : values_[static_cast<std::size_t>(neuron / group_)];
  }
  /// True if every neuron has the value of neuron 0 by construction.
  bool uniform() const { return values_.size() <= 1; }

 private:
  Span<const T> values_;
  T same_{};
  std::int64_t group_;
};

class Population : public detail::Node {
 public:
  Population(const nt_graph* graph, std::uint32_t at) : Node(graph, NT_POPULATION, at) {
    nt_population raw = detail::sized<nt_population>();
    const nt_code code = detail::host->graph->population(graph, at, &raw);
    if (code != NT_OK) throw Failure(code, "plugin.graph", format("there is no population {}", at));
    name = view(raw.name);
    model = view(raw.model);
    shape = {raw.shape, static_cast<std::size_t>(raw.rank)};
    neuron_count = static_cast<std::int64_t>(raw.neuron_count);
    parameter_count = raw.parameter_count;
    chip = raw.chip;
    is_input = (raw.roles & NT_ROLE_INPUT) != 0;
    is_output = (raw.roles & NT_ROLE_OUTPUT) != 0;
  }

  std::string_view model;  ///< "input", "if", "lif", …
  Span<const std::int64_t> shape;
  std::int64_t neuron_count = 0;
  std::int32_t chip = -1;  ///< -1 = anywhere
  bool is_input = false, is_output = false;

  /// A parameter for each neuron; `fallback` for all where it is not listed. T is the stored type:
  /// float in a float graph, std::int32_t in an integer graph.
  template <class T>
  PerNeuron<T> per_neuron(std::string_view parameter_name, T fallback) const {
    const auto found = find(parameter_name);
    if (!found) return PerNeuron<T>(fallback, neuron_count);
    return PerNeuron<T>(found->template as<T>(), neuron_count);
  }
};

class Projection : public detail::Node {
 public:
  Projection(const nt_graph* graph, std::uint32_t at) : Node(graph, NT_PROJECTION, at) {
    nt_projection raw = detail::sized<nt_projection>();
    const nt_code code = detail::host->graph->projection(graph, at, &raw);
    if (code != NT_OK) throw Failure(code, "plugin.graph", format("there is no projection {}", at));
    name = view(raw.name);
    kind = view(raw.kind);
    source = raw.source;
    target = raw.target;
    parameter_count = raw.parameter_count;
    delay_steps = raw.delay_steps;
    synapse_count = static_cast<std::int64_t>(raw.synapse_count);
    target_port = raw.target_port;
  }

  std::string_view kind;                 ///< "dense", "conv2d", …
  std::uint32_t source = 0, target = 0;  ///< population indices
  std::uint32_t delay_steps = 0;
  std::uint32_t target_port = 0;
  std::int64_t synapse_count = 0;  ///< after expansion
};

class Graph {
 public:
  explicit Graph(const nt_graph* graph) : graph_(graph), info_(detail::sized<nt_graph_info>()) {
    detail::expect_ok(detail::host->graph->info(graph, &info_));
    if (info_.arithmetic != NT_FLOAT32 && info_.arithmetic != NT_INTEGER) {
      throw Failure(NT_UNSUPPORTED, "plugin.graph",
                    format("the graph's arithmetic {} is newer than this plugin",
                           info_.arithmetic));
    }
  }

  std::string_view name() const { return view(info_.name); }
  double dt_seconds() const { return info_.dt_seconds; }  ///< 0 = abstract steps
  /// Changes when anything in the graph changes: a cache key.
  std::string_view fingerprint() const { return view(info_.fingerprint); }
  bool is_integer() const { return info_.arithmetic == NT_INTEGER; }
  std::uint32_t steps() const { return info_.steps; }  ///< made for so many steps; 0 = any

  std::uint32_t population_count() const { return info_.population_count; }
  std::uint32_t projection_count() const { return info_.projection_count; }
  Population population(std::uint32_t index) const { return Population(graph_, index); }
  Projection projection(std::uint32_t index) const { return Projection(graph_, index); }
  std::vector<Population> populations() const {
    std::vector<Population> all;
    for (std::uint32_t i = 0; i < population_count(); ++i) all.push_back(population(i));
    return all;
  }
  std::vector<Projection> projections() const {
    std::vector<Projection> all;
    for (std::uint32_t i = 0; i < projection_count(); ++i) all.push_back(projection(i));
    return all;
  }

  /// Synapses that leave one source neuron, by ascending target, for any kind of projection. `out`
  /// is overwritten; hand in the same vector again to save memory.
  void synapses(const Projection& from, std::uint64_t neuron, std::vector<nt_synapse>& out) const {
    out.resize(out.capacity() > 0 ? out.capacity() : 16);
    std::size_t count = out.size();
    nt_code code = detail::host->graph->synapses(graph_, from.index, neuron, out.data(), &count);
    if (code == NT_NO_ROOM) {
      out.resize(count);
      code = detail::host->graph->synapses(graph_, from.index, neuron, out.data(), &count);
    }
    if (code != NT_OK) {
      throw Failure(code, "plugin.graph",
                    format("projection '{}' has no row for neuron {}", from.name, neuron));
    }
    out.resize(count);
  }

  const nt_graph* raw() const { return graph_; }

 private:
  const nt_graph* graph_;
  nt_graph_info info_;
};

}  // namespace neurotool::sdk

#endif
