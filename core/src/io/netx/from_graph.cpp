// A chain of populations as Lava's layers. Two scales of an integer graph have an exact
// counterpart: currents shifted by six bits, as to_graph() makes them, and unshifted ones where no
// decay cuts bits off. Delivery takes one step in Lava, whatever the graph says; a chain does not
// notice.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "io/netx/netx.hpp"

namespace neurotool::netx {
namespace {

constexpr std::int32_t kFull = 4096;

hdf5::Item item(std::string name, Tensor value) { return {std::move(name), std::move(value), {}}; }
Tensor whole(std::int64_t value) { return Tensor::scalar(value); }

class Exporter {
 public:
  Exporter(const SpikeGraph& graph, Diagnostics& diagnostics)
      : graph_(graph), diagnostics_(diagnostics) {}

  Result<Network> run() {
    if (graph_.arithmetic != Arithmetic::kInteger) {
      fail("", "a Lava network has whole numbers, and the graph is in float32",
           "run quantize first");
    }
    const auto chain = this->chain();
    for (std::size_t i = 0; i < chain.size() && !failed_; ++i) {
      if (i == 0) {
        input(graph_[chain[0]]);
      } else {
        layer(chain[i - 1], chain[i]);
      }
    }
    if (failed_) return *failed_;
    if (graph_.dt_seconds > 0) network_.step_ms = graph_.dt_seconds * 1000;
    if (graph_.steps > 0) network_.sample_steps = graph_.steps;
    for (Layer& each : network_.layers) {
      std::ranges::sort(each.values.members, {}, &hdf5::Item::name);
      if (each.neuron) std::ranges::sort(each.neuron->values.members, {}, &hdf5::Item::name);
    }
    return std::move(network_);
  }

 private:
  void fail(const std::string& node, std::string message, std::string help = {}) {
    Error problem =
        error("netx.unsupported", ModelNode{"", node}, std::move(message), std::move(help));
    diagnostics_.report(problem);
    if (!failed_) failed_ = std::move(problem);
  }

  void out_of_range(const std::string& node, std::string message, std::string help = {}) {
    Error problem = error("netx.value", ModelNode{"", node}, std::move(message), std::move(help));
    diagnostics_.report(problem);
    if (!failed_) failed_ = std::move(problem);
  }

  /// The populations in their order, or an error where they are no chain.
  std::vector<PopulationId> chain() {
    std::vector<PopulationId> found;
    for (const PopulationId id : graph_.live_populations()) {
      const Population& population = graph_[id];
      if (std::holds_alternative<Input>(population.neuron)) {
        if (!found.empty()) fail(population.name, "a Lava network has one input");
        found.push_back(id);
      }
    }
    if (found.empty()) {
      fail("", "the graph has no input");
      return found;
    }
    std::set<std::uint32_t> seen{found[0].index};
    for (PopulationId at = found[0]; !failed_;) {
      PopulationId next;
      for (const ProjectionId id : graph_.outgoing(at)) {
        if (graph_[id].target == at) continue;
        if (next.valid() && next != graph_[id].target) {
          fail(graph_[at].name,
               fmt::format("'{}' sends to '{}' and to '{}': a Lava network is a chain",
                           graph_[at].name, graph_[next].name, graph_[graph_[id].target].name),
               "a residual network cannot be written; split it, or export NIR");
        }
        next = graph_[id].target;
      }
      if (!next.valid()) break;
      if (!seen.insert(next.index).second) {
        fail(graph_[next].name, "a cycle through several layers has no place in a Lava network");
        break;
      }
      found.push_back(next);
      at = next;
    }
    for (const PopulationId id : graph_.live_populations()) {
      if (!seen.contains(id.index) && !failed_) {
        fail(graph_[id].name,
             fmt::format("'{}' is not on the way from the input", graph_[id].name));
      }
    }
    return found;
  }

  void input(const Population& population) {
    if (std::get<Input>(population.neuron).held) {
      fail(population.name,
           "a held stimulus goes to Lava as the bias of neurons, which this input has not",
           "encode the input as spikes, or write the first layer's stimulus by hand");
      return;
    }
    network_.layers.push_back({"input", population.shape, {}, std::nullopt});
  }

