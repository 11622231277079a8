// Lava's fixed-point layers as populations and projections. With a the weighted sum of a step,
//   u = tz(u * (4096 - iDecay) / 4096) + 64 a,   v = tz(v * (4096 - vDecay) / 4096) + u + 64 bias,
// a spike where v > 64 vThMant, and v = 0 then; tz cuts towards zero.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/text.hpp"
#include "io/netx/netx.hpp"

namespace neurotool::netx {
namespace {

constexpr std::int32_t kFull = 4096;      ///< a decay that keeps everything
constexpr std::uint32_t kStateShift = 6;  ///< of currents and thresholds
constexpr double kLargestThreshold = 131071;
constexpr std::int64_t kMostDelay = 62;

bool is_cuba(const Neuron& neuron) { return neuron.type == "CUBA" || neuron.type == "LOIHI"; }

class Builder {
 public:
  Builder(std::string_view where, Diagnostics& diagnostics)
      : where_(where), diagnostics_(diagnostics) {}

  Result<SpikeGraph> build(const Network& network) {
    graph_.name = "netx";
    graph_.arithmetic = Arithmetic::kInteger;
    graph_.dt_seconds = network.step_ms.value_or(0) / 1000;
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
      layer_ = "/layer/" + std::to_string(i);
      add(network.layers[i], i);
    }
    if (!last_.valid()) fail("netx.unsupported", "the network has no layers");
    if (failed_) return *failed_;
    graph_[last_].output = true;
    return std::move(graph_);
  }

 private:
  void fail(std::string_view code, std::string message, std::string help = {}) {
    Error problem =
        error(code, ModelNode{std::string(where_), layer_}, std::move(message), std::move(help));
    diagnostics_.report(problem);
    if (!failed_) failed_ = std::move(problem);
  }

  void add(const Layer& layer, std::size_t index) {
    if (layer.neuron && !is_cuba(*layer.neuron)) {
      return fail("netx.unsupported",
                  fmt::format("neurons of type '{}' have no counterpart here",
                              escape_control(layer.neuron->type)),
                  "CUBA and LOIHI neurons are read");
    }
    const std::string name = fmt::format("{}_{}", layer.type, index);
    if (layer.type == "input") return input(layer, index);
    if (layer.type == "flatten") return;  // both orders are channels, rows, columns
    if (layer.type == "conv") return conv(layer, name);
    if (layer.type == "dense" || layer.type == "dense_rec") return dense(layer, name);
    fail("netx.unsupported",
         fmt::format("a layer of type '{}' has no counterpart here", escape_control(layer.type)),
         layer.type == "recurrent" ? "write it as 'dense_rec', which today's Lava loads"
                                   : "input, flatten, dense, dense_rec and conv are read");
  }

  void input(const Layer& layer, std::size_t index) {
    if (index != 0) return fail("netx.unsupported", "an input is only the first layer");
    Population source{.name = "input", .shape = layer.shape, .neuron = Input{}};
    source.origins = {layer_};
    auto& stimulus = std::get<Input>(source.neuron);
    if (!layer.neuron) {
      stimulus = {.held = false, .bits = 1, .is_signed = false};
      last_ = graph_.add(std::move(source));
      return;
    }
    // The stimulus is the bias of the neurons: a mantissa of 13 bits.
    stimulus = {.held = true, .bits = 13, .is_signed = true};
    last_ = graph_.add(std::move(source));
    Layer neurons = layer;
    neurons.values.members.clear();
    if (const auto id = population(neurons, "neurons_0")) {
      if (!std::holds_alternative<If>(graph_[*id].neuron) &&
          !std::holds_alternative<Lif>(graph_[*id].neuron)) {
        return fail("netx.unsupported", "a stimulus as bias needs an iDecay of 4096");
      }
      join(last_, *id, OneToOne{Tensor::scalar(std::int32_t{1})}, 0);
      last_ = *id;
    }
  }

