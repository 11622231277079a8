// Both graphs run in the simulator of eval/nir, step for step the preset's arithmetic.
#include "nir_semantics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "base/text.hpp"
#include "eval/nir/simulate.hpp"

namespace neurotool::cli {
namespace {

Result<nir::Discretization> named_preset(const std::string& name) {
  if (const auto found = nir::preset(name)) return *found;
  std::vector<std::string> names;
  for (const nir::Preset& each : nir::presets()) names.emplace_back(each.name);
  return error("cli.value", {}, fmt::format("there is no preset '{}'", escape_control(name)),
               suggest(name, names));
}

Tensor random_spikes(const Shape& shape, std::uint64_t steps, RandomStream& random) {
  Shape all{static_cast<std::int64_t>(steps)};
  all.insert(all.end(), shape.begin(), shape.end());
  std::vector<float> values(static_cast<std::size_t>(element_count(all).value_or(0)));
  for (float& value : values) value = random.uniform() < 0.3 ? 1.0f : 0.0f;
  return Tensor::from(all, std::move(values));
}

OutputDifference difference(const nir::Port& a, const nir::Port& b, const Tensor& first,
                            const Tensor& second, std::uint64_t steps) {
  OutputDifference made{a.name, b.name, first.size(), 0, -1, 0};
  const std::int64_t each = first.size() / static_cast<std::int64_t>(steps);
  for (std::int64_t i = 0; i < first.size(); ++i) {
    const double apart = std::abs(first.at(i) - second.at(i));
    if (apart == 0) continue;
    if (made.first_step < 0) made.first_step = i / std::max<std::int64_t>(each, 1);
    ++made.different;
    made.largest = std::max(made.largest, apart);
  }
  return made;
}

Error unlike(std::string_view what, std::size_t a, std::size_t b) {
  return error(
      "cli.value", {},
      fmt::format("the first graph has {} {} and the second {}, or they are of other sizes", a,
                  what, b),
      "only graphs with the same ends are run side by side");
}

bool alike(const std::vector<nir::Port>& a, const std::vector<nir::Port>& b) {
  return std::ranges::equal(a, b, [](const nir::Port& x, const nir::Port& y) {
    return element_count(x.shape) == element_count(y.shape);
  });
}

}  // namespace

Result<std::vector<OutputDifference>> compare_runs(const nir::Graph& first,
                                                   const nir::Graph& second,
                                                   const RunOptions& options,
                                                   Diagnostics& diagnostics) {
  NT_TRY(const nir::Discretization discretization, named_preset(options.preset));
  if (options.steps == 0 || options.steps > 1'000'000) {
    return error("cli.value", {},
                 fmt::format("--steps is {}, expected 1 to 1000000", options.steps));
  }
  NT_TRY(const nir::Simulator a, nir::Simulator::make(first, "first", discretization, diagnostics));
  NT_TRY(const nir::Simulator b,
         nir::Simulator::make(second, "second", discretization, diagnostics));
  if (!alike(a.inputs(), b.inputs())) return unlike("inputs", a.inputs().size(), b.inputs().size());
  if (!alike(a.outputs(), b.outputs()))
    return unlike("outputs", a.outputs().size(), b.outputs().size());
  std::vector<Tensor> stimuli;
  for (std::size_t i = 0; i < a.inputs().size(); ++i) {
    RandomStream random(options.seed, "nir_diff", std::to_string(i));
    stimuli.push_back(random_spikes(a.inputs()[i].shape, options.steps, random));
  }
  NT_TRY(const std::vector<Tensor> left, a.run(stimuli, options.steps));
  NT_TRY(const std::vector<Tensor> right, b.run(stimuli, options.steps));
  std::vector<OutputDifference> made;
  for (std::size_t i = 0; i < left.size(); ++i) {
    made.push_back(difference(a.outputs()[i], b.outputs()[i], left[i], right[i], options.steps));
  }
  return made;
}

}  // namespace neurotool::cli