  void layer(PopulationId from, PopulationId to) {
    const Population& population = graph_[to];
    Layer made{"dense", population.shape, {}, std::nullopt};
    std::vector<const Projection*> forward, back;
    for (const ProjectionId id : graph_.incoming(to)) {
      (graph_[id].source == to ? back : forward).push_back(&graph_[id]);
    }
    if (forward.size() != 1 || back.size() > 1) {
      return fail(population.name,
                  fmt::format("{} projections meet in '{}', and a Lava layer has one",
                              forward.size() + back.size(), population.name),
                  "join delays before; a residual network cannot be written");
    }
    const Projection& projection = *forward[0];
    shift_ = projection.shift;
    if (!synapses(made, projection, graph_[from])) return;
    if (!back.empty() && !recurrence(made, *back[0])) return;
    if (!neuron(made, population) || !bias(made, population)) return;
    network_.layers.push_back(std::move(made));
  }

  bool synapses(Layer& made, const Projection& projection, const Population& source) {
    if (shift_ != 0 && shift_ != 6) {
      fail(projection.name, fmt::format("a shift of {} is neither 0 nor Lava's 6", shift_));
      return false;
    }
    if (const auto* dense = std::get_if<Dense>(&projection.connectivity)) {
      if (source.shape.size() == 3) {
        network_.layers.push_back({"flatten", {1, 1, source.size()}, {}, std::nullopt});
      }
      made.values.members.push_back(item("inFeatures", whole(source.size())));
      made.values.members.push_back(item("outFeatures", whole(*element_count(made.shape))));
      if (projection.delay_steps > 1) {
        made.values.members.push_back(item("delay", whole(projection.delay_steps - 1)));
        if (projection.delay_steps - 1 > 62) {
          out_of_range(projection.name,
                       fmt::format("a delay of {} is above Lava's 62", projection.delay_steps - 1));
          return false;
        }
      }
      return add_weight(made, "weight", dense->weight, projection.name);
    }
    if (const auto* conv = std::get_if<Conv2d>(&projection.connectivity)) {
      return convolution(made, *conv, projection);
    }
    fail(projection.name,
         fmt::format("a {} has no place in a Lava network", kind_name(projection.connectivity)),
         std::holds_alternative<SumPool2d>(projection.connectivity)
             ? "write the pooling as a convolution with one group for each channel"
             : "dense and conv2d have");
    return false;
  }

  bool convolution(Layer& made, const Conv2d& conv, const Projection& projection) {
    if (conv.padding[0] != conv.padding[2] || conv.padding[1] != conv.padding[3]) {
      fail(projection.name, "the padding is not the same on both sides");
      return false;
    }
    if (projection.delay_steps > 1) {
      fail(projection.name, "a convolution has no delays in a Lava network");
      return false;
    }
    made.type = "conv";
    const Shape& shape = conv.weight.shape();
    const auto pair = [&](std::string name, std::int64_t a, std::int64_t b) {
      made.values.members.push_back(item(std::move(name), Tensor::from<std::int64_t>({2}, {a, b})));
    };
    made.values.members.push_back(item("inChannels", whole(shape[1] * conv.groups)));
    made.values.members.push_back(item("outChannels", whole(shape[0])));
    made.values.members.push_back(item("groups", whole(conv.groups)));
    pair("kernelSize", shape[2], shape[3]);
    pair("stride", conv.stride[0], conv.stride[1]);
    pair("padding", conv.padding[0], conv.padding[1]);
    pair("dilation", conv.dilation[0], conv.dilation[1]);
    return add_weight(made, "weight", conv.weight, projection.name);
  }

  bool recurrence(Layer& made, const Projection& projection) {
    const auto* dense = std::get_if<Dense>(&projection.connectivity);
    if (dense == nullptr || made.type != "dense" || projection.delay_steps != 1 ||
        projection.shift != shift_) {
      fail(projection.name, "only a dense recurrence of one step has a place in a Lava network");
      return false;
    }
    made.type = "dense_rec";
    return add_weight(made, "weight_rec", dense->weight, projection.name);
  }

