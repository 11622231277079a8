// Parameters are visited as the graph lists them, so that a name or a type that this target does
// not know cannot be passed over: it ends in cpu.unknown-parameter or cpu.type.
#include "read_graph.hpp"

#include <algorithm>

namespace neurotool::cpu {
namespace {

template <class Value>
struct Word {
  std::string_view text;
  Value value;
};

constexpr Word<Model> kModels[] = {
    {"input", Model::kInput}, {"relay", Model::kRelay},      {"if", Model::kIf},
    {"lif", Model::kLif},     {"cuba_lif", Model::kCubaLif}, {"li", Model::kLi}};
constexpr Word<Kind> kKinds[] = {{"dense", Kind::kDense},          {"conv2d", Kind::kConv2d},
                                 {"sum_pool2d", Kind::kSumPool2d}, {"max_pool2d", Kind::kMaxPool2d},
                                 {"one_to_one", Kind::kOneToOne},  {"sparse", Kind::kSparse}};

template <class Value, std::size_t N>
std::optional<Value> find_word(const Word<Value> (&words)[N], std::string_view text) {
  for (const Word<Value>& word : words) {
    if (word.text == text) return word.value;
  }
  return std::nullopt;
}

/// Reports what this target cannot take, and remembers that it did.
class Refusals {
 public:
  explicit Refusals(sdk::Call call) : call_(call) {}

  template <class... Args>
  sdk::Report add(sdk::Subject subject, std::string_view code, std::string_view pattern,
                  const Args&... args) {
    any_ = true;
    return call_.unsupported(subject, code, pattern, args...);
  }
  bool any() const { return any_; }

 private:
  sdk::Call call_;
  bool any_ = false;
};

/// Takes the parameters of one population or projection apart.
template <class Node>
class Reader {
 public:
  Reader(Refusals& refusals, const sdk::Graph& graph, const Node& node)
      : refusals_(refusals), integer_(graph.is_integer()), node_(node) {}

  /// visit(parameter) says whether it knew the parameter.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (const sdk::Parameter& parameter : node_.parameters()) {
      if (visit(parameter)) continue;
      refusals_
          .add(node_, "cpu.unknown-parameter", "this target does not know parameter '{}' of '{}'",
               parameter.name, node_.name)
          .help("neurotool targets cpu lists what it can take");
    }
  }

  bool numbers(const sdk::Parameter& parameter, Numbers& out) {
    const sdk::TensorView& value = parameter.value;
    if (!integer_ && value.holds<float>()) {
      out.real = value.to_vector<float>();
    } else if (integer_ && is_whole(value)) {
      out.whole = value.to_vector<std::int32_t>();
    } else {
      wrong_type(parameter, integer_ ? "int8, int16 or int32" : "float32");
    }
    return true;
  }

  /// A whole number of rank 0 within [least, most].
  template <class Value>
  bool setting(const sdk::Parameter& parameter, Value& out, std::int64_t least, std::int64_t most) {
    if (!parameter.value.holds<std::int64_t>() || parameter.value.size() != 1) {
      wrong_type(parameter, "one int64");
      return true;
    }
    const std::int64_t value = parameter.value.to_vector<std::int64_t>().front();
    if (value < least || value > most) {
      refusals_.add(node_, "cpu.range", "'{}' of '{}' is {}; this target takes {} to {}",
                    parameter.name, node_.name, value, least, most);
      return true;
    }
    out = static_cast<Value>(value);
    return true;
  }

  template <std::size_t N>
  bool settings(const sdk::Parameter& parameter, std::array<std::int64_t, N>& out) {
    if (!parameter.value.holds<std::int64_t>() ||
        parameter.value.size() != static_cast<std::int64_t>(N)) {
      wrong_type(parameter, "a list of int64");
      return true;
    }
    const auto values = parameter.value.to_vector<std::int64_t>();
    std::copy(values.begin(), values.end(), out.begin());
    return true;
  }

  template <class Stored, class Value>
  bool list(const sdk::Parameter& parameter, std::vector<Value>& out) {
    if (parameter.value.holds<Stored>()) {
      out = parameter.value.to_vector<Value>();
    } else {
      wrong_type(parameter, sdk::name_of(sdk::dtype_of<Stored>()));
    }
    return true;
  }

