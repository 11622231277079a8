// The words for one population, projection or operation, as the text and dot printers say them.
#include "ir/print_parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/text.hpp"
#include "ir/fields.hpp"
#include "ir/words.hpp"

namespace neurotool::printing {
namespace {

std::string number(const Tensor& tensor, double value) {
  return tensor.dtype() == DType::kFloat32 ? number_text(static_cast<float>(value))
                                           : number_text(value);
}

struct Range {
  double least = 0, most = 0;
};

/// Smallest and largest element; not-a-number takes no part. The tensor must not be empty.
Range range_of(const Tensor& tensor) {
  Range range{tensor.at(0), tensor.at(0)};
  for (std::int64_t i = 1; i < tensor.size(); ++i) {
    range.least = std::fmin(range.least, tensor.at(i));
    range.most = std::fmax(range.most, tensor.at(i));
  }
  return range;
}

std::string element_word(const Tensor& tensor, const Shape& population) {
  if (tensor.rank() == 0) return "";
  return tensor.shape() == population ? "per-neuron" : "per-channel";
}

std::string spread(const Tensor& tensor, std::string_view what) {
  if (tensor.size() == 0) return "empty";
  const Range range = range_of(tensor);
  const std::string low = number(tensor, range.least), high = number(tensor, range.most);
  if (what.empty()) return low;
  return fmt::format("{}({})", what, low == high ? low : low + ".." + high);
}

std::string steps(std::uint32_t begin, std::uint32_t end) {
  return end == Window::kForever ? fmt::format("{}..", begin) : fmt::format("{}..{}", begin, end);
}

class Words {
 public:
  void flag(bool on, std::string_view word) {
    if (on) words_.emplace_back(word);
  }
  void value(std::string_view name, std::string text) {
    words_.push_back(fmt::format("{}={}", name, text));
  }
  void tensor(std::string_view name, const Tensor& tensor, const Shape& population) {
    if (tensor.defined()) value(name, spread(tensor, element_word(tensor, population)));
  }
  std::string text() const { return joined(words_, " "); }

 private:
  std::vector<std::string> words_;
};

void add_window(Words& words, const Window& window) {
  const Window always;
  if (window == always) return;
  words.value("integrate", steps(window.integrate_begin, window.integrate_end));
  words.value("fire", steps(window.fire_begin, window.fire_end));
}

void add_emission(Words& words, const Emission& emission) {
  const Emission binary;
  if (emission.max_per_step != binary.max_per_step ||
      emission.min_per_step != binary.min_per_step) {
    words.value("emits", fmt::format("{}..{}", emission.min_per_step, emission.max_per_step));
  }
  if (emission.max_total != binary.max_total || emission.min_total != binary.min_total) {
    const bool open = emission.max_total == Emission::kUnbounded;
    words.value("total", fmt::format("{}..{}", emission.min_total,
                                     open ? "" : std::to_string(emission.max_total)));
  }
}

void add_firing(Words& words, const Firing& firing, const Shape& shape) {
  words.tensor("threshold", firing.threshold, shape);
  if (firing.comparison == Comparison::kAbove) words.value("fires", "above");
  words.value("reset", std::string(word_of(firing.reset)));
  words.tensor("reset_value", firing.reset_value, shape);
  words.tensor("v0", firing.initial_membrane, shape);
  add_emission(words, firing.emission);
  add_window(words, firing.window);
  if (firing.radix_bits > 0) words.value("radix", std::to_string(firing.radix_bits));
}

void add_decay(Words& words, std::string_view name, const Tensor& decay, std::uint32_t shift,
               const Shape& shape) {
  if (!decay.defined()) return;
  const std::string text = spread(decay, element_word(decay, shape));
  words.value(name, shift == 0 ? text : fmt::format("{}/2^{}", text, shift));
}

struct NeuronWords {
  Words& words;
  const Shape& shape;