  bool add_weight(Layer& made, std::string name, const Tensor& weight, const std::string& node) {
    std::vector<float> values;
    bool any = false, negative = false, positive = false;
    for (std::int64_t i = 0; i < weight.size(); ++i) {
      const double value = weight.at(i);
      any = any || value != 0;
      negative = negative || value < 0;
      positive = positive || value > 0;
      values.push_back(static_cast<float>(value));
    }
    const double least = negative && positive ? -256 : -255,
                 most = negative && positive ? 254 : 255;
    const auto outside = std::ranges::find_if(values, [&](float v) {
      return v < static_cast<float>(least) || v > static_cast<float>(most);
    });
    if (outside != values.end()) {
      out_of_range(node,
                   fmt::format("the weight {} is outside Lava's {} to {}", *outside, least, most),
                   "quantize to eight bits");
      return false;
    }
    if (!any) {
      out_of_range(node, "all weights are zero, which Lava divides by", "remove the layer");
      return false;
    }
    made.values.members.push_back(
        item(std::move(name), Tensor::from(weight.shape(), std::move(values))));
    return true;
  }

  bool neuron(Layer& made, const Population& population) {
    const Firing* firing = firing_of(population.neuron);
    if (firing == nullptr) return readout(population);
    const Emission& emission = firing->emission;
    if (firing->reset != Reset::kToValue) {
      fail(population.name, "the neurons are reset by subtraction, and Lava's to zero",
           "Lava would load the file and compute something else; train with a hard reset");
      return false;
    }
    const bool plain = emission == Emission{} && firing->window == Window{} &&
                       firing->radix_bits == 0 && is_zero(firing->reset_value) &&
                       is_zero(firing->initial_membrane);
    if (!plain) {
      fail(population.name,
           "more than one spike in a step, windows, v(0) and reset values have no "
           "place in a Lava network");
      return false;
    }
    return decays(made, population) && threshold(made, population, *firing);
  }

  bool readout(const Population& population) {
    const auto* li = std::get_if<Li>(&population.neuron);
    if (li != nullptr && !li->decay.defined() && is_zero(li->initial_membrane)) return true;
    fail(population.name, "a population that never fires is a plain sum in a Lava network");
    return false;
  }

  bool decays(Layer& made, const Population& population) {
    Tensor current = Tensor::scalar(std::int32_t{0}), membrane = Tensor::scalar(kFull);
    std::uint32_t current_shift = 12, membrane_shift = 12;
    Rounding rounding = Rounding::kTowardZero;
    if (const auto* lif = std::get_if<Lif>(&population.neuron)) {
      membrane = lif->decay;
      membrane_shift = lif->decay_shift;
      rounding = lif->rounding;
    } else if (const auto* cuba = std::get_if<CubaLif>(&population.neuron)) {
      membrane = cuba->decay;
      current = cuba->current_decay;
      membrane_shift = cuba->decay_shift;
      current_shift = cuba->current_decay_shift;
      rounding = cuba->rounding;
    } else if (!std::holds_alternative<If>(population.neuron)) {
      fail(population.name, "a relay has no place in a Lava network");
      return false;
    }
    made.neuron = Neuron{"CUBA", {}};
    bool cuts = false;
    if (!decay(*made.neuron, "iDecay", current, current_shift, population, cuts) ||
        !decay(*made.neuron, "vDecay", membrane, membrane_shift, population, cuts)) {
      return false;
    }
    if (cuts && (shift_ != 6 || rounding != Rounding::kTowardZero)) {
      fail(population.name,
           "a decay cuts bits off, and only currents shifted by six bits and cut "
           "towards zero lose the same ones in Lava");
      return false;
    }
    return true;
  }

