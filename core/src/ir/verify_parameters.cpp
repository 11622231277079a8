// Invariants of the numbers in a spiking graph: present, of the right type and shape, inside their
// bits, finite, and within what docs/semantics.md gives a meaning.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

#include "ir/fields.hpp"
#include "ir/verify_checks.hpp"
#include "ir/words.hpp"

namespace neurotool::checks {
namespace {

constexpr std::uint32_t kMostShift = 31;
constexpr std::uint32_t kMostDelay = 65535;
constexpr std::uint32_t kMostRadixBits = 24;
constexpr std::uint32_t kMostPlanes = 16;

Subject subject(const Population& population) { return {population.name, population.origins}; }
Subject subject(const Projection& projection) { return {projection.name, projection.origins}; }

/// Calls f(name, tensor) for the neuron's defined tensors and the bias.
template <class F>
void each_parameter(const Population& population, F&& f) {
  const auto pick = [&]<class Field>(std::string_view name, const Field& field) {
    if constexpr (std::same_as<Field, Tensor>) {
      if (field.defined()) f(name, field);
    }
  };
  std::visit([&](const auto& neuron) { each_field(neuron, pick); }, population.neuron);
  pick("bias", population.bias);
}

/// Calls f(subject, name, tensor) for every tensor of numbers in the graph, indices left out.
template <class F>
void each_tensor(const SpikeGraph& graph, F&& f) {
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    const auto with_owner = [&](std::string_view name, const Tensor& tensor) {
      f(subject(population), name, tensor);
    };
    each_parameter(population, with_owner);
    if (population.payload_value.defined()) with_owner("payload_value", population.payload_value);
    if (population.membrane_value.defined()) {
      with_owner("membrane_value", population.membrane_value);
    }
  }
  for (const ProjectionId id : graph.live_projections()) {
    const Tensor* weight = weight_of(graph[id].connectivity);
    if (weight != nullptr) f(subject(graph[id]), "weight", *weight);
  }
}

void check_required(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    const auto require = [&](const Tensor& tensor, std::string_view name) {
      if (tensor.defined()) return;
      violated(out, model, "required-parameters", subject(population),
               fmt::format("population '{}' ({}) has no {}", population.name,
                           model_name(population.neuron), name));
    };
    if (const Firing* firing = firing_of(population.neuron)) {
      require(firing->threshold, "threshold");
    }
    if (const auto* lif = std::get_if<Lif>(&population.neuron)) require(lif->decay, "decay");
    if (const auto* cuba = std::get_if<CubaLif>(&population.neuron)) {
      require(cuba->decay, "decay");
      require(cuba->current_decay, "current_decay");
    }
  }
}

void check_thresholds(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  for (const PopulationId id : graph.live_populations()) {
    const Firing* firing = firing_of(graph[id].neuron);
    if (firing == nullptr || !firing->threshold.defined()) continue;
    const bool radix = graph.arithmetic == Arithmetic::kInteger && firing->radix_bits > 0;
    const double most = std::ldexp(std::numeric_limits<std::int32_t>::max(),
                                   radix ? 1 - static_cast<int>(firing->radix_bits) : 0);
    for (std::int64_t i = 0; i < firing->threshold.size(); ++i) {
      const double threshold = firing->threshold.at(i);
      const bool fits = graph.arithmetic == Arithmetic::kFloat32 || threshold <= most;
      if (threshold > 0 && fits) continue;
      violated(out, model, "thresholds", subject(graph[id]),
               threshold > 0
                   ? fmt::format("threshold {} of '{}' leaves 32 bits in a train of {} bits",
                                 threshold, graph[id].name, firing->radix_bits)
                   : fmt::format("element {} of the threshold of '{}' is {}, not above 0", i,
                                 graph[id].name, threshold));
      break;
    }
  }
}