  void operator()(const Input& input) const {
    words.flag(!input.held, "per-step");
    if (input.bits > 0) words.value("bits", std::to_string(input.bits));
    words.flag(input.is_signed, "signed");
    add_encoder(input.encoder);
  }
  void add_encoder(const Encoder& encoder) const {
    if (encoder.coding == Coding::kNone) return;
    words.value("coding", std::string(word_of(encoder.coding)));
    words.value("full_scale", number_text(encoder.full_scale));
    if (encoder.planes > 0) words.value("planes", std::to_string(encoder.planes));
    words.flag(encoder.splits_signs, "split-signs");
    words.flag(encoder.takes_frames, "frames");
    if (encoder.least_change > 0) {
      words.value("least_change", number_text(encoder.least_change));
    }
  }
  void operator()(const Relay&) const {}
  void operator()(const If& neuron) const { add_firing(words, neuron.firing, shape); }
  void operator()(const Lif& neuron) const {
    add_firing(words, neuron.firing, shape);
    add_decay(words, "decay", neuron.decay, neuron.decay_shift, shape);
    add_rounding(neuron.rounding);
  }
  void operator()(const CubaLif& neuron) const {
    add_firing(words, neuron.firing, shape);
    add_decay(words, "decay", neuron.decay, neuron.decay_shift, shape);
    add_decay(words, "current_decay", neuron.current_decay, neuron.current_decay_shift, shape);
    add_rounding(neuron.rounding);
  }
  void operator()(const Li& neuron) const {
    words.tensor("v0", neuron.initial_membrane, shape);
    add_decay(words, "decay", neuron.decay, neuron.decay_shift, shape);
    add_rounding(neuron.rounding);
  }
  void add_rounding(Rounding rounding) const {
    if (rounding != Rounding::kFloor) words.value("rounding", std::string(word_of(rounding)));
  }
};

std::string list_text(std::span<const std::int64_t> values) {
  return fmt::format("[{}]", fmt::join(values, ","));
}

struct GeometryWords {
  Words& words;

  void operator()(const Dense&) const {}
  void operator()(const OneToOne&) const {}
  void operator()(const Sparse& sparse) const {
    words.value("synapses", std::to_string(sparse.targets.size()));
  }
  void operator()(const Conv2d& conv) const {
    const Conv2d plain;
    if (conv.stride != plain.stride) words.value("stride", list_text(conv.stride));
    if (conv.padding != plain.padding) words.value("padding", list_text(conv.padding));
    if (conv.dilation != plain.dilation) words.value("dilation", list_text(conv.dilation));
    if (conv.groups != plain.groups) words.value("groups", std::to_string(conv.groups));
  }
  void operator()(const SumPool2d& pool) const { windows(pool); }
  void operator()(const MaxPool2d& pool) const {
    windows(pool);
    const MaxPool2d plain;
    if (pool.base != plain.base) words.value("base", std::to_string(pool.base));
    if (pool.begin != plain.begin || pool.end != plain.end) {
      words.value("steps", steps(pool.begin, pool.end));
    }
  }
  template <class Pool>
  void windows(const Pool& pool) const {
    const Pool plain;
    words.value("kernel", list_text(pool.kernel));
    if (pool.stride != plain.stride) words.value("stride", list_text(pool.stride));
    if (pool.padding != plain.padding) words.value("padding", list_text(pool.padding));
  }
};

/// Scales are rounded to four digits: they are for orientation, the exact ones are in the JSON.
std::string scale_text(const std::vector<double>& scales) {
  if (scales.empty()) return "none";
  const auto [least, most] = std::ranges::minmax(scales);
  if (scales.size() == 1) return fmt::format("{:.4g}", least);
  return fmt::format("per-channel({:.4g}..{:.4g})", least, most);
}

/// name and text of every field of an operation.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

struct FieldText {
  Fields& fields;

