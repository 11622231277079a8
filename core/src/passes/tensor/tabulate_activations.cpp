// Replaces activation functions that no neuron computes (sigmoid, tanh, SiLU, GELU, ELU, Mish, hard
// swish, …) by sums of clipped ramps, each of which is a rectifier that every lowering knows.
//
// A function is recognised by what it does, not by its name: whatever chain of operations computes
// element by element a function of one value is that function, so that every exporter's way of
// writing GELU is one case. How many ramps it takes depends on the function alone; where they lie,
// on the values seen in calibration. See docs/passes/tabulate_activations.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "passes/lower/calibrate.hpp"
#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/ramp_table.hpp"
#include "passes/tensor/tabulated_functions.hpp"
#include "passes/tensor/tensor_passes.hpp"
#include "passes/tensor/watch.hpp"

namespace neurotool {
namespace {

using namespace tensor_passes;

struct TabulateOptions {
  double error = 0.05;
  std::int64_t ramps = 0;
  std::int64_t samples = 512;
};

const OptionTable<TabulateOptions>& table() {
  static const OptionTable<TabulateOptions> rows{
      option("error", &TabulateOptions::error,
             "Largest error of a table; decides how many ramps a function takes.")
          .range(1e-4, 1e3),
      option("ramps", &TabulateOptions::ramps,
             "Ramps for each function; 0: as many as 'error' asks for.")
          .range(0, static_cast<double>(kMostRamps)),
      option("samples", &TabulateOptions::samples, "Calibration samples to look at, at most.")
          .range(1, 1e6),
  };
  return rows;
}

/// How often numbers come, in bins of one and a half per cent (around 0: of 0.00015). What it holds
/// depends on the numbers and on nothing else.
class Density {
 public:
  /// False when a value is not finite.
  bool add(std::span<const float> values) {
    for (const float value : values) {
      if (!std::isfinite(value)) return false;
      ++counts_[static_cast<int>(std::lround(std::asinh(double{value} / kUnit) * kBins))];
    }
    return true;
  }

  std::vector<WeightedPoint> points() const {
    std::vector<WeightedPoint> result;
    for (const auto& [bin, count] : counts_) {
      result.push_back({kUnit * std::sinh(bin / kBins), static_cast<double>(count)});
    }
    return result;
  }

 private:
  static constexpr double kUnit = 0.01, kBins = 64;
  std::map<int, std::int64_t> counts_;
};

class TabulateActivations final : public Pass {
 public:
  explicit TabulateActivations(TabulateOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  Result<std::map<ValueId, Density>> measure(const TensorGraph& graph,
                                             const std::vector<TabulatedFunction>& found,
                                             Context& context) const;
  /// Nothing when the function has no table; that has been reported.
  std::optional<RampFit> fit(const TensorGraph& graph, const TabulatedFunction& one,
                             std::span<const WeightedPoint> points, const Model& model,
                             Context& context) const;

  TabulateOptions options_;
};

/// Writes the ramps into the graph; everything that read `one.to` reads their sum.
class Writer {
 public:
  Writer(TensorGraph& graph, const TabulatedFunction& one) : graph_(graph), one_(one) {}

  void write(const RampTable& table) {
    ValueId sum;
    for (const Ramp& ramp : table.ramps) {
      const ValueId part = add(Binary{BinaryKind::kMul}, {clipped(ramp), number(ramp.gain)});
      sum = sum.valid() ? add(Binary{BinaryKind::kAdd}, {sum, part}) : part;
    }
    if (table.constant != 0) {
      sum = add(Binary{BinaryKind::kAdd}, {sum, number(table.constant)});
    }
    hand_over(sum);
  }

 private:
  ValueId number(double value) {
    return graph_.add_constant(graph_[one_.to].name + "/number",
                               Tensor::scalar(static_cast<float>(value)));
  }
  ValueId add(Op op, std::vector<ValueId> inputs) {
    const ValueId made = graph_.add_op(graph_[one_.to].name + "/ramp", std::move(op),
                                       std::move(inputs), one_.origins);
    graph_[made].shape = graph_[one_.from].shape;
    return made;
  }

  ValueId clipped(const Ramp& ramp) {
    ValueId from = one_.from;
    if (ramp.direction < 0) {
      from = ramp.knot == 0 ? add(Unary{UnaryKind::kNeg}, {from})
                            : add(Binary{BinaryKind::kSub}, {number(ramp.knot), from});
    } else if (ramp.knot != 0) {
      from = add(Binary{BinaryKind::kSub}, {from, number(ramp.knot)});
    }
    if (!std::isfinite(ramp.width)) return add(Unary{UnaryKind::kRelu}, {from});
    return add(Clip{}, {from, number(0), number(ramp.width)});
  }