void check_parameter_shapes(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    if (population.shape.empty()) continue;
    const Shape channels{population.shape[0]};
    const auto check = [&](std::string_view name, const Tensor& tensor, bool may_be_full) {
      const Shape& shape = tensor.shape();
      const bool full = may_be_full && shape == population.shape;
      if (shape.empty() || shape == channels || full) return;
      violated(out, model, "parameter-shapes", subject(population),
               fmt::format("{} of '{}' has shape {}, which is none of [], {}{}", name,
                           population.name, to_string(shape), to_string(channels),
                           may_be_full ? ", " + to_string(population.shape) : ""));
    };
    each_parameter(population,
                   [&](std::string_view name, const Tensor& tensor) { check(name, tensor, true); });
    if (population.payload_value.defined()) {
      check("payload_value", population.payload_value, false);
    }
    if (population.membrane_value.defined()) {
      check("membrane_value", population.membrane_value, false);
    }
  }
}

void check_element_types(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  const bool integer = graph.arithmetic == Arithmetic::kInteger;
  const auto complain = [&](Subject where, std::string_view name, DType found,
                            std::string_view wanted) {
    violated(out, model, "element-types", where,
             fmt::format("{} of '{}' is {}, not {}, in {} arithmetic", name, where.name,
                         short_name(found), wanted, integer ? "integer" : "float32"));
  };
  const auto is_narrow = [](DType type) {
    return type == DType::kInt8 || type == DType::kInt16 || type == DType::kInt32;
  };
  each_tensor(graph, [&](Subject where, std::string_view name, const Tensor& tensor) {
    const DType type = tensor.dtype();
    if (name == "payload_value" || name == "membrane_value") {
      const bool real = type == DType::kFloat32 || type == DType::kFloat64;
      if (!real) complain(where, name, type, "f32 or f64");
    } else if (!integer) {
      if (type != DType::kFloat32) complain(where, name, type, "f32");
    } else if (name == "weight") {
      if (!is_narrow(type)) complain(where, name, type, "i8, i16 or i32");
    } else if (type != DType::kInt32) {
      complain(where, name, type, "i32");
    }
  });
}

/// Why a tensor contradicts its quantisation, or "".
std::string quantisation_misfit(const Tensor& tensor, const Quantization& quantization) {
  const auto width = static_cast<std::uint32_t>(8 * byte_size(tensor.dtype()));
  const std::uint32_t bits = quantization.bits == 0 ? width : quantization.bits;
  if (!is_integer(tensor.dtype()) || bits > width) {
    return fmt::format("{} bits are not stored as {}", bits, short_name(tensor.dtype()));
  }
  const std::size_t channels = tensor.rank() == 0 ? 1 : static_cast<std::size_t>(tensor.shape()[0]);
  const auto& scales = quantization.scales;
  if (scales.size() != 1 && scales.size() != channels) {
    return fmt::format("{} scales fit neither 1 nor {} channels", scales.size(), channels);
  }
  const auto good = [](double scale) { return std::isfinite(scale) && scale > 0; };
  if (!std::ranges::all_of(scales, good)) return "a scale is not a finite number above 0";

  const bool is_signed = short_name(tensor.dtype())[0] == 'i';
  const int magnitude = static_cast<int>(bits) - (is_signed ? 1 : 0);
  const double least = is_signed ? -std::ldexp(1.0, magnitude) : 0;
  const double most = std::ldexp(1.0, magnitude) - 1;
  for (std::int64_t i = 0; i < tensor.size() && quantization.bits != 0; ++i) {
    const double value = tensor.at(i);
    if (value < least || value > most) {
      return fmt::format("element {} is {}, outside the {} to {} of {} bits", i, value, least, most,
                         bits);
    }
  }
  return {};
}

void check_quantisation(const Model& model, Diagnostics& out) {
  each_tensor(model.spike(), [&](Subject where, std::string_view name, const Tensor& tensor) {
    if (!tensor.quantization()) return;
    const std::string why = quantisation_misfit(tensor, *tensor.quantization());
    if (why.empty()) return;
    violated(out, model, "quantisation", where,
             fmt::format("{} of '{}': {}", name, where.name, why));
  });
}

