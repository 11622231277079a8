// Copies populations and projections out of the ABI and refuses words that the chip has no form
// for.
#include "read_graph.hpp"

#include <algorithm>

namespace neurotool::spikecore {
namespace {

namespace nt = neurotool::sdk;

class Reader {
 public:
  Reader(nt::Call call, const nt::Graph& graph) : call_(call), graph_(graph) {}

  std::optional<Network> read() {
    Network network;
    network.name = std::string(graph_.name());
    network.digest = std::string(graph_.fingerprint());
    network.steps = graph_.steps();
    for (const nt::Population& p : graph_.populations()) {
      if (!graph_.is_integer()) {
        refuse(p, "spikecore.float", "'{}' computes with float32; the chip has whole numbers",
               p.name)
            .help("add the pass quantize");
        return std::nullopt;
      }
      network.populations.push_back(population(p));
    }
    for (const nt::Projection& p : graph_.projections()) {
      network.projections.push_back(projection(p));
    }
    if (refused_) return std::nullopt;
    return network;
  }

 private:
  template <class... Args>
  nt::Report refuse(nt::Subject subject, std::string_view code, std::string_view pattern,
                    const Args&... args) {
    refused_ = true;
    return call_.unsupported(subject, code, pattern, args...);
  }

  template <class Node>
  void unknown(const Node& node, std::string_view name) {
    refuse(node, "spikecore.parameter", "'{}' of '{}' has no exact form on this chip", name,
           node.name)
        .help("docs/targets/spikecore.md lists what the chip takes");
  }

  static bool is_whole(const nt::TensorView& value) {
    return value.holds<std::int8_t>() || value.holds<std::int16_t>() || value.holds<std::int32_t>();
  }

  template <class Node>
  std::vector<std::int32_t> whole(const Node& node, const nt::Parameter& parameter) {
    if (is_whole(parameter.value)) return parameter.value.template to_vector<std::int32_t>();
    refuse(node, "spikecore.parameter", "'{}' of '{}' holds {}; int8, int16 or int32 is needed",
           parameter.name, node.name, nt::name_of(parameter.value.dtype()));
    return {};
  }

  template <class Node>
  std::int64_t setting(const Node& node, const nt::Parameter& parameter) {
    if (parameter.value.holds<std::int64_t>() && parameter.value.size() == 1) {
      return parameter.value.to_vector<std::int64_t>().front();
    }
    refuse(node, "spikecore.parameter", "'{}' of '{}' is not one int64", parameter.name, node.name);
    return 0;
  }

  Population population(const nt::Population& from) {
    Population p;
    p.name = std::string(from.name);
    p.shape.assign(from.shape.begin(), from.shape.end());
    p.neurons = from.neuron_count;
    p.chip = from.chip;
    p.is_output = from.is_output;
    if (from.model == "input") {
      p.model = Model::kInput;
    } else if (from.model == "relay") {
      p.model = Model::kRelay;
    } else if (from.model == "if") {
      p.model = Model::kIf;
    } else if (from.model == "lif") {
      p.model = Model::kLif;
    } else if (from.model == "li") {
      p.model = Model::kLi;
    } else {
      refuse(from, "spikecore.model", "the chip has no neurons of model '{}'", from.model)
          .help("it has input, relay, if, lif and li");
      return p;
    }
    Leak decay;
    for (const nt::Parameter& parameter : from.parameters()) {
      if (parameter.name == "payload_value" || parameter.name == "membrane_value") continue;
      const bool known = p.model == Model::kInput ? input_parameter(from, parameter, p)
                                                  : neuron_parameter(from, parameter, p, decay);
      if (!known) unknown(from, parameter.name);
    }
    set_leak(from, decay, p);
    return p;
  }

  bool input_parameter(const nt::Population& from, const nt::Parameter& parameter, Population& p) {
    if (parameter.name == "held") {
      p.held = setting(from, parameter) != 0;
    } else if (parameter.name == "bits") {
      p.bits = static_cast<std::uint32_t>(setting(from, parameter));
    } else if (parameter.name == "is_signed") {
      p.is_signed = setting(from, parameter) != 0;
    } else {
      return false;
    }
    return true;
  }

  struct Leak {
    std::vector<std::int32_t> factor;
    std::int64_t shift = 0;
    bool toward_zero = false;
  };

  bool neuron_parameter(const nt::Population& from, const nt::Parameter& parameter, Population& p,
                        Leak& decay) {
    if (parameter.name == "bias") {
      p.bias.values = whole(from, parameter);
      return true;
    }
    if (p.model == Model::kRelay) return false;
    if (parameter.name == "initial_membrane") {
      p.initial.values = whole(from, parameter);
    } else if (parameter.name == "threshold" && p.fires()) {
      p.threshold.values = whole(from, parameter);
    } else if (parameter.name == "reset" && p.fires()) {
      p.reset = setting(from, parameter) == 1 ? Reset::kToZero : Reset::kSubtract;
    } else if (parameter.name == "reset_value" && p.fires()) {
      const std::vector<std::int32_t> values = whole(from, parameter);
      return std::ranges::all_of(values, [](std::int32_t value) { return value == 0; });
    } else if (parameter.name == "decay" && p.model != Model::kIf) {
      decay.factor = whole(from, parameter);
    } else if (parameter.name == "decay_shift" && p.model != Model::kIf) {
      decay.shift = setting(from, parameter);
    } else if (parameter.name == "rounding" && p.model != Model::kIf) {
      decay.toward_zero = setting(from, parameter) == 1;
    } else {
      return false;
    }
    return true;
  }