  template <class T>
  void operator()(std::string_view name, const T& field) const {
    if constexpr (std::is_same_v<T, bool>) {
      fields.emplace_back(name, field ? "yes" : "no");
    } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
      fields.emplace_back(name, list_text(field));
    } else if constexpr (std::is_same_v<T, std::vector<float>>) {
      std::vector<std::string> words;
      for (const float number : field) words.push_back(number_text(number));
      fields.emplace_back(name, fmt::format("[{}]", fmt::join(words, ",")));
    } else if constexpr (std::is_same_v<T, std::vector<Activation>>) {
      std::vector<std::string_view> words;
      for (const Activation activation : field) words.push_back(word_of(activation));
      fields.emplace_back(name, fmt::format("[{}]", fmt::join(words, ",")));
    } else if constexpr (std::is_same_v<T, std::string>) {
      fields.emplace_back(name, field);
    } else if constexpr (std::is_same_v<T, std::optional<std::int64_t>>) {
      fields.emplace_back(name, field ? std::to_string(*field) : "none");
    } else if constexpr (std::is_same_v<T, Tensor>) {
      fields.emplace_back(name, field.defined() ? summary(field) : "none");
    } else if constexpr (Worded<T>) {
      fields.emplace_back(name, word_of(field));
    } else if constexpr (std::is_same_v<T, float>) {
      fields.emplace_back(name, number_text(field));
    } else {
      fields.emplace_back(name, std::to_string(field));
    }
  }
};

Fields fields_of(const Op& op) {
  Fields fields;
  std::visit([&](const auto& kind) { each_field(kind, FieldText{fields}); }, op);
  return fields;
}

/// The operation as it is before anyone sets an attribute.
Op untouched(const Op& op) {
  return std::visit([](const auto& kind) -> Op { return std::remove_cvref_t<decltype(kind)>{}; },
                    op);
}

}  // namespace

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  return fmt::format("{}", fmt::join(words, between));
}

std::string element_text(const Tensor& tensor, std::int64_t index) {
  return number(tensor, tensor.at(index));
}

std::string summary(const Tensor& tensor) {
  return spread(tensor, tensor.rank() == 0 ? "" : to_string(tensor.shape()));
}

std::string model_and_shape(const Population& population) {
  return fmt::format("{}{}", model_name(population.neuron), to_string(population.shape));
}

std::string population_words(const Population& population) {
  Words words;
  const Shape& shape = population.shape;
  std::visit(NeuronWords{words, shape}, population.neuron);
  words.tensor("bias", population.bias, shape);
  if (population.bias_timing != BiasTiming::kEveryStep) {
    words.value("bias_timing", std::string(word_of(population.bias_timing)));
  }
  words.tensor("payload_value", population.payload_value, shape);
  words.tensor("membrane_value", population.membrane_value, shape);
  if (population.chip >= 0) words.value("chip", std::to_string(population.chip));
  words.flag(population.provisional, "provisional");
  words.flag(population.output, "output");
  return words.text();
}

std::string kind_and_shape(const Projection& projection) {
  const Tensor* weight = weight_of(projection.connectivity);
  const bool shaped = weight != nullptr && weight->rank() > 0;
  return fmt::format("{}{}", kind_name(projection.connectivity),
                     shaped ? to_string(weight->shape()) : "");
}

std::string projection_words(const Projection& projection) {
  Words words;
  const Tensor* weight = weight_of(projection.connectivity);
  if (weight != nullptr) {
    words.flag(true, short_name(weight->dtype()));
    if (weight->rank() == 0) words.value("weight", number(*weight, weight->at(0)));
    if (const auto& quantization = weight->quantization()) {
      words.value("scale", scale_text(quantization->scales));
      if (quantization->zero_point != 0) {
        words.value("zero_point", std::to_string(quantization->zero_point));
      }
      if (quantization->bits > 0) words.value("bits", std::to_string(quantization->bits));
    }
  }
  std::visit(GeometryWords{words}, projection.connectivity);
  if (projection.delay_steps > 0) words.value("delay", std::to_string(projection.delay_steps));
  if (projection.shift > 0) words.value("shift", std::to_string(projection.shift));
  if (projection.target_port > 0) words.value("port", std::to_string(projection.target_port));
  return words.text();
}

std::string op_words(const Op& op) {
  Words words;
  const Fields fields = fields_of(op), defaults = fields_of(untouched(op));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto& [name, text] = fields[i];
    if (name == "kind") continue;  // op_name() says it
    const bool always = name == "to";
    if (always || text != defaults[i].second) words.value(name, text);
  }
  return words.text();
}

std::string type_and_shape(const Value& value) {
  return fmt::format("{}{}", short_name(value.dtype), value.shape ? to_string(*value.shape) : "");
}

}  // namespace neurotool::printing