/// The first element that is not a finite number, or -1.
std::int64_t first_not_finite(const Tensor& tensor) {
  if (!is_float(tensor.dtype())) return -1;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (!std::isfinite(tensor.at(i))) return i;
  }
  return -1;
}

void check_finite(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  each_tensor(graph, [&](Subject where, std::string_view name, const Tensor& tensor) {
    const std::int64_t i = first_not_finite(tensor);
    if (i < 0) return;
    violated(out, model, "finite", where,
             fmt::format("element {} of {} of '{}' is {}", i, name, where.name, tensor.at(i)));
  });
  if (!std::isfinite(graph.dt_seconds) || graph.dt_seconds < 0) {
    violated(out, model, "finite", {}, fmt::format("a step lasts {} seconds", graph.dt_seconds));
  }
}

void check_values_not_zero(const Model& model, Diagnostics& out) {
  each_tensor(model.spike(), [&](Subject where, std::string_view name, const Tensor& tensor) {
    if (name != "payload_value" && name != "membrane_value") return;
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      if (tensor.at(i) != 0) continue;
      violated(out, model, "real-values", where,
               fmt::format("element {} of {} of '{}' is 0, so the unit stands for nothing", i, name,
                           where.name));
      return;
    }
  });
}

/// Why these settings mean nothing, or "".
std::string firing_misfit(const Firing& firing) {
  const Emission& e = firing.emission;
  const Window& w = firing.window;
  if (e.max_per_step < 1 || e.min_per_step > 0) {
    return fmt::format("a step emits {} to {}, which leaves out 0 and 1", e.min_per_step,
                       e.max_per_step);
  }
  if (e.max_total < 0 || e.min_total > 0) {
    return fmt::format("a net count of {} to {} leaves out 0", e.min_total, e.max_total);
  }
  if (w.integrate_begin >= w.integrate_end || w.fire_begin >= w.fire_end) {
    return fmt::format("the window integrate {} to {}, fire {} to {} has no step",
                       w.integrate_begin, w.integrate_end, w.fire_begin, w.fire_end);
  }
  if (firing.radix_bits > kMostRadixBits) {
    return fmt::format("radix_bits = {} is more than {}", firing.radix_bits, kMostRadixBits);
  }
  if (firing.reset_value.defined() && firing.reset != Reset::kToValue) {
    return "a reset_value is given, but the reset subtracts";
  }
  return {};
}

/// Why the widths of a population's whole numbers mean nothing, or "".
std::string shift_misfit(const Population& population, bool integer) {
  std::string why;
  const auto look = [&](std::string_view name, const auto& field) {
    const bool is_shift = name == "decay_shift" || name == "current_decay_shift";
    if constexpr (std::same_as<std::remove_cvref_t<decltype(field)>, std::uint32_t>) {
      const std::uint32_t most = integer ? kMostShift : 0;
      if (is_shift && field > most) why = fmt::format("{} = {} is more than {}", name, field, most);
    }
  };
  std::visit([&](const auto& neuron) { each_field(neuron, look); }, population.neuron);
  if (const auto* input = std::get_if<Input>(&population.neuron)) {
    const std::uint32_t most = !integer ? 0 : input->is_signed ? 32 : 31;
    if (input->bits > most) why = fmt::format("bits = {} is more than {}", input->bits, most);
  }
  return why;
}

/// What the host could not encode; "" where it can, or where nothing is to be encoded.
std::string encoder_misfit(const Population& population) {
  const auto* input = std::get_if<Input>(&population.neuron);
  if (input == nullptr || input->encoder == Encoder{}) return "";
  const Encoder& encoder = input->encoder;
  const bool bitplane = encoder.coding == Coding::kBitplane;
  if (input->held || encoder.coding == Coding::kNone)
    return "an encoder belongs to a coded input that is given step by step";
  if (!(encoder.full_scale > 0) || !std::isfinite(encoder.full_scale))
    return fmt::format("full_scale = {} is not above 0", encoder.full_scale);
  if (!(encoder.least_change >= 0) || !std::isfinite(encoder.least_change))
    return fmt::format("least_change = {} is below 0", encoder.least_change);
  if (bitplane != (encoder.planes > 0) || encoder.planes > kMostPlanes)
    return fmt::format("{} planes with coding {}; bitplane has 1 to {}, others 0", encoder.planes,
                       word_of(encoder.coding), kMostPlanes);
  if (encoder.takes_frames && (bitplane || encoder.coding == Coding::kLatency))
    return fmt::format("coding {} spreads one value over all steps, and takes no frames",
                       word_of(encoder.coding));
  const std::int64_t channels = population.shape.empty() ? 1 : population.shape.front();
  if (channels % encoder.copies() != 0)
    return fmt::format("{} channels do not hold {} for each channel of a sample", channels,
                       encoder.copies());
  return "";
}

