// The float network tells the activations that rates should show; the spiking network is then run
// population by population (eval/layer_eval), and each site is fitted before its spikes go on.
#include "passes/lower/in_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "eval/tensor_eval.hpp"

namespace neurotool::lower {
namespace {

constexpr std::int64_t kBatch = 32;
// Currents and spikes of one layer over all steps are held for all samples at once.
constexpr std::int64_t kMostBytes = std::int64_t{512} << 20;

class Loop {
 public:
  Loop(const TensorGraph& graph, const Lowered& unit, const LoweringOptions& lowering,
       const InLoopOptions& options, Context& context)
      : graph_(graph), unit_(unit), lowering_(lowering), options_(options), context_(context) {}

  Result<InLoopResult> run(std::vector<NeuronParameters> start);

 private:
  std::int64_t affordable_samples() const;
  Result<> run_float();
  Result<> fit(std::size_t site, PopulationId id, LayerEvaluator& layers);
  void count_agreeing(std::span<const float> membranes);

  const TensorGraph& graph_;
  const Lowered& unit_;
  const LoweringOptions& lowering_;
  const InLoopOptions& options_;
  Context& context_;
  Tensor samples_;
  std::map<ValueId, std::vector<float>> activations_;
  std::vector<float> outputs_;
  InLoopResult result_;
};

std::int64_t Loop::affordable_samples() const {
  std::int64_t largest = 1, all = 0;
  for (const PopulationId id : unit_.graph.live_populations()) {
    largest = std::max(largest, unit_.graph[id].size());
    all += unit_.graph[id].size();
  }
  // Float currents and a few trains of spikes of one byte; float activations of every layer.
  const std::int64_t bytes = lowering_.steps * largest * 7 + 4 * all;
  return std::max<std::int64_t>(1, kMostBytes / bytes);
}

Result<> Loop::run_float() {
  std::set<ValueId> sites;
  for (const Site& site : unit_.sites) sites.insert(site.activation);
  const std::vector<ValueId> watched(sites.begin(), sites.end());
  const auto append = [](std::vector<float>& to, const Tensor& values) {
    const auto data = values.as<float>();
    to.insert(to.end(), data.begin(), data.end());
  };
  const auto keep = [&](ValueId id, const Tensor& values) { append(activations_[id], values); };
  const TensorEvaluator evaluator(graph_);
  const std::int64_t extent = graph_[graph_.inputs.at(0)].shape.value_or(Shape{kFreeDim}).at(0);
  const std::int64_t step = extent == kFreeDim ? kBatch : extent;
  std::vector<float> inputs;
  for (std::int64_t first = 0; first < result_.samples; first += step) {
    const std::int64_t count = std::min(step, result_.samples - first);
    NT_TRY(const Tensor batch, batch_for(graph_, *context_.calibration, first, count));
    NT_TRY(const auto outputs, evaluator.run({&batch, 1}, watched, keep));
    append(inputs, batch);
    append(outputs_, outputs.at(0));
  }
  const auto width = static_cast<std::int64_t>(inputs.size()) / result_.samples;
  samples_ = Tensor::from<float>({result_.samples, width}, std::move(inputs));
  return {};
}

Result<> Loop::fit(std::size_t site, PopulationId id, LayerEvaluator& layers) {
  NT_TRY(const Train currents, layers.currents(id));
  const ValueId activation = unit_.sites[site].activation;
  const SiteData data{unit_.graph[id], currents, activations_.at(activation), lowering_.steps,
                      lowering_.emission};
  NeuronParameters& parameters = result_.parameters[site];
  if (lowering_.initial == Initial::kZero && parameters.initial.empty()) {
    parameters.initial.assign(parameters.threshold.size(), 0.0f);
  }
  // What the network was trained with stays as it is.
  const bool open = unit_.sites[site].largest.empty();
  if (open) parameters = fit_site(data, std::move(parameters), options_.fit);
  Train sent = fire_site(data, parameters);
  result_.relative_error[site] = relative_error(data, parameters, sent);
  layers.keep(id, std::move(sent));
  return {};
}

void Loop::count_agreeing(std::span<const float> membranes) {
  const std::size_t classes = membranes.size() / static_cast<std::size_t>(result_.samples);
  if (classes * static_cast<std::size_t>(result_.samples) != outputs_.size()) return;
  for (std::size_t at = 0; at < membranes.size(); at += classes) {
    const auto largest = [&](std::span<const float> all) {
      const auto own = all.subspan(at, classes);
      return std::ranges::max_element(own) - own.begin();
    };
    if (largest(membranes) == largest(outputs_)) ++result_.agreeing;
  }
}

Result<InLoopResult> Loop::run(std::vector<NeuronParameters> start) {
  NT_TRY_VOID(LayerEvaluator::check(unit_.graph));
  result_.parameters = std::move(start);
  result_.relative_error.resize(unit_.sites.size());
  result_.samples =
      std::min({options_.samples, context_.calibration->size(), affordable_samples()});
  const std::int64_t extent = graph_[graph_.inputs.at(0)].shape.value_or(Shape{kFreeDim}).at(0);
  if (extent != kFreeDim)
    result_.samples = std::max<std::int64_t>(1, result_.samples / extent) * extent;
  NT_TRY_VOID(run_float());
  LayerEvaluator layers(unit_.graph, lowering_.steps);
  std::size_t done = 0;
  for (const PopulationId id : layers.order()) {
    const Population& population = unit_.graph[id];
    const double share = static_cast<double>(done++) / static_cast<double>(layers.order().size());
    if (!context_.progress.update(share, "calibrating biases")) {
      return error("pass.cancelled", {}, "cancelled while calibrating biases");
    }
    if (std::holds_alternative<Input>(population.neuron)) {
      NT_TRY_VOID(layers.feed(id, samples_));
      continue;
    }
    const auto site = std::ranges::find(unit_.sites, population.name, &Site::population);
    if (site != unit_.sites.end()) {
      NT_TRY_VOID(fit(static_cast<std::size_t>(site - unit_.sites.begin()), id, layers));
      continue;
    }
    NT_TRY(const auto membranes, layers.visit(id));
    if (population.output) count_agreeing(membranes);
  }
  return std::move(result_);
}

}  // namespace

Result<InLoopResult> calibrate_in_loop(const TensorGraph& graph, const Lowered& unit,
                                       const LoweringOptions& lowering,
                                       std::vector<NeuronParameters> start,
                                       const InLoopOptions& options, Context& context) {
  return Loop(graph, unit, lowering, options, context).run(std::move(start));
}

}  // namespace neurotool::lower
