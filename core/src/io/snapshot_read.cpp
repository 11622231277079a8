// A Model from the JSON and the numbered tensors of a snapshot. Nothing is trusted: every value is
// checked for its type and range where it is read, and the finished graph by verify. The first
// problem is kept with its place; reading then runs on over empty values and the result is dropped.
#include <fmt/format.h>

#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "io/snapshot_description.hpp"
#include "ir/fields.hpp"
#include "ir/verify.hpp"
#include "ir/words.hpp"

namespace neurotool {
namespace {

/// Adds one step to the place in the description for as long as it lives.
class Step {
 public:
  Step(std::string& place, std::string_view name) : place_(place), length_(place.size()) {
    if (!place.empty()) place += '.';
    place += name;
  }
  ~Step() { place_.resize(length_); }

 private:
  std::string& place_;
  std::size_t length_;
};

class Rebuilder {
 public:
  explicit Rebuilder(const TensorSource& tensors) : tensors_(tensors) {}

  Result<Model> model(const Json& top) {
    Model model;
    std::string level;
    get(top, "level", level);
    get(top, "name", model.name);
    get(top, "path", model.path);
    if (level == level_name(Level::kTensor)) {
      model.graph = TensorGraph{};
      member(top, "graph", [&](const Json& json) { read(json, model.tensor()); });
    } else if (level == level_name(Level::kSpike)) {
      model.graph = SpikeGraph{};
      member(top, "graph", [&](const Json& json) { read(json, model.spike()); });
    } else {
      fail(fmt::format("'{}' is no level", level));
    }
    if (problem_) return *std::move(problem_);
    return model;
  }

 private:
  void fail(std::string message) {
    if (problem_) return;
    if (!place_.empty()) message = fmt::format("{}: {}", place_, message);
    problem_ = error("snapshot.format", {}, std::move(message));
  }

  /// Calls f with the member `key` of an object, or fails.
  template <class F>
  void member(const Json& object, std::string_view key, F&& f) {
    const Step step(place_, key);
    const Json* found = object.is_object() ? object.find(key) : nullptr;
    if (found == nullptr) return fail("is missing");
    f(*found);
  }

  template <class T>
  void get(const Json& object, std::string_view key, T& out) {
    member(object, key, [&](const Json& json) { read(json, out); });
  }

  /// Calls f(item) for each item of a list, or fails.
  template <class F>
  void items(const Json& json, F&& f) {
    const auto* list = std::get_if<Json::Array>(&json.value());
    if (list == nullptr) return fail("is no list");
    for (std::size_t i = 0; i < list->size() && !problem_; ++i) {
      const Step step(place_, std::to_string(i));
      f((*list)[i]);
    }
  }

  void read(const Json& json, std::string& out) {
    const auto* text = std::get_if<std::string>(&json.value());
    if (text == nullptr) return fail("is no text");
    out = *text;
  }

  void read(const Json& json, bool& out) {
    const auto* flag = std::get_if<bool>(&json.value());
    if (flag == nullptr) return fail("is neither true nor false");
    out = *flag;
  }

  void read(const Json& json, double& out) {
    if (const auto* whole = std::get_if<std::int64_t>(&json.value())) {
      out = static_cast<double>(*whole);
    } else if (const auto* number = std::get_if<double>(&json.value())) {
      out = *number;
    } else {
      fail("is no number");
    }
  }

  void read(const Json& json, float& out) {
    double wide = 0;
    read(json, wide);
    out = static_cast<float>(wide);
  }

  template <std::integral T>
  requires(!std::same_as<T, bool>) void read(const Json& json, T& out) {
    const auto* number = std::get_if<std::int64_t>(&json.value());
    if (number == nullptr) return fail("is no whole number");
    if (!std::in_range<T>(*number)) return fail(fmt::format("{} is out of range", *number));
    out = static_cast<T>(*number);
  }

  template <Worded T>
  void read(const Json& json, T& out) {
    std::string word;
    read(json, word);
    const std::optional<T> value = from_word<T>(word);
    if (!value) return fail(fmt::format("'{}' is no word for this", word));
    out = *value;
  }

  template <class T>
  void read(const Json& json, std::optional<T>& out) {
    out.reset();
    if (std::holds_alternative<std::nullptr_t>(json.value())) return;
    read(json, out.emplace());
  }

  template <class Tag>
  void read(const Json& json, Id<Tag>& out) {
    out = {};
    if (!std::holds_alternative<std::nullptr_t>(json.value())) read(json, out.index);
  }

  template <class T>
  void read(const Json& json, std::vector<T>& out) {
    out.clear();
    items(json, [&](const Json& item) { read(item, out.emplace_back()); });
  }