/// A train in base 2 doubles at every step, so that its length has the bound of a radix train's.
std::string max_pool_misfit(const MaxPool2d& pool) {
  if (pool.base != 1 && pool.base != 2) return fmt::format("base {} is neither 1 nor 2", pool.base);
  if (pool.begin >= pool.end) {
    return fmt::format("a pool from step {} to step {} never works", pool.begin, pool.end);
  }
  if (pool.base == 2 && pool.end - pool.begin > kMostRadixBits) {
    return pool.end == MaxPool2d::kForever
               ? fmt::format("a pool of base 2 needs an end, at most {} steps after its begin",
                             kMostRadixBits)
               : fmt::format("a pool of base 2 works for {} steps, and at most {} are possible",
                             pool.end - pool.begin, kMostRadixBits);
  }
  return "";
}

void check_settings(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  const bool integer = graph.arithmetic == Arithmetic::kInteger;
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    const Firing* firing = firing_of(population.neuron);
    std::string why = firing != nullptr ? firing_misfit(*firing) : "";
    if (why.empty()) why = shift_misfit(population, integer);
    if (why.empty()) why = encoder_misfit(population);
    if (why.empty() && population.bias.defined() && population.neuron.index() == 0) {
      why = "an input has no current that a bias could join";
    }
    if (why.empty()) continue;
    violated(out, model, "settings", subject(population),
             fmt::format("population '{}': {}", population.name, why));
  }
  for (const ProjectionId id : graph.live_projections()) {
    const Projection& projection = graph[id];
    if (const auto* pool = std::get_if<MaxPool2d>(&projection.connectivity)) {
      const std::string misfit = max_pool_misfit(*pool);
      if (!misfit.empty()) {
        violated(out, model, "settings", subject(projection),
                 fmt::format("projection '{}': {}", projection.name, misfit));
      }
    }
    if (projection.delay_steps > kMostDelay) {
      violated(
          out, model, "settings", subject(projection),
          fmt::format("a delay of {} steps is more than {}", projection.delay_steps, kMostDelay));
    }
    if (projection.shift > (integer ? kMostShift : 0)) {
      violated(
          out, model, "settings", subject(projection),
          fmt::format("shift = {} is more than {}", projection.shift, integer ? kMostShift : 0));
    }
  }
}

constexpr Invariant kRows[] = {
    {"required-parameters", "Thresholds and decays that a model needs are there.", Level::kSpike,
     check_required},
    {"thresholds", "Thresholds are above 0 and stay inside 32 bits.", Level::kSpike,
     check_thresholds},
    {"parameter-shapes", "A parameter is one value, one per channel or one per neuron.",
     Level::kSpike, check_parameter_shapes},
    {"element-types", "Numbers have the type of the graph's arithmetic.", Level::kSpike,
     check_element_types},
    {"quantisation", "Quantised numbers are inside their bits and have scales.", Level::kSpike,
     check_quantisation},
    {"finite", "No number is infinite or not a number.", Level::kSpike, check_finite},
    {"real-values", "payload_value and membrane_value are not 0.", Level::kSpike,
     check_values_not_zero},
    {"settings", "Emission, windows, shifts, widths and delays have a meaning.", Level::kSpike,
     check_settings},
};

}  // namespace

std::span<const Invariant> spike_parameters() { return kRows; }

}  // namespace neurotool::checks