  void conv(const Layer& layer, const std::string& name) {
    const auto pair = [&](std::string_view what, std::int64_t otherwise) {
      std::array<std::int64_t, 2> made{otherwise, otherwise};
      const Tensor tensor = layer.number(what);
      for (std::int64_t i = 0; i < 2 && tensor.defined() && tensor.size() > 0; ++i) {
        made[static_cast<std::size_t>(i)] =
            static_cast<std::int64_t>(tensor.at(std::min(i, tensor.size() - 1)));
      }
      return made;
    };
    Tensor weight = layer.number("weight");
    if (weight.rank() == 5 && weight.shape()[4] == 1) {
      weight = weight.reshaped({weight.shape().begin(), weight.shape().end() - 1});
    }
    if (weight.rank() != 4)
      return fail("netx.value", "the weight of a convolution has not four axes");
    if (!last_.valid()) return fail("netx.unsupported", "a convolution without an input before it");
    auto whole = weights(weight, Clip::kNo);
    if (!whole) return;
    const auto padding = pair("padding", 0);
    Conv2d made{*std::move(whole),
                pair("stride", 1),
                {padding[0], padding[1], padding[0], padding[1]},
                pair("dilation", 1),
                pair("groups", 1)[0]};
    const auto shape = target_shape(Connectivity(made), graph_[last_].shape);
    if (!shape || !*shape || **shape != layer.shape) {
      return fail("netx.value",
                  fmt::format("the layer says the shape {}, and the convolution of {} gives {}",
                              to_string(layer.shape), to_string(graph_[last_].shape),
                              shape && *shape ? to_string(**shape) : "none"));
    }
    if (const auto id = population(layer, name)) {
      join(last_, *id, std::move(made), 1);
      last_ = *id;
    }
  }

  void dense(const Layer& layer, const std::string& name) {
    const Tensor given = layer.number("weight");
    const std::int64_t targets = *element_count(layer.shape);
    if (!given.defined() || given.size() == 0 || given.size() % targets != 0) {
      return fail("netx.value", fmt::format("the weight does not fit {} neurons", targets));
    }
    const std::int64_t sources = given.size() / targets;
    auto whole = weights(given.reshaped({targets, sources}), Clip::kMixed);
    if (!whole) return;
    if (!last_.valid()) {
      Population source{.name = "input",
                        .shape = {sources},
                        .neuron = Input{.held = false, .bits = 1, .is_signed = false}};
      last_ = graph_.add(std::move(source));
    }
    if (graph_[last_].size() != sources) {
      return fail("netx.value", fmt::format("{} neurons come before a weight for {}",
                                            graph_[last_].size(), sources));
    }
    const auto id = population(layer, name);
    if (!id) return;
    connect_with_delays(layer, *id, *whole);
    if (layer.type == "dense_rec") recur(layer, *id);
    last_ = *id;
  }

  void recur(const Layer& layer, PopulationId id) {
    const std::int64_t count = graph_[id].size();
    const Tensor weight = layer.number("weight_rec");
    if (!weight.defined() || weight.size() != count * count) {
      return fail("netx.value", fmt::format("'weight_rec' does not fit {} neurons", count));
    }
    if (layer.number("delay").defined()) {
      return fail("netx.unsupported", "a recurrent layer with delays is not computed as it reads");
    }
    if (auto whole = weights(weight.reshaped({count, count}), Clip::kMixed)) {
      join(id, id, Dense{*std::move(whole)}, 1);
    }
  }

  enum class Clip { kNo, kMixed };

