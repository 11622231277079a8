// Layers of a network: what each one hears, when it runs, and how many neurons share a core.
#include "mapping.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace neurotool::spikecore {
namespace {

class LayerMaker {
 public:
  explicit LayerMaker(Mapping& map) : map_(map) {}

  void make() {
    const std::vector<PayloadRange> ranges = payload_ranges(map_.network);
    const std::vector<std::uint32_t> levels = find_levels();
    for (std::uint32_t i = 0; i < map_.network.populations.size(); ++i) {
      if (map_.network.populations[i].model == Model::kInput) continue;
      Layer layer;
      layer.level = levels[i];
      layer.input.network = &map_.network;
      layer.input.population = i;
      layer.input.blocks = lay_out_axons(map_.network, i);
      layer.input.graded_output = map_.network.populations[i].model == Model::kRelay;
      if (ranges[i].least < 0) {
        layer.input.relay_threshold = std::numeric_limits<std::int32_t>::min();
      }
      for (std::uint32_t k = 0; k < map_.network.projections.size(); ++k) {
        if (map_.network.projections[k].target != i) continue;
        layer.input.projections.push_back(k);
        layer.input.once.push_back(is_once(map_.network.projections[k]));
      }
      map_.layers.push_back(std::move(layer));
    }
    for (Layer& layer : map_.layers) {
      for (const std::uint32_t k : layer.input.projections) {
        const AxonBlock& block = block_of(layer.input.blocks, map_.network.projections[k]);
        layer.input.rows.push_back(std::make_unique<Rows>(map_.network, k, block));
        layer.input.planes.push_back(planes_of(layer.input.rows.back()->values()));
      }
      layer.slots = slot_plan(layer.input);
      check_axons(layer);
      choose_size(layer);
    }
    std::ranges::stable_sort(map_.layers, {}, &Layer::level);
  }

 private:
  bool is_once(const Projection& p) const {
    const Population& source = map_.network.populations[p.source];
    return map_.schedule == Schedule::kDirect && source.model == Model::kInput && source.held &&
           p.delay == 0;
  }

  /// A population runs after everything that reaches it in the same step.
  std::vector<std::uint32_t> find_levels() const {
    std::vector<std::uint32_t> levels(map_.network.populations.size(), 0);
    for (std::size_t round = 0; round <= levels.size(); ++round) {
      bool changed = false;
      for (const Projection& p : map_.network.projections) {
        if (p.delay > 0 || map_.network.populations[p.source].model == Model::kInput) continue;
        const std::uint32_t after = levels[p.source] + 1;
        if (levels[p.target] >= after) continue;
        if (round == levels.size()) {
          no_room(p.target, "spikecore.cycle",
                  quoted(map_.network.populations[p.target].name) +
                      " hears itself within one step; a cycle needs a delay of 1 or more",
                  "give one projection of the cycle delay 1");
        }
        levels[p.target] = after;
        changed = true;
      }
      if (!changed) break;
    }
    return levels;
  }

  void check_axons(const Layer& layer) {
    std::uint64_t needed = 0;
    for (const AxonBlock& block : layer.input.blocks) needed += block.size();
    map_.axons = std::max(map_.axons, needed);
    const std::uint64_t limit = map_.options.axons == 0 ? kMostAxons : map_.options.axons;
    if (needed <= limit) return;
    no_room(layer.input.population, "spikecore.axons",
            quoted(layer.population().name) + " hears " + number(needed) + " axons; a core has " +
                number(limit),
            needed <= kMostAxons ? "axons: " + number(std::bit_ceil(needed))
                                 : "split the layer's input into smaller populations");
  }

  void choose_size(Layer& layer) const {
    const Population& p = layer.population();
    const std::int64_t capacity = layer.slots.capacity();
    const std::int64_t plane = p.height() * p.width();
    if (map_.strict()) {
      layer.size = layer.least = layer.most = 1;
    } else if (p.shape.size() == 3 && plane > 1) {
      if (plane > capacity) {
        layer.least = std::min(p.width(), capacity);
        layer.size = layer.most = std::max<std::int64_t>(1, capacity / p.width()) * layer.least;
      } else {
        layer.least = layer.size = plane;
        layer.most = std::min(capacity / plane * plane, p.neurons);
      }
    } else {
      layer.most = std::min(capacity, p.neurons);
      layer.size = map_.schedule == Schedule::kResident ? layer.most : rows_per_page(layer);
    }
  }

  /// Neurons whose weights share a page: it need not be loaded again, and many cores work side by
  /// side.
  std::int64_t rows_per_page(const Layer& layer) const {
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < layer.input.projections.size(); ++i) {
      std::vector<Run> runs;
      if (layer.population().neurons > 0) layer.input.rows[i]->runs_of(0, runs);
      for (const Run& run : runs) bytes += static_cast<std::int64_t>(run.length);
    }
    return std::clamp<std::int64_t>(kWeightBytes / std::max<std::int64_t>(1, bytes), 1, layer.most);
  }

  Mapping& map_;
};

}  // namespace

void make_layers(Mapping& map) { LayerMaker(map).make(); }

}  // namespace neurotool::spikecore
