// The float network as its spiking form sees it in one step: the unit lowering, with clipped
// activations instead of spikes. Bu et al. 2025 with eta = 1 and the mean of each batch.
#include "passes/lower/balance.hpp"

#include <algorithm>

#include "base/parallel.hpp"
#include "eval/layer_eval.hpp"

namespace neurotool::lower {
namespace {

constexpr std::int64_t kBatch = 32;
constexpr int kSweeps = 4;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// What arrives, with the bias: pre-activations.
void add_bias(Train& arriving, const Tensor& bias) {
  if (!bias.defined()) return;
  const auto values = bias.as<float>();
  const std::size_t run = index(arriving.neurons) / values.size();
  for (std::size_t i = 0; i < arriving.values.size(); ++i) {
    arriving.values[i] += values[i / run % values.size()];
  }
}

/// Raises the threshold of each group of channels by `growth` times the mean excess, then clips.
void raise_and_clip(Train& values, std::vector<float>& thresholds, double growth, double cap) {
  const std::size_t row = index(values.neurons), rows = index(values.samples);
  const std::size_t inner = row / thresholds.size();
  parallel_for(thresholds.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t group = first; group < last; ++group) {
      const auto each = [&](const auto& visit) {
        for (std::size_t r = 0; r < rows; ++r) {
          float* const at = values.values.data() + r * row + group * inner;
          for (std::size_t i = 0; i < inner; ++i) visit(at[i]);
        }
      };
      double excess = 0;
      const double before = thresholds[group];
      each([&](float& z) { excess += std::max(double{z} - before, 0.0); });
      const double raised = before + growth * excess / static_cast<double>(rows * inner);
      const auto threshold = static_cast<float>(std::min(raised, cap));
      thresholds[group] = threshold;
      each([&](float& z) { z = std::clamp(z, 0.0f, threshold); });
    }
  });
}

Result<> run_batch(const Lowered& unit, const Tensor& batch,
                   std::vector<std::vector<float>>& thresholds) {
  LayerEvaluator layers(unit.graph, 1);
  for (const PopulationId id : layers.order()) {
    const Population& population = unit.graph[id];
    if (std::holds_alternative<Input>(population.neuron)) {
      NT_TRY_VOID(layers.feed(id, batch));
      continue;
    }
    const auto site = std::ranges::find(unit.sites, population.name, &Site::population);
    if (site == unit.sites.end()) {
      NT_TRY([[maybe_unused]] const auto membranes, layers.visit(id));
      continue;
    }
    NT_TRY(Train arriving, layers.currents(id));
    add_bias(arriving, population.bias);
    // What the network itself fixes stays.
    const double growth = site->largest.empty() ? 2 : 0;
    raise_and_clip(arriving, thresholds[index(site - unit.sites.begin())], growth,
                   site->cap.value_or(HUGE_VAL));
    layers.keep(id, std::move(arriving));
  }
  return {};
}

}  // namespace

Result<std::vector<std::vector<float>>> balance_thresholds(const TensorGraph& graph,
                                                           const Lowered& unit,
                                                           Granularity granularity,
                                                           std::int64_t samples, Context& context) {
  NT_TRY_VOID(LayerEvaluator::check(unit.graph));
  std::vector<std::vector<float>> thresholds;
  for (const Site& site : unit.sites) {
    const std::size_t count = granularity == Granularity::kLayer ? 1 : index(site.channels);
    thresholds.push_back(site.largest.empty() ? std::vector<float>(count, 0.0f) : site.largest);
  }
  const std::int64_t all = std::min(samples, context.calibration->size());
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (std::int64_t first = 0; first < all; first += kBatch) {
      const double done =
          static_cast<double>(sweep * all + first) / static_cast<double>(kSweeps * all);
      if (!context.progress.update(done, "balancing thresholds")) {
        return error("pass.cancelled", {}, "cancelled while balancing thresholds");
      }
      const std::int64_t count = std::min(kBatch, all - first);
      NT_TRY(const Tensor batch, batch_for(graph, *context.calibration, first, count));
      NT_TRY_VOID(run_batch(unit, batch, thresholds));
    }
  }
  return thresholds;
}

}  // namespace neurotool::lower
