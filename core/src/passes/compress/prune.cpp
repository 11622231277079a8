// Takes weights or whole channels out of a trained network, and lets what stays take over.
//
// Single weights (magnitude, n of m) become 0; channels leave the tensors, so that the network
// really gets smaller. With calibration samples each layer, in order, gets the weights that change
// its outputs least for the inputs that it has now, and its bias takes back what the mean of its
// outputs has lost. See docs/passes/prune.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "passes/compress/channel_groups.hpp"
#include "passes/compress/compress_passes.hpp"
#include "passes/compress/layer_walk.hpp"
#include "passes/compress/prune_masks.hpp"
#include "passes/tensor/pass_tools.hpp"

namespace neurotool {
namespace {

using namespace compress;

enum class Method { kMagnitude, kChannel, kNm };
enum class Scope { kGlobal, kLayer };

struct PruneOptions {
  Method method = Method::kMagnitude;
  Scope scope = Scope::kGlobal;
  double sparsity = 0.5;
  std::uint32_t n = 2, m = 4;
  Criterion criterion = Criterion::kL1;
  bool last_layer = false;
  bool reconstruct = true;
  bool bias_correction = true;
  std::int64_t samples = 512;
};

const OptionTable<PruneOptions>& table() {
  using Options = PruneOptions;
  static const OptionTable<Options> rows{
      choice(
          "method", &Options::method, "What is taken out.",
          {{"magnitude", Method::kMagnitude}, {"channel", Method::kChannel}, {"nm", Method::kNm}}),
      choice("scope", &Options::scope, "Whether layers share one budget.",
             {{"global", Scope::kGlobal}, {"layer", Scope::kLayer}}),
      option("sparsity", &Options::sparsity, "Share of weights, or of channels, that goes.")
          .range(0, 0.99),
      option("n", &Options::n, "Weights that stay of each group, with method nm.").range(1, 1024),
      option("m", &Options::m, "Weights in a group, with method nm.").range(2, 1024),
      choice("criterion", &Options::criterion, "What makes a weight important.",
             {{"l1", Criterion::kL1}, {"l2", Criterion::kL2}, {"wanda", Criterion::kWanda}}),
      option("last_layer", &Options::last_layer, "Prune the last layer too."),
      option("reconstruct", &Options::reconstruct,
             "Let the weights that stay take over, with calibration data."),
      option("bias_correction", &Options::bias_correction,
             "Bring the mean of each output back to what it was, with calibration data."),
      option("samples", &Options::samples, "Calibration samples to look at, at most.")
          .range(1, 1e9),
  };
  return rows;
}

/// Weights to drop from a layer, and which data tell how the others take over.
struct LayerPlan {
  Mask keep;
  bool from_before = false;  ///< inputs that go still tell something in the network as it was
};
using Plan = std::map<OpId, LayerPlan>;

class PrunePass final : public Pass {
 public:
  explicit PrunePass(PruneOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  Result<> check(Context& context) const;
  std::vector<LinearLayer> layers_to_prune(const TensorGraph& graph) const;
  Result<std::map<OpId, std::vector<double>>> input_power(TensorGraph& graph,
                                                          Context& context) const;
  Plan plan_weights(const TensorGraph& graph, const std::vector<LinearLayer>& layers,
                    const std::map<OpId, std::vector<double>>& power) const;
  std::vector<bool> choose_channels(const std::vector<LinearLayer>& layers,
                                    const ChannelGroups& groups) const;
  Result<> refuse_locked(const Model& model, const ChannelGroups& groups,
                         const std::vector<LinearLayer>& layers) const;
  Result<> apply(TensorGraph& graph, const Plan& plan, Context& context) const;
  Result<Changed> prune_channels(Model& model, const std::vector<LinearLayer>& layers,
                                 Context& context) const;
  void report(const TensorGraph& graph, const Model& model, Context& context) const;

  PruneOptions options_;
};

Result<> PrunePass::check(Context& context) const {
  if (options_.method == Method::kNm && options_.n > options_.m) {
    return error("prune.n-of-m", {},
                 fmt::format("n = {} weights of m = {} cannot stay", options_.n, options_.m),
                 "set n to less than m, such as 2 of 4");
  }
  if (options_.method == Method::kChannel && options_.criterion == Criterion::kWanda) {
    return error("prune.criterion", {},
                 "criterion 'wanda' weighs single weights, and method 'channel' takes channels",
                 "set criterion: l1 or l2");
  }
  if (context.calibration != nullptr || context.plan) return {};
  if (options_.criterion == Criterion::kWanda) {
    return error("prune.no-calibration", {},
                 "criterion 'wanda' looks at calibration samples, and there are none",
                 "add data.calibration, or set criterion: l1");
  }
  if (options_.reconstruct || options_.bias_correction) {
    context.diagnostics.report(
        warning("prune.no-calibration", {},
                "nothing takes over for what is pruned, because there are no calibration samples",
                "add data.calibration, or set reconstruct and bias_correction to false"));
  }
  return {};
}

std::vector<LinearLayer> PrunePass::layers_to_prune(const TensorGraph& graph) const {
  std::vector<LinearLayer> layers;
  for (const OpId id : graph.topological_order()) {
    if (auto layer = linear_layer(graph, id)) layers.push_back(*std::move(layer));
  }
  if (!options_.last_layer && !layers.empty()) layers.pop_back();
  return layers;
}

/// Mean square of each column's input, group after group, in the network as it is.
Result<std::map<OpId, std::vector<double>>> PrunePass::input_power(TensorGraph& graph,
                                                                   Context& context) const {
  std::map<OpId, std::vector<double>> power;
  const auto visit = [&](const LinearLayer& layer, const LayerData& data) -> Result<LayerChange> {
    for (const SquareMatrix& moments : input_moments(graph, layer, data.now)) {
      for (std::size_t i = 0; i < moments.extent; ++i) {
        power[layer.op].push_back(moments.at(i, i));
      }
    }
    return LayerChange::kNo;
  };
  const WalkOptions walk{options_.samples, false};
  NT_TRY([[maybe_unused]] const auto samples, walk_layers(graph, "prune", walk, context, visit));
  return power;
}

Plan PrunePass::plan_weights(const TensorGraph& graph, const std::vector<LinearLayer>& layers,
                             const std::map<OpId, std::vector<double>>& power) const {
  std::vector<std::vector<double>> importance;
  for (const LinearLayer& layer : layers) {
    const auto known = power.find(layer.op);
    // Without data (a plan) only the number of weights matters.
    const bool blind = options_.criterion == Criterion::kWanda && known == power.end();
    importance.push_back(
        importance_of(layer, blind ? Criterion::kL1 : options_.criterion,
                      known == power.end() ? std::span<const double>() : known->second));
  }
  Plan plan;
  std::vector<Mask> masks;
  if (options_.method == Method::kMagnitude && options_.scope == Scope::kGlobal) {
    masks = keep_most_important(importance, options_.sparsity);
  }
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const LinearLayer& layer = layers[l];
    Mask& keep = plan[layer.op].keep;
    if (!masks.empty()) {
      keep = std::move(masks[l]);
    } else if (options_.method == Method::kMagnitude) {
      keep = keep_most_important(importance[l], options_.sparsity);
    } else {
      const Tensor& weight = tensor_passes::constant_of(graph, graph[layer.op], 1);
      const bool conv = std::holds_alternative<Conv>(graph[layer.op].op);
      const std::size_t kernel =
          conv ? layer.weights.columns / static_cast<std::size_t>(weight.shape()[1]) : 1;
      keep = keep_n_of_m(importance[l], layer.weights.columns, kernel, options_.n, options_.m);
    }
  }
  return plan;
}

/// Drops what the plan says; with data, layer by layer and with everything that takes over.
Result<> PrunePass::apply(TensorGraph& graph, const Plan& plan, Context& context) const {
  const auto drop = [&](LinearLayer layer, std::span<const SquareMatrix> moments,
                        std::span<const SquareMatrix> cross) {
    const auto found = plan.find(layer.op);
    const Mask keep =
        found == plan.end() ? Mask(layer.weights.value.size(), 1) : found->second.keep;
    const std::size_t each = layer.group_rows() * layer.weights.columns;
    for (std::size_t g = 0; g < layer.groups; ++g) {
      Rows rows = layer.group(g);
      const auto first = keep.begin() + static_cast<std::ptrdiff_t>(g * each);
      const Mask of_group(first, first + static_cast<std::ptrdiff_t>(each));
      drop_weights(rows, of_group, moments.empty() ? nullptr : &moments[g],
                   cross.empty() ? nullptr : &cross[g]);
      layer.set_group(g, rows);
    }
    write_weights(graph, layer);
  };
  const bool learns = options_.reconstruct || options_.bias_correction;
  if (context.calibration == nullptr || !learns) {
    for (const auto& [id, of_layer] : plan) drop(*linear_layer(graph, id), {}, {});
    return {};
  }
  const auto visit = [&](const LinearLayer& layer, const LayerData& data) -> Result<LayerChange> {
    const auto found = plan.find(layer.op);
    const bool same = std::ranges::equal(data.was, data.now, {}, &Tensor::data, &Tensor::data);
    if (found == plan.end() && same) return LayerChange::kNo;
    std::vector<SquareMatrix> moments, cross;
    const bool from_before = found != plan.end() && found->second.from_before;
    if (options_.reconstruct) {
      moments = input_moments(graph, layer, from_before ? data.was : data.now);
      // Also a layer that keeps all its weights takes back what came before it got wrong.
      if (!from_before && !same) cross = cross_moments(graph, layer, data.now, data.was);
    }
    drop(layer, moments, cross);
    return LayerChange::kYes;
  };
  const WalkOptions walk{options_.samples, options_.bias_correction};
  NT_TRY(const std::int64_t samples, walk_layers(graph, "prune", walk, context, visit));
  context.facts.push_back({"prune", graph.name, "samples", static_cast<double>(samples)});
  return {};
}

/// The least important channels, one flag for each group. Rows of a layer are compared with the
/// layer's mean, so that layers of large weights are not spared.
std::vector<bool> PrunePass::choose_channels(const std::vector<LinearLayer>& layers,
                                             const ChannelGroups& groups) const {
  std::map<OpId, std::vector<double>> score;
  std::map<OpId, std::size_t> left;  ///< outputs that a layer still has
  for (const LinearLayer& layer : layers) {
    const auto importance = importance_of(layer, options_.criterion, {});
    std::vector<double>& rows = score[layer.op];
    rows.assign(layer.weights.rows, 0);
    for (std::size_t i = 0; i < importance.size(); ++i) {
      rows[i / layer.weights.columns] += importance[i];
    }
    const double mean = std::accumulate(rows.begin(), rows.end(), 0.0) /
                        static_cast<double>(std::max<std::size_t>(rows.size(), 1));
    for (double& row : rows) row /= mean > 0 ? mean : 1;
    left[layer.op] = rows.size();
  }
  struct Candidate {
    std::size_t group;
    double importance;
  };
  std::map<std::vector<OpId>, std::vector<Candidate>> families;
  for (std::size_t g = 0; g < groups.groups().size(); ++g) {
    const ChannelGroup& group = groups.groups()[g];
    if (group.rows.empty() || !group.locked_by.empty()) continue;
    std::vector<OpId> ops;
    double sum = 0;
    for (const ChannelGroup::Row& row : group.rows) {
      const auto known = score.find(row.op);
      if (known == score.end()) {
        ops.clear();  // a layer that is to stay as it is
        break;
      }
      ops.push_back(row.op);
      sum += known->second[row.output];
    }
    if (ops.empty()) continue;
    const double mean = sum / static_cast<double>(ops.size());
    families[options_.scope == Scope::kLayer ? ops : std::vector<OpId>()].push_back({g, mean});
  }
  std::vector<bool> removed(groups.groups().size(), false);
  for (auto& [ops, candidates] : families) {
    std::ranges::stable_sort(candidates, std::less{}, &Candidate::importance);
    auto budget = static_cast<std::size_t>(
        std::floor(options_.sparsity * static_cast<double>(candidates.size()) + 1e-9));
    for (const Candidate& candidate : candidates) {
      const auto& rows = groups.groups()[candidate.group].rows;
      const bool last = std::ranges::any_of(
          rows, [&](const ChannelGroup::Row& row) { return left[row.op] <= 1; });
      if (budget == 0) break;
      if (last) continue;
      removed[candidate.group] = true;
      --budget;
      for (const ChannelGroup::Row& row : rows) --left[row.op];
    }
  }
  return removed;
}

/// Channels that cannot be followed stay, and are named; when none can be, that is an error.
Result<> PrunePass::refuse_locked(const Model& model, const ChannelGroups& groups,
                                  const std::vector<LinearLayer>& layers) const {
  const bool any = std::ranges::any_of(groups.groups(), [](const ChannelGroup& group) {
    return !group.rows.empty() && group.locked_by.empty();
  });
  if (any || layers.empty()) return {};
  std::string why = "the network has one layer";
  OpId at = layers.front().op;
  for (const ChannelGroup& group : groups.groups()) {
    if (group.rows.empty() || group.locked_by.empty()) continue;
    why = fmt::format("those of '{}' run into {}", model.tensor()[group.rows[0].op].name,
                      group.locked_by);
    at = group.rows[0].op;
    break;
  }
  return error("prune.channels", tensor_passes::at_node(model, model.tensor()[at]),
               fmt::format("no channel can be taken out: {}", why),
               "use method: magnitude, or put this pass behind fold_batch_norm");
}

Result<Changed> PrunePass::prune_channels(Model& model, const std::vector<LinearLayer>& layers,
                                          Context& context) const {
  TensorGraph& graph = model.tensor();
  const ChannelGroups groups(graph);
  NT_TRY_VOID(refuse_locked(model, groups, layers));
  const std::vector<bool> removed = choose_channels(layers, groups);
  Plan plan;
  for (const OpId id : graph.topological_order()) {
    const auto layer = linear_layer(graph, id);
    if (!layer) continue;
    const auto &data = groups.channels(graph[id].inputs[0]),
               &out = groups.channels(graph[id].outputs[0]);
    LayerPlan of_layer{.keep = Mask(layer->weights.value.size(), 1), .from_before = true};
    const std::size_t columns = layer->weights.columns;
    const std::size_t per_group = data ? data->size() / layer->groups : 1;
    bool any = false;
    for (std::size_t i = 0; i < of_layer.keep.size(); ++i) {
      const std::size_t row = i / columns, group = row / layer->group_rows();
      const bool row_goes = out && out->size() == layer->weights.rows && removed[(*out)[row]];
      const bool column_goes =
          data && columns % per_group == 0 &&
          removed[(*data)[group * per_group + i % columns / (columns / per_group)]];
      if (!row_goes && !column_goes) continue;
      of_layer.keep[i] = 0;
      any = true;
    }
    if (any) plan[id] = std::move(of_layer);
  }
  if (plan.empty()) return Changed::kNo;
  NT_TRY_VOID(apply(graph, plan, context));
  for (const LinearLayer& layer : layers) {
    std::size_t gone = 0;
    for (std::size_t g = 0; g < removed.size(); ++g) {
      if (!removed[g]) continue;
      gone += static_cast<std::size_t>(
          std::ranges::count(groups.groups()[g].rows, layer.op, &ChannelGroup::Row::op));
    }
    context.facts.push_back(
        {"prune", graph[layer.op].name, "removed_channels", static_cast<double>(gone)});
  }
  remove_channels(graph, groups, removed);
  return Changed::kYes;
}

/// Connection sparsity as NeuroBench counts it: zeros among weights, biases left out.
void PrunePass::report(const TensorGraph& graph, const Model& model, Context& context) const {
  double zeros = 0, all = 0;
  for (const OpId id : graph.live_ops()) {
    const auto layer = linear_layer(graph, id);
    if (!layer) continue;
    const auto of_layer = static_cast<double>(std::ranges::count(layer->weights.value, 0.0));
    const auto size = static_cast<double>(layer->weights.value.size());
    context.facts.push_back({"prune", graph[id].name, "sparsity", of_layer / size});
    zeros += of_layer;
    all += size;
  }
  context.facts.push_back({"prune", model.name, "weights", all});
  context.facts.push_back({"prune", model.name, "connection_sparsity",
                           all > 0 ? std::round(1e4 * zeros / all) / 1e4 : 0});
}

Result<Changed> PrunePass::run(Model& model, Context& context) {
  NT_TRY_VOID(check(context));
  TensorGraph& graph = model.tensor();
  const std::vector<LinearLayer> layers = layers_to_prune(graph);
  if (layers.empty()) return Changed::kNo;
  Changed changed = Changed::kYes;
  if (options_.method == Method::kChannel) {
    NT_TRY(changed, prune_channels(model, layers, context));
  } else {
    std::map<OpId, std::vector<double>> power;
    if (options_.criterion == Criterion::kWanda && context.calibration != nullptr) {
      NT_TRY(power, input_power(graph, context));
    }
    NT_TRY_VOID(apply(graph, plan_weights(graph, layers, power), context));
  }
  report(graph, model, context);
  return changed;
}

}  // namespace

PassEntry prune_entry() {
  return {.info = {.name = "prune",
                   .summary = "Takes out weights or whole channels and lets the others take over.",
                   .from = Level::kTensor,
                   .to = Level::kTensor,
                   .approximates = true},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<PrunePass>(table(), "prune", section, path, out);
          }};
}

}  // namespace neurotool