 private:
  static bool is_whole(const sdk::TensorView& value) {
    return value.holds<std::int8_t>() || value.holds<std::int16_t>() || value.holds<std::int32_t>();
  }
  void wrong_type(const sdk::Parameter& parameter, std::string_view wanted) {
    refusals_.add(node_, "cpu.type", "'{}' of '{}' holds {}; {} is needed here", parameter.name,
                  node_.name, sdk::name_of(parameter.value.dtype()), wanted);
  }

  Refusals& refusals_;
  bool integer_;
  const Node& node_;
};

using PopulationReader = Reader<sdk::Population>;
using ProjectionReader = Reader<sdk::Projection>;

constexpr std::int64_t kMostSteps = Phases::kForever;
constexpr std::int64_t kMostPayload = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMostTotal = Emission::kUnbounded;
constexpr std::int64_t kMostShift = 30;

bool read_input(PopulationReader& reader, const sdk::Parameter& p, Population& out) {
  if (p.name == "held") return reader.setting(p, out.held, 0, 1);
  if (p.name == "bits") return reader.setting(p, out.bits, 0, 32);
  if (p.name == "is_signed") return reader.setting(p, out.is_signed, 0, 1);
  return false;
}

bool read_bias(PopulationReader& reader, const sdk::Parameter& p, Population& out) {
  if (p.name == "bias") return reader.numbers(p, out.bias);
  if (p.name == "bias_timing") return reader.setting(p, out.bias_timing, 0, 2);
  return false;
}

bool read_firing(PopulationReader& reader, const sdk::Parameter& p, Population& out) {
  if (p.name == "threshold") return reader.numbers(p, out.threshold);
  if (p.name == "comparison") return reader.setting(p, out.comparison, 0, 1);
  if (p.name == "reset") return reader.setting(p, out.reset, 0, 1);
  if (p.name == "reset_value") return reader.numbers(p, out.reset_value);
  Emission& e = out.emission;
  if (p.name == "max_per_step") return reader.setting(p, e.max_per_step, 0, kMostPayload);
  if (p.name == "min_per_step") return reader.setting(p, e.min_per_step, -kMostPayload, 0);
  if (p.name == "max_total") return reader.setting(p, e.max_total, -kMostTotal, kMostTotal);
  if (p.name == "min_total") return reader.setting(p, e.min_total, -kMostTotal, kMostTotal);
  Phases& phases = out.phases;
  if (p.name == "integrate_begin") return reader.setting(p, phases.integrate_begin, 0, kMostSteps);
  if (p.name == "integrate_end") return reader.setting(p, phases.integrate_end, 0, kMostSteps);
  if (p.name == "fire_begin") return reader.setting(p, phases.fire_begin, 0, kMostSteps);
  if (p.name == "fire_end") return reader.setting(p, phases.fire_end, 0, kMostSteps);
  if (p.name == "radix_bits") return reader.setting(p, out.radix_bits, 0, kMostShift);
  return false;
}

bool read_leak(PopulationReader& reader, const sdk::Parameter& p, Population& out) {
  if (p.name == "decay") return reader.numbers(p, out.decay);
  if (p.name == "decay_shift") return reader.setting(p, out.decay_shift, 0, kMostShift);
  if (p.name == "rounding") return reader.setting(p, out.rounding, 0, 1);
  return false;
}

bool read_synapse_leak(PopulationReader& reader, const sdk::Parameter& p, Population& out) {
  if (p.name == "current_decay") return reader.numbers(p, out.current_decay);
  if (p.name == "current_decay_shift") {
    return reader.setting(p, out.current_decay_shift, 0, kMostShift);
  }
  return false;
}

bool read_parameter(PopulationReader& reader, const sdk::Parameter& p, Population& out) {
  // For reports, never for arithmetic.
  if (p.name == "payload_value" || p.name == "membrane_value") return true;
  if (out.model == Model::kInput) return read_input(reader, p, out);
  if (read_bias(reader, p, out)) return true;
  if (out.model == Model::kRelay) return false;
  if (p.name == "initial_membrane") return reader.numbers(p, out.initial_membrane);
  if (out.fires() && read_firing(reader, p, out)) return true;
  if (out.model != Model::kIf && read_leak(reader, p, out)) return true;
  return out.model == Model::kCubaLif && read_synapse_leak(reader, p, out);
}