  bool decay(Neuron& neuron, std::string name, const Tensor& kept, std::uint32_t shift,
             const Population& population, bool& cuts) {
    std::vector<std::int64_t> made;
    for (std::int64_t i = 0; i < kept.size(); ++i) {
      const double exact = kFull - std::ldexp(kept.at(i), 12 - static_cast<int>(shift));
      if (!(exact >= 0 && exact <= kFull) || exact != std::trunc(exact)) {
        out_of_range(
            population.name,
            fmt::format("{} is {} of 4096, expected a whole number of 0 to 4096", name, exact));
        return false;
      }
      cuts = cuts || (exact != 0 && exact != kFull);
      made.push_back(static_cast<std::int64_t>(exact));
    }
    const bool one = std::ranges::adjacent_find(made, std::ranges::not_equal_to{}) == made.end();
    if (!one && static_cast<std::int64_t>(made.size()) != population.size()) {
      fail(population.name,
           fmt::format("{} for each channel has no place in a Lava network", name));
      return false;
    }
    neuron.values.members.push_back(
        item(std::move(name),
             one ? whole(made[0]) : Tensor::from({population.size()}, std::move(made))));
    return true;
  }

  bool threshold(Layer& made, const Population& population, const Firing& firing) {
    const double value = firing.threshold.at(0), unit = shift_ == 6 ? 64 : 1;
    // Of whole numbers, those above v are those from v + 1 on.
    const bool above = firing.comparison == Comparison::kAbove;
    for (std::int64_t i = 1; i < firing.threshold.size(); ++i) {
      if (firing.threshold.at(i) == value) continue;
      fail(population.name, "the thresholds differ, and a Lava layer has one",
           "scale the weights so that all neurons share one");
      return false;
    }
    const double mantissa = (above ? value : value - 1) / unit;
    if (!(mantissa >= 1 && mantissa <= 131071) || mantissa != std::trunc(mantissa)) {
      out_of_range(population.name,
                   fmt::format("the threshold {} is no multiple of {}{} within 17 bits", value,
                               unit, above ? "" : " plus 1"),
                   "Lava fires above its threshold, not at it");
      return false;
    }
    auto& members = made.neuron->values.members;
    members.push_back(item("vThMant", whole(static_cast<std::int64_t>(mantissa))));
    members.push_back(item("refDelay", whole(1)));
    members.push_back(item("gradedSpike", Tensor::scalar(std::int8_t{0}).converted(DType::kBool)));
    return true;
  }

  bool bias(Layer& made, const Population& population) {
    if (is_zero(population.bias)) return true;
    if (population.bias_timing != BiasTiming::kEveryStep ||
        std::holds_alternative<CubaLif>(population.neuron)) {
      fail(population.name,
           "a bias in some steps only, or before a synaptic current, has no place in a Lava "
           "network");
      return false;
    }
    const double unit = shift_ == 6 ? 64 : 1;
    const std::int64_t count = made.type == "conv" ? population.shape[0] : population.size();
    if (population.bias.size() != 1 && population.bias.size() != count) {
      fail(population.name,
           fmt::format("{} biases, where a Lava layer has {}", population.bias.size(), count));
      return false;
    }
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) {
      const double value = population.bias.at(population.bias.size() == 1 ? 0 : i) / unit;
      if (std::abs(value) > 4095 || value != std::trunc(value)) {
        out_of_range(
            population.name,
            fmt::format("the bias {} is {} in Lava's units, expected a whole number of 13 bits", i,
                        value));
        return false;
      }
      values.push_back(static_cast<float>(value));
    }
    made.values.members.push_back(item("bias", Tensor::from({count}, std::move(values))));
    return true;
  }

  static bool is_zero(const Tensor& tensor) {
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      if (tensor.at(i) != 0) return false;
    }
    return true;
  }

  const SpikeGraph& graph_;
  Diagnostics& diagnostics_;
  Network network_;
  std::uint32_t shift_ = 0;
  std::optional<Error> failed_;
};

}  // namespace

Result<Network> from_graph(const SpikeGraph& graph, Diagnostics& diagnostics) {
  return Exporter(graph, diagnostics).run();
}

}  // namespace neurotool::netx