  /// Whole numbers; Lava cuts a dense matrix of both signs to nine bits.
  std::optional<Tensor> weights(const Tensor& given, Clip clip) {
    std::vector<std::int32_t> made(static_cast<std::size_t>(given.size()));
    double least = 0, most = 0;
    for (std::int64_t i = 0; i < given.size(); ++i) {
      least = std::min(least, given.at(i));
      most = std::max(most, given.at(i));
    }
    const bool mixed = clip == Clip::kMixed && least < 0 && most > 0;
    std::int64_t cut = 0;
    for (std::int64_t i = 0; i < given.size(); ++i) {
      double value = given.at(i);
      if (!(std::abs(value) < 0x1p24) || value != std::trunc(value)) {
        fail("netx.value", fmt::format("the weight {} is {}, expected a whole number", i, value));
        return std::nullopt;
      }
      const double inside = mixed ? std::clamp(value, -256.0, 254.0) : value;
      cut += inside != value ? 1 : 0;
      made[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(inside);
    }
    if (cut > 0) {
      diagnostics_.report(warning(
          "netx.value", ModelNode{std::string(where_), layer_},
          fmt::format("{} of {} weights are cut to -256 … 254, as Lava does", cut, given.size()),
          "scale the weights and the threshold of the layer"));
    }
    return Tensor::from(given.shape(), std::move(made));
  }

  void join(PopulationId from, PopulationId to, Connectivity connectivity, std::uint32_t delay) {
    Projection& made = graph_[graph_.connect(from, to, std::move(connectivity), delay)];
    made.shift = kStateShift;
    made.origins = {layer_};
  }

  /// One projection for each delay that occurs: scalar, by target, by source or by synapse.
  void connect_with_delays(const Layer& layer, PopulationId id, const Tensor& weight) {
    const Tensor delay = layer.number("delay");
    const std::int64_t targets = weight.shape()[0], sources = weight.shape()[1];
    const bool by_target = delay.size() == targets && delay.rank() <= 1;
    const bool by_source = delay.size() == sources && delay.rank() <= 1;
    const bool by_synapse = delay.defined() && delay.size() == targets * sources;
    if (delay.defined() && delay.size() != 1 && !by_target && !by_source && !by_synapse) {
      return fail("netx.value", fmt::format("a delay {} does not fit the weight {}",
                                            to_string(delay.shape()), to_string(weight.shape())));
    }
    if (by_target && by_source && delay.size() > 1) {
      diagnostics_.report(warning("netx.value", ModelNode{std::string(where_), layer_},
                                  fmt::format("{} delays stand for targets or for sources, and are "
                                              "taken for targets",
                                              delay.size()),
                                  "write one delay for each synapse"));
    }
    const auto delay_at = [&](std::int64_t target, std::int64_t source) -> std::int64_t {
      if (!delay.defined()) return 0;
      const std::int64_t place = delay.size() == 1 ? 0
                                 : by_target       ? target
                                 : by_source       ? source
                                                   : target * sources + source;
      return std::clamp(static_cast<std::int64_t>(delay.at(place)), std::int64_t{0}, kMostDelay);
    };
    std::set<std::int64_t> delays;
    for (std::int64_t t = 0; t < targets; ++t) {
      for (std::int64_t s = 0; s < sources; ++s) delays.insert(delay_at(t, s));
    }
    for (const std::int64_t each : delays) {
      Connectivity made = Dense{weight};
      if (delays.size() > 1) {
        made = sparse_where(weight,
                            [&](std::int64_t t, std::int64_t s) { return delay_at(t, s) == each; });
      }
      join(last_, id, std::move(made), static_cast<std::uint32_t>(1 + each));
    }
  }

  template <class Keep>
  static Sparse sparse_where(const Tensor& weight, Keep&& keep) {
    const std::int64_t targets = weight.shape()[0], sources = weight.shape()[1];
    const auto all = weight.as<std::int32_t>();
    std::vector<std::int64_t> begin{0};
    std::vector<std::int32_t> ends, values;
    for (std::int64_t s = 0; s < sources; ++s) {
      for (std::int64_t t = 0; t < targets; ++t) {
        const std::int32_t value = all[static_cast<std::size_t>(t * sources + s)];
        if (value == 0 || !keep(t, s)) continue;
        ends.push_back(static_cast<std::int32_t>(t));
        values.push_back(value);
      }
      begin.push_back(static_cast<std::int64_t>(ends.size()));
    }
    const auto count = static_cast<std::int64_t>(ends.size());
    return {Tensor::from({sources + 1}, std::move(begin)), Tensor::from({count}, std::move(ends)),
            Tensor::from({count}, std::move(values))};
  }

  /// A decay of the file, 0 … 4096, as what is kept; one value or one for each neuron.
  std::optional<Tensor> kept(const Neuron& neuron, std::string_view name, const Shape& shape) {
    const Tensor decay = neuron.number(name);
    const std::int64_t count = *element_count(shape);
    if (!decay.defined() || (decay.size() != 1 && decay.size() != count)) {
      fail("netx.value",
           fmt::format("'{}' is not one number, or one for each of {} neurons", name, count));
      return std::nullopt;
    }
    std::vector<std::int32_t> made;
    for (std::int64_t i = 0; i < decay.size(); ++i) {
      const double value = decay.at(i);
      if (!(value >= 0 && value <= kFull) || value != std::trunc(value)) {
        fail("netx.value",
             fmt::format("'{}' is {}, expected a whole number of 0 to 4096", name, value));
        return std::nullopt;
      }
      made.push_back(kFull - static_cast<std::int32_t>(value));
    }
    if (made.size() == 1) return Tensor::scalar(made[0]);
    return Tensor::from(shape, std::move(made));
  }

  static bool all_are(const Tensor& tensor, std::int32_t value) {
    return std::ranges::all_of(tensor.as<std::int32_t>(),
                               [&](std::int32_t v) { return v == value; });
  }

  std::optional<PopulationId> population(const Layer& layer, const std::string& name) {
    Population made{.name = name, .shape = layer.shape, .neuron = Li{}};
    made.origins = {layer_};
    if (layer.neuron && !set_neuron(made, *layer.neuron)) return std::nullopt;
    if (!set_bias(made, layer)) return std::nullopt;
    return graph_.add(std::move(made));
  }

  bool set_neuron(Population& made, const Neuron& neuron) {
    const auto current = kept(neuron, "iDecay", made.shape);
    const auto membrane = kept(neuron, "vDecay", made.shape);
    const Tensor mantissa = neuron.number("vThMant");
    if (!current || !membrane) return false;
    const double threshold = mantissa.defined() && mantissa.size() == 1 ? mantissa.at(0) : -1;
    if (!(threshold >= 0 && threshold <= kLargestThreshold) || threshold != std::trunc(threshold)) {
      fail("netx.value", "'vThMant' is not one whole number of 0 to 131071");
      return false;
    }
    Firing firing;
    // Above in whole numbers is one more.
    firing.threshold = Tensor::scalar((static_cast<std::int32_t>(threshold) << kStateShift) + 1);
    firing.reset = Reset::kToValue;
    constexpr auto kCut = Rounding::kTowardZero;
    if (all_are(*current, 0) && all_are(*membrane, kFull)) {
      made.neuron = If{firing};
    } else if (all_are(*current, 0)) {
      made.neuron = Lif{firing, *membrane, 12, kCut};
    } else {
      made.neuron = CubaLif{firing, *membrane, *current, 12, 12, kCut};
    }
    return true;
  }

  bool set_bias(Population& made, const Layer& layer) {
    const Tensor bias = layer.number("bias");
    if (!bias.defined()) return true;
    std::vector<std::int32_t> values;
    bool any = false;
    for (std::int64_t i = 0; i < bias.size(); ++i) {
      const double value = bias.at(i);
      if (!(std::abs(value) <= 4096) || value != std::trunc(value)) {
        fail("netx.value",
             fmt::format("the bias {} is {}, expected a whole number of 13 bits", i, value));
        return false;
      }
      any = any || value != 0;
      values.push_back(static_cast<std::int32_t>(value) * (1 << kStateShift));
    }
    if (!any) return true;
    if (std::holds_alternative<CubaLif>(made.neuron)) {
      fail("netx.unsupported", "a bias goes past the synaptic current, which a cuba_lif cannot say",
           "an iDecay of 4096 has no synaptic current");
      return false;
    }
    const auto count = static_cast<std::int64_t>(values.size());
    const bool fits = count == 1 || count == made.shape[0] || count == made.size();
    if (!fits) {
      fail("netx.value", fmt::format("{} biases do not fit {} neurons", count, made.size()));
      return false;
    }
    made.bias = count == 1 ? Tensor::scalar(values[0])
                           : Tensor::from(count == made.size() ? made.shape : Shape{count},
                                          std::move(values));
    return true;
  }

  std::string_view where_;
  Diagnostics& diagnostics_;
  SpikeGraph graph_;
  PopulationId last_;
  std::string layer_;
  std::optional<Error> failed_;
};

}  // namespace

Result<SpikeGraph> to_graph(const Network& network, std::string_view where,
                            Diagnostics& diagnostics) {
  return Builder(where, diagnostics).build(network);
}

}  // namespace neurotool::netx