  /// LEAK multiplies by d / 65536 and rounds toward zero.
  void set_leak(const nt::Population& from, const Leak& decay, Population& p) {
    if (decay.factor.empty()) return;
    const bool fits = decay.shift >= 0 && decay.shift <= 16;
    bool leaks = false;
    for (const std::int32_t factor : decay.factor) {
      const std::int64_t scaled =
          fits && factor >= 0 ? std::int64_t{factor} << (16 - decay.shift) : -1;
      if (scaled < 0 || scaled > 65536) {
        refuse(from, "spikecore.decay",
               "'{}' decays by {} / 2^{}; the chip has factors 0 to 65535 over 65536", from.name,
               factor, decay.shift)
            .help("give the decay at most 16 fractional bits");
        return;
      }
      leaks = leaks || scaled != 65536;
      p.decay.push_back(static_cast<std::int32_t>(scaled));
    }
    if (!leaks) {
      p.decay.clear();
    } else if (!decay.toward_zero) {
      refuse(from, "spikecore.decay", "'{}' rounds its decay to the floor; the chip rounds to zero",
             from.name)
          .help("rounding: toward zero");
    }
  }

  Projection projection(const nt::Projection& from) {
    Projection p;
    p.name = std::string(from.name);
    p.source = from.source;
    p.target = from.target;
    p.delay = from.delay_steps;
    if (from.target_port != 0) {
      refuse(from, "spikecore.parameter", "'{}' leads to port {}; neurons have port 0 alone",
             from.name, from.target_port);
    }
    if (from.kind == "dense") {
      p.kind = ProjectionKind::kDense;
    } else if (from.kind == "conv2d") {
      p.kind = ProjectionKind::kConv2d;
    } else if (from.kind == "sum_pool2d") {
      p.kind = ProjectionKind::kSumPool2d;
    } else if (from.kind == "one_to_one") {
      p.kind = ProjectionKind::kOneToOne;
    } else if (from.kind == "sparse") {
      p.kind = ProjectionKind::kSparse;
    } else {
      refuse(from, "spikecore.kind", "the chip has no projections of kind '{}'", from.kind)
          .help("it has dense, conv2d, sum_pool2d, one_to_one and sparse");
      return p;
    }
    for (const nt::Parameter& parameter : from.parameters()) {
      if (!projection_parameter(from, parameter, p)) unknown(from, parameter.name);
    }
    if (p.kind == ProjectionKind::kConv2d) p.kernel = {p.weight_shape[2], p.weight_shape[3]};
    return p;
  }

  template <std::size_t N>
  static void fill(const nt::Parameter& parameter, std::array<std::int64_t, N>& out) {
    const auto values = parameter.value.to_vector<std::int64_t>();
    std::copy_n(values.begin(), std::min(N, values.size()), out.begin());
  }

  bool projection_parameter(const nt::Projection& from, const nt::Parameter& parameter,
                            Projection& p) {
    const bool window = p.kind == ProjectionKind::kConv2d || p.kind == ProjectionKind::kSumPool2d;
    if (parameter.name == "weight") {
      p.weight = whole(from, parameter);
      if (p.kind == ProjectionKind::kConv2d) {
        const auto shape = parameter.value.shape();
        std::copy_n(shape.begin(), std::min<std::size_t>(4, shape.size()), p.weight_shape.begin());
      }
    } else if (parameter.name == "shift") {
      p.shift = static_cast<std::uint32_t>(setting(from, parameter));
    } else if (parameter.name == "stride" && window) {
      fill(parameter, p.stride);
    } else if (parameter.name == "padding" && window) {
      fill(parameter, p.padding);
    } else if (parameter.name == "kernel" && p.kind == ProjectionKind::kSumPool2d) {
      fill(parameter, p.kernel);
    } else if (parameter.name == "dilation" && p.kind == ProjectionKind::kConv2d) {
      fill(parameter, p.dilation);
    } else if (parameter.name == "groups" && p.kind == ProjectionKind::kConv2d) {
      p.groups = setting(from, parameter);
    } else if (parameter.name == "row_begin" && p.kind == ProjectionKind::kSparse) {
      p.row_begin = parameter.value.to_vector<std::int64_t>();
    } else if (parameter.name == "targets" && p.kind == ProjectionKind::kSparse) {
      p.targets = parameter.value.to_vector<std::int32_t>();
    } else {
      return false;
    }
    return true;
  }

  nt::Call call_;
  const nt::Graph& graph_;
  bool refused_ = false;
};

}  // namespace

std::optional<Network> read_graph(sdk::Call call, const sdk::Graph& graph) {
  return Reader(call, graph).read();
}

}  // namespace neurotool::spikecore