Population read_population(Refusals& refusals, const sdk::Graph& graph,
                           const sdk::Population& from) {
  Population out;
  out.name = std::string(from.name);
  out.shape.assign(from.shape.begin(), from.shape.end());
  // A population without axes is one neuron.
  if (out.shape.empty()) out.shape.push_back(1);
  out.is_signed = false;
  const auto model = find_word(kModels, from.model);
  if (!model) {
    refusals.add(from, "cpu.unknown-model", "this target does not know model '{}' of '{}'",
                 from.model, from.name);
    return out;
  }
  out.model = *model;
  PopulationReader reader(refusals, graph, from);
  reader.for_each([&](const sdk::Parameter& p) { return read_parameter(reader, p, out); });
  return out;
}

bool read_window(ProjectionReader& reader, const sdk::Parameter& p, Projection& out) {
  if (p.name == "stride") return reader.settings(p, out.stride);
  if (p.name == "padding") return reader.settings(p, out.padding);
  const bool max_pool = out.kind == Kind::kMaxPool2d;
  if (max_pool || out.kind == Kind::kSumPool2d) {
    if (p.name == "kernel") return reader.settings(p, out.kernel);
    if (max_pool && p.name == "base") return reader.setting(p, out.base, 1, 2);
    if (max_pool && p.name == "begin") return reader.setting(p, out.begin, 0, kMostSteps);
    if (max_pool && p.name == "end") return reader.setting(p, out.end, 0, kMostSteps);
    return false;
  }
  if (p.name == "dilation") return reader.settings(p, out.dilation);
  if (p.name == "groups") return reader.setting(p, out.groups, 1, kMostPayload);
  return false;
}

bool read_parameter(ProjectionReader& reader, const sdk::Parameter& p, Projection& out) {
  if (p.name == "shift") return reader.setting(p, out.shift, 0, kMostShift);
  if (p.name == "weight") {
    const auto shape = p.value.shape();
    if (out.kind == Kind::kConv2d && shape.size() == 4) {
      std::copy(shape.begin(), shape.end(), out.weight_shape.begin());
    }
    return reader.numbers(p, out.weight);
  }
  switch (out.kind) {
    case Kind::kConv2d:
    case Kind::kSumPool2d:
    case Kind::kMaxPool2d:
      return read_window(reader, p, out);
    case Kind::kSparse:
      if (p.name == "row_begin") return reader.list<std::int64_t>(p, out.row_begin);
      if (p.name == "targets") return reader.list<std::int32_t>(p, out.targets);
      return false;
    case Kind::kDense:
    case Kind::kOneToOne:
      return false;
  }
  return false;
}

Projection read_projection(Refusals& refusals, const sdk::Graph& graph,
                           const sdk::Projection& from) {
  Projection out;
  out.name = std::string(from.name);
  out.source = from.source;
  out.target = from.target;
  out.delay_steps = from.delay_steps;
  if (from.target_port != 0) {
    refusals.add(from, "cpu.target-port",
                 "'{}' leads to port {} of its target; the models of this target have port 0 "
                 "alone",
                 from.name, from.target_port);
  }
  const auto kind = find_word(kKinds, from.kind);
  if (!kind) {
    refusals.add(from, "cpu.unknown-kind", "this target does not know kind '{}' of '{}'", from.kind,
                 from.name);
    return out;
  }
  out.kind = *kind;
  ProjectionReader reader(refusals, graph, from);
  reader.for_each([&](const sdk::Parameter& p) { return read_parameter(reader, p, out); });
  return out;
}

}  // namespace

std::optional<Network> read_graph(sdk::Call call, const sdk::Graph& graph) {
  Refusals refusals(call);
  Network network;
  network.arithmetic = graph.is_integer() ? Arithmetic::kInteger : Arithmetic::kFloat32;
  for (const sdk::Population& p : graph.populations()) {
    network.populations.push_back(read_population(refusals, graph, p));
  }
  for (const sdk::Projection& p : graph.projections()) {
    network.projections.push_back(read_projection(refusals, graph, p));
  }
  if (refusals.any()) return std::nullopt;
  return network;
}

}  // namespace neurotool::cpu