  template <std::size_t N>
  void read(const Json& json, std::array<std::int64_t, N>& out) {
    std::vector<std::int64_t> list;
    read(json, list);
    if (list.size() != N) return fail(fmt::format("has {} numbers, not {}", list.size(), N));
    std::copy(list.begin(), list.end(), out.begin());
  }

  void read(const Json& json, Tensor& out) {
    out = {};
    if (std::holds_alternative<std::nullptr_t>(json.value())) return;
    std::uint32_t index = 0;
    DType dtype = DType::kFloat32;
    get(json, "tensor", index);
    get(json, "dtype", dtype);
    if (problem_) return;
    Result<Tensor> tensor = tensors_(index, dtype);
    if (!tensor) return fail(tensor.error().message);
    out = *std::move(tensor);
    if (json.find("quantization") == nullptr) return;
    Quantization quantization;
    member(json, "quantization", [&](const Json& inner) {
      get(inner, "scales", quantization.scales);
      get(inner, "zero_point", quantization.zero_point);
      get(inner, "bits", quantization.bits);
    });
    out = out.with_quantization(std::move(quantization));
  }

  /// Makes the alternative that the description names and fills in its fields.
  template <class... Kinds>
  void read(const Json& json, std::variant<Kinds...>& out) {
    std::string name;
    get(json, "alternative", name);
    if (problem_) return;
    const bool known = (try_alternative<Kinds>(json, name, out) || ...);
    if (!known) fail(fmt::format("'{}' is none of the kinds", name));
  }

  template <class Kind, class Variant>
  bool try_alternative(const Json& json, std::string_view name, Variant& out) {
    Kind made{};
    if (alternative_name(Variant(made)) != name) return false;
    each_field(made, [&](std::string_view key, auto& field) { get(json, key, field); });
    out = std::move(made);
    return true;
  }

  void read(const Json& json, SpikeGraph& graph) {
    get(json, "name", graph.name);
    get(json, "arithmetic", graph.arithmetic);
    get(json, "steps", graph.steps);
    get(json, "dt_seconds", graph.dt_seconds);
    get(json, "populations", graph.populations);
    get(json, "projections", graph.projections);
  }

  void read(const Json& json, Population& population) {
    get(json, "name", population.name);
    get(json, "shape", population.shape);
    get(json, "neuron", population.neuron);
    get(json, "bias", population.bias);
    get(json, "bias_timing", population.bias_timing);
    get(json, "output", population.output);
    get(json, "chip", population.chip);
    get(json, "payload_value", population.payload_value);
    get(json, "membrane_value", population.membrane_value);
    get(json, "provisional", population.provisional);
    get(json, "origins", population.origins);
    get(json, "removed", population.removed);
  }

  void read(const Json& json, Projection& projection) {
    get(json, "name", projection.name);
    get(json, "source", projection.source);
    get(json, "target", projection.target);
    get(json, "connectivity", projection.connectivity);
    get(json, "delay_steps", projection.delay_steps);
    get(json, "target_port", projection.target_port);
    get(json, "shift", projection.shift);
    get(json, "origins", projection.origins);
    get(json, "removed", projection.removed);
  }

  void read(const Json& json, TensorGraph& graph) {
    get(json, "name", graph.name);
    get(json, "values", graph.values);
    get(json, "ops", graph.ops);
    get(json, "inputs", graph.inputs);
    get(json, "outputs", graph.outputs);
  }

  void read(const Json& json, Value& value) {
    get(json, "name", value.name);
    get(json, "dtype", value.dtype);
    get(json, "shape", value.shape);
    get(json, "constant", value.constant);
    get(json, "producer", value.producer);
    get(json, "removed", value.removed);
  }

  void read(const Json& json, OpNode& op) {
    get(json, "name", op.name);
    get(json, "op", op.op);
    get(json, "inputs", op.inputs);
    get(json, "outputs", op.outputs);
    get(json, "origins", op.origins);
    get(json, "removed", op.removed);
  }

  const TensorSource& tensors_;
  std::string place_;
  std::optional<Error> problem_;
};

}  // namespace

Result<Model> rebuild_snapshot(const Json& description, const TensorSource& tensors) {
  NT_TRY(Model model, Rebuilder(tensors).model(description));
  Diagnostics diagnostics;
  verify(model, diagnostics);
  if (!diagnostics.has_errors()) return model;
  const Error violation = diagnostics.first_error();
  return error(
      "snapshot.inconsistent", violation.at,
      fmt::format("the snapshot breaks the rule '{}': {}", violation.code, violation.message));
}

}  // namespace neurotool
