// The network is run once on the reference's inputs. Values come by in topological order, so the
// first that differs is the first layer that is wrong; what follows it differs because of it.
#include "session/self_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/text.hpp"
#include "eval/tensor_eval.hpp"
#include "io/npy.hpp"

namespace neurotool {
namespace {

using Arrays = std::unordered_map<std::string, Tensor>;

Error bad_reference(const std::filesystem::path& file, std::string message, std::string help) {
  return error("model.reference-data", FilePosition{.path = file.string()}, std::move(message),
               std::move(help));
}

std::string index_text(std::int64_t flat, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  return to_string(index);
}

/// Zero for equal numbers, infinities and not-a-numbers included.
double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double difference = std::abs(a - b);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

class ArrayComparison {
 public:
  ArrayComparison(const TensorGraph& graph, const Arrays& arrays, SelfCheck& check)
      : graph_(graph), arrays_(arrays), check_(check) {}

  void compare(ValueId id, const Tensor& found) {
    const Value& value = graph_[id];
    const Tensor& expected = arrays_.at(value.name);
    ValueDifference worst;
    worst.value = value.name;
    if (value.producer.valid()) {
      const OpNode& node = graph_[value.producer];
      worst.node = node.origins.empty() ? node.name : node.origins.front();
      worst.op = op_name(node.op);
    }
    ++check_.compared;
    const bool within = same_shape(found, expected, worst) && scan(found, expected, worst);
    if (!check_.largest || worst.difference > check_.largest->difference) check_.largest = worst;
    if (within) return;
    if (check_.differ++ == 0) check_.first = std::move(worst);
  }

 private:
  static bool same_shape(const Tensor& found, const Tensor& expected, ValueDifference& worst) {
    if (found.shape() == expected.shape()) return true;
    worst.difference = std::numeric_limits<double>::infinity();
    worst.problem = fmt::format("its shape is {}, the reference has {}", to_string(found.shape()),
                                to_string(expected.shape()));
    return false;
  }

  /// Fills in the element that is furthest off; whether all are within the tolerance.
  bool scan(const Tensor& found, const Tensor& expected, ValueDifference& worst) const {
    bool within = true;
    std::int64_t at = -1;
    for (std::int64_t i = 0; i < found.size(); ++i) {
      const double a = found.at(i), b = expected.at(i);
      const double off = distance(a, b);
      const double allowed = check_.tolerance.absolute + check_.tolerance.relative * std::abs(b);
      // An infinite reference allows nothing but itself.
      within = within && (off <= allowed && (off == 0 || std::isfinite(b)));
      if (at >= 0 && off <= worst.difference) continue;
      at = i;
      worst.difference = off;
      worst.expected = b;
      worst.found = a;
    }
    if (at >= 0) worst.index = index_text(at, found.shape());
    return within;
  }

  const TensorGraph& graph_;
  const Arrays& arrays_;
  SelfCheck& check_;
};

Result<std::vector<Tensor>> inputs_from(const TensorGraph& graph, const Arrays& arrays,
                                        const std::filesystem::path& file) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs) {
    const auto found = arrays.find(graph[id].name);
    if (found == arrays.end()) {
      return bad_reference(
          file,
          fmt::format("the reference has no array '{}' for the network's input", graph[id].name),
          "save the inputs under the names that neurotool inspect shows");
    }
    inputs.push_back(found->second.dtype() == graph[id].dtype
                         ? found->second
                         : found->second.converted(graph[id].dtype));
  }
  return inputs;
}

}  // namespace

Result<SelfCheck> check_against(const Model& model, const std::filesystem::path& reference,
                                const CheckTolerance& tolerance) {
  if (model.level() != Level::kTensor) {
    return bad_reference(reference, "a spiking network has no reference values to compare",
                         "compare the trained network it was made of");
  }
  const TensorGraph& graph = model.tensor();
  NT_TRY(auto stored, read_npz(reference));
  Arrays arrays;
  for (auto& [name, tensor] : stored) arrays.emplace(escape_control(name), std::move(tensor));
  NT_TRY(const std::vector<Tensor> inputs, inputs_from(graph, arrays, reference));

  SelfCheck check{.tolerance = tolerance};
  std::vector<ValueId> watched;
  std::unordered_map<std::string, bool> named;
  for (std::uint32_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (value.removed) continue;
    named.emplace(value.name, true);
    if (value.producer.valid() && arrays.contains(value.name)) watched.push_back(ValueId{i});
  }
  for (const auto& [name, tensor] : stored) {
    if (!named.contains(escape_control(name))) check.unknown.push_back(name);
  }
  if (watched.empty()) {
    return bad_reference(reference, "no array of the reference is an output or a value in between",
                         "save outputs under the names that neurotool inspect shows");
  }
  ArrayComparison comparison(graph, arrays, check);
  const TensorEvaluator evaluator(graph);
  NT_TRY_VOID(evaluator.run(
      inputs, watched, [&](ValueId id, const Tensor& found) { comparison.compare(id, found); }));
  return check;
}

std::string to_string(const SelfCheck& check) {
  const std::string allowed =
      fmt::format("{} + {} · |reference|", number_text(check.tolerance.absolute),
                  number_text(check.tolerance.relative));
  if (!check.first) {
    return fmt::format(
        "{} values agree with the reference; '{}' is furthest off, by {:.3g}, where "
        "{} is allowed",
        check.compared, check.largest->value, check.largest->difference, allowed);
  }
  const ValueDifference& first = *check.first;
  const std::string what =
      first.problem.empty()
          ? fmt::format(
                "at {} it is {:.6g}, the reference {:.6g}, off by {:.3g}, where {} is "
                "allowed",
                first.index, first.found, first.expected, first.difference, allowed)
          : first.problem;
  return fmt::format(
      "{} of {} values differ from the reference, '{}' ({} of node '{}') the first: {}",
      check.differ, check.compared, first.value, first.op, first.node, what);
}

Json to_json(const SelfCheck& check) {
  const auto describe = [](const ValueDifference& one) {
    Json json = Json::object();
    json["value"] = one.value;
    json["node"] = one.node;
    json["op"] = one.op;
    if (!one.problem.empty()) {
      json["problem"] = one.problem;
      return json;
    }
    json["index"] = one.index;
    // JSON has no infinities.
    const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
    json["found"] = number(one.found);
    json["expected"] = number(one.expected);
    json["difference"] = number(one.difference);
    return json;
  };
  Json json = Json::object();
  json["compared"] = static_cast<std::int64_t>(check.compared);
  json["differ"] = static_cast<std::int64_t>(check.differ);
  json["absolute_tolerance"] = check.tolerance.absolute;
  json["relative_tolerance"] = check.tolerance.relative;
  if (check.first) json["first"] = describe(*check.first);
  if (check.largest) json["largest"] = describe(*check.largest);
  json["unknown"] = Json::array();
  for (const std::string& name : check.unknown) json["unknown"].push_back(name);
  return json;
}

}  // namespace neurotool