  void hand_over(ValueId sum) {
    graph_.replace_uses(one_.to, sum);
    if (graph_.is_output(sum)) std::swap(graph_[sum].name, graph_[one_.to].name);
    for (auto step = one_.steps.rbegin(); step != one_.steps.rend(); ++step) {
      const ValueId made = graph_[*step].outputs[0];
      if (graph_.users(made).empty() && !graph_.is_output(made)) graph_.remove(*step);
    }
  }

  TensorGraph& graph_;
  const TabulatedFunction& one_;
};

void report(const TabulatedFunction& one, const RampFit& fit, const Model& model,
            Context& context) {
  const auto fact = [&](const char* name, double value) {
    context.facts.push_back({"tabulate_activations", one.name, name, value});
  };
  fact("ramps", static_cast<double>(fit.table.ramps.size()));
  fact("max_error", fit.max_error);
  if (fit.settles) fact("line_error", fit.line_error);
  fact("rms_error", fit.rms_error);
  if (fit.settles) return;
  context.diagnostics.report(warning(
      "tabulate_activations.range", ModelNode{model.path, one.name},
      fmt::format("'{}' does not become a straight line: its table is one below {:.4g} and above "
                  "{:.4g}",
                  one.name, fit.low, fit.high),
      "calibrate with samples that reach as far as those of the test"));
}

Result<std::map<ValueId, Density>> TabulateActivations::measure(
    const TensorGraph& graph, const std::vector<TabulatedFunction>& found, Context& context) const {
  std::map<ValueId, Density> densities;
  if (context.calibration == nullptr || graph.inputs.size() != 1) return densities;
  for (const TabulatedFunction& one : found) densities[one.from];
  std::vector<ValueId> watched;
  for (const auto& [value, density] : densities) watched.push_back(value);
  // Too few samples to run the network once are none: a table can do without.
  if (lower::runnable_samples(graph, *context.calibration, options_.samples) == 0) return densities;
  bool finite = true;
  const auto observe = [&](std::size_t i, const Tensor& values) {
    finite = densities.at(watched[i]).add(values.as<float>()) && finite;
  };
  NT_TRY_VOID(watch(graph, watched, options_.samples, "looking at activations", context, observe));
  if (finite) return densities;
  return error("lowering.not-finite", ModelNode{{}, found[0].name},
               "the values that go into activation functions are not all finite",
               "check the preprocessing and the network's weights");
}

std::optional<RampFit> TabulateActivations::fit(const TensorGraph& graph,
                                                const TabulatedFunction& one,
                                                std::span<const WeightedPoint> points,
                                                const Model& model, Context& context) const {
  const ScalarFunction function(graph, one.from, one.steps);
  const auto keep = [&](const std::string& reason) {
    context.diagnostics.report(
        warning("tabulate_activations.unfit", ModelNode{model.path, one.name},
                fmt::format("the function that begins at '{}' stays: it {}", one.name, reason),
                "what jumps or has a pole has no table; for a steep function raise 'error' or set "
                "'ramps'"));
    return std::nullopt;
  };
  if (!one.makes_numbers) return keep("makes truth values");
  auto ramps = static_cast<std::size_t>(options_.ramps);
  if (ramps == 0) {
    const auto needed = ramps_needed(function, options_.error);
    if (!needed) return keep(needed.error());
    ramps = *needed;
  }
  auto fitted = fit_ramps(function, ramps, points);
  if (!fitted) return keep(fitted.error());
  return *std::move(fitted);
}

Result<Changed> TabulateActivations::run(Model& model, Context& context) {
  TensorGraph& graph = model.tensor();
  const std::vector<TabulatedFunction> found = functions_without_neurons(graph);
  if (found.empty()) return Changed::kNo;
  NT_TRY(const auto densities, measure(graph, found, context));
  std::vector<std::optional<RampFit>> fits;
  for (const TabulatedFunction& one : found) {
    const auto density = densities.find(one.from);
    const auto points =
        density == densities.end() ? std::vector<WeightedPoint>{} : density->second.points();
    fits.push_back(fit(graph, one, points, model, context));
  }
  Changed changed = Changed::kNo;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!fits[i]) continue;
    Writer(graph, found[i]).write(fits[i]->table);
    report(found[i], *fits[i], model, context);
    changed = Changed::kYes;
  }
  return changed;
}

}  // namespace

PassEntry tabulate_activations_entry() {
  return {.info = {.name = "tabulate_activations",
                   .summary = "Writes sigmoid, SiLU, GELU and the like as sums of clipped ramps.",
                   .from = Level::kTensor,
                   .to = Level::kTensor,
                   .approximates = true},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<TabulateActivations>(table(), "tabulate_activations", section, path,
                                                    out);
          }};
}

}  // namespace neurotool
