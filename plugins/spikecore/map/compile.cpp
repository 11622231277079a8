// From a network to an object: layers to tiles, tiles to cores, then routes, maps and the plan.
#include "compile.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace neurotool::spikecore {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }
std::string quoted(const std::string& name) { return "'" + name + "'"; }

struct Spot {
  std::uint16_t chip = 0, core = 0;
};

/// A population and where it went.
struct Layer {
  LayerInput input;
  SlotPlan slots;
  std::uint32_t level = 0;
  std::int64_t size = 1, least = 1, most = 1;  ///< neurons of a tile
  std::vector<Tile> tiles;
  std::vector<std::vector<Spot>> spots;  ///< owner and helpers of each tile

  const Population& population() const { return input.network->populations[input.population]; }
  std::uint64_t cores() const {
    std::uint64_t count = 0;
    for (const Tile& tile : tiles) count += 1 + tile.helpers.size();
    return count;
  }
};

/// Cores of one chip without a gap.
struct CoreRange {
  std::uint16_t chip = 0, first = 0, last = 0;
};

void extend(std::vector<CoreRange>& ranges, Spot spot) {
  if (!ranges.empty() && ranges.back().chip == spot.chip && ranges.back().last + 1 == spot.core) {
    ranges.back().last = spot.core;
  } else {
    ranges.push_back({spot.chip, spot.core, spot.core});
  }
}

class Compiler {
 public:
  Compiler(const Network& network, const CompileOptions& options, Schedule schedule,
           const std::function<void()>& alive)
      : network_(network), options_(options), schedule_(schedule), alive_(alive) {}

  Compiled compile() {
    make_layers();
    for (Layer& layer : layers_) make_tiles(layer);
    fit_cores();
    place();
    write_cores();
    write_routes();
    write_inputs();
    write_plan();
    finish();
    return std::move(result_);
  }

 private:
  [[noreturn]] void no_room(std::uint32_t population, std::string code, std::string message,
                            std::string help) const {
    throw Refused({Refusal::Subject::kPopulation, population, true, std::move(code),
                   std::move(message), std::move(help)});
  }

  Object& object() { return result_.object; }

  // Layers ------------------------------------------------------------------------------------

  bool is_once(const Projection& p) const {
    const Population& source = network_.populations[p.source];
    return schedule_ == Schedule::kDirect && source.model == Model::kInput && source.held &&
           p.delay == 0;
  }

  void make_layers() {
    const std::vector<PayloadRange> ranges = payload_ranges(network_);
    const std::vector<std::uint32_t> levels = find_levels();
    for (std::uint32_t i = 0; i < network_.populations.size(); ++i) {
      if (network_.populations[i].model == Model::kInput) continue;
      Layer layer;
      layer.level = levels[i];
      layer.input.network = &network_;
      layer.input.population = i;
      layer.input.blocks = lay_out_axons(network_, i);
      layer.input.graded_output = network_.populations[i].model == Model::kRelay;
      if (ranges[i].least < 0) {
        layer.input.relay_threshold = std::numeric_limits<std::int32_t>::min();
      }
      for (std::uint32_t k = 0; k < network_.projections.size(); ++k) {
        if (network_.projections[k].target != i) continue;
        layer.input.projections.push_back(k);
        layer.input.once.push_back(is_once(network_.projections[k]));
      }
      layers_.push_back(std::move(layer));
    }
    for (Layer& layer : layers_) {
      for (const std::uint32_t k : layer.input.projections) {
        const AxonBlock& block = block_of(layer.input.blocks, network_.projections[k]);
        layer.input.rows.push_back(std::make_unique<Rows>(network_, k, block));
      }
      layer.slots = slot_plan(layer.input);
      check_axons(layer);
      choose_size(layer);
    }
    std::ranges::stable_sort(layers_, {}, &Layer::level);
  }

  /// A population runs after everything that reaches it in the same step.
  std::vector<std::uint32_t> find_levels() const {
    std::vector<std::uint32_t> levels(network_.populations.size(), 0);
    for (std::size_t round = 0; round <= levels.size(); ++round) {
      bool changed = false;
      for (const Projection& p : network_.projections) {
        if (p.delay > 0 || network_.populations[p.source].model == Model::kInput) continue;
        const std::uint32_t after = levels[p.source] + 1;
        if (levels[p.target] >= after) continue;
        if (round == levels.size()) {
          no_room(p.target, "spikecore.cycle",
                  quoted(network_.populations[p.target].name) +
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
    axons_ = std::max(axons_, needed);
    const std::uint64_t limit = options_.axons == 0 ? kMostAxons : options_.axons;
    if (needed <= limit) return;
    no_room(layer.input.population, "spikecore.axons",
            quoted(layer.population().name) + " hears " + number(needed) + " axons; a core has " +
                number(limit),
            needed <= kMostAxons ? "axons: " + number(std::bit_ceil(needed))
                                 : "split the layer's input into smaller populations");
  }

  // Tiles -------------------------------------------------------------------------------------

  bool strict() const { return options_.profile == Profile::kStrict; }

  void choose_size(Layer& layer) const {
    const Population& p = layer.population();
    const std::int64_t capacity = layer.slots.capacity();
    const std::int64_t plane = p.height() * p.width();
    if (strict()) {
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
      layer.size = schedule_ == Schedule::kResident ? layer.most : rows_per_page(layer);
    }
  }

  /// Neurons whose weights share a page: it need not be loaded again, and many cores work side by
  /// side.
  std::int64_t rows_per_page(const Layer& layer) const {
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < layer.input.projections.size(); ++i) {
      std::vector<Run> runs;
      if (layer.population().neurons > 0) layer.input.rows[i]->runs_of(0, runs);
      for (const Run& run : runs) bytes += static_cast<std::int64_t>(run.weights.size());
    }
    return std::clamp<std::int64_t>(kWeightBytes / std::max<std::int64_t>(1, bytes), 1, layer.most);
  }

  /// Calls visit(first, count) for the tiles of `size` neurons.
  template <class Visit>
  static void for_each_tile(const Layer& layer, std::int64_t size, const Visit& visit) {
    const Population& p = layer.population();
    const std::int64_t plane = p.height() * p.width();
    // Rows of one map never share a tile with rows of another, or kernels would differ.
    const std::int64_t stride = p.shape.size() == 3 && plane > 1 && size < plane
                                    ? plane
                                    : std::max<std::int64_t>(p.neurons, 1);
    for (std::int64_t begin = 0; begin < p.neurons; begin += stride) {
      const std::int64_t end = std::min(begin + stride, p.neurons);
      for (std::int64_t at = begin; at < end; at += size) visit(at, std::min(size, end - at));
    }
  }

  std::int64_t smaller(const Layer& layer) const {
    const Population& p = layer.population();
    const std::int64_t plane = p.height() * p.width();
    if (p.shape.size() == 3 && plane > 1) {
      if (layer.size > plane) return layer.size - plane;
      return layer.size - p.width();
    }
    return layer.size * 3 / 4;
  }

  void make_tiles(Layer& layer) {
    const bool resident = schedule_ == Schedule::kResident;
    while (true) {
      layer.tiles.clear();
      std::size_t longest = 0;
      for_each_tile(layer, layer.size, [&](std::int64_t first, std::int64_t count) {
        if (longest > options_.words) return;
        alive_();
        layer.tiles.push_back(make_tile(layer.input, layer.slots, first, count, resident));
        longest = std::max(longest, longest_of(layer.tiles.back()));
      });
      if (longest <= options_.words) return;
      const std::int64_t next = smaller(layer);
      if (next < 1) {
        no_room(layer.input.population, "spikecore.words",
                "one row of " + quoted(layer.population().name) + " takes " + number(longest) +
                    " words of code; a core has " + number(options_.words),
                "words: " + number(std::bit_ceil(longest)));
      }
      layer.size = next;
      layer.most = std::min(layer.most, next);
    }
  }

  static std::size_t longest_of(const Tile& tile) {
    std::size_t longest = tile.owner.code.size();
    for (const CoreProgram& helper : tile.helpers) longest = std::max(longest, helper.code.size());
    return longest;
  }

  std::uint64_t total_cores() const {
    std::uint64_t total = 0;
    for (const Layer& layer : layers_) total += layer.cores();
    return total;
  }

  /// Layers of many small tiles share cores until everything fits.
  void fit_cores() {
    const std::uint64_t most_chips = options_.chips == 0 ? kMostChips : options_.chips;
    chips_ = options_.chips;
    for (std::uint32_t chips = options_.chips == 0 ? 1 : options_.chips; true;) {
      const std::uint64_t budget = std::uint64_t{chips} * kCoresPerChip;
      if (total_cores() <= budget || shrink_to(budget)) {
        chips_ = chips;
        return;
      }
      const std::uint64_t needed = (total_cores() + kCoresPerChip - 1) / kCoresPerChip;
      if (needed > most_chips) {
        const auto largest =
            std::ranges::max_element(layers_, {}, [](const Layer& layer) { return layer.cores(); });
        no_room(largest->input.population, "spikecore.cores",
                "the network takes " + number(total_cores()) + " cores, " +
                    number(largest->cores()) + " of them for " +
                    quoted(largest->population().name) + "; " + number(most_chips) +
                    " chips have " + number(most_chips * kCoresPerChip),
                needed <= kMostChips ? "chips: " + number(needed)
                                     : "another schedule, or a smaller network");
      }
      chips = static_cast<std::uint32_t>(needed);
    }
  }

  bool shrink_to(std::uint64_t budget) {
    while (total_cores() > budget) {
      Layer* widest = nullptr;
      for (Layer& layer : layers_) {
        if (layer.size >= layer.most || layer.tiles.size() < 2) continue;
        if (widest == nullptr || layer.cores() > widest->cores()) widest = &layer;
      }
      if (widest == nullptr) return false;
      const std::int64_t unit = widest->least;
      const std::int64_t doubled = widest->size * 2 / unit * unit;
      widest->size = std::min(std::max(doubled, widest->size + unit), widest->most);
      make_tiles(*widest);
    }
    return true;
  }

  // Placement ---------------------------------------------------------------------------------

  /// Cores in order of level and neuron, in equal shares over the chips; what the partition pass
  /// has put on a chip goes there.
  void place() {
    const std::uint64_t share = std::max<std::uint64_t>(1, (total_cores() + chips_ - 1) / chips_);
    std::vector<std::uint32_t> used(chips_, 0);
    std::uint32_t current = 0;
    for (Layer& layer : layers_) {
      const std::int32_t wanted = layer.population().chip;
      if (wanted >= static_cast<std::int32_t>(chips_)) {
        no_room(layer.input.population, "spikecore.chip",
                quoted(layer.population().name) + " belongs on chip " +
                    number(static_cast<std::uint64_t>(wanted)) + "; there are " + number(chips_),
                "chips: " + number(static_cast<std::uint64_t>(wanted) + 1));
      }
      for (const Tile& tile : layer.tiles) {
        layer.spots.emplace_back();
        for (std::size_t i = 0; i < 1 + tile.helpers.size(); ++i) {
          layer.spots.back().push_back(next_spot(layer, wanted, share, used, current));
        }
      }
    }
  }

  Spot next_spot(const Layer& layer, std::int32_t wanted, std::uint64_t share,
                 std::vector<std::uint32_t>& used, std::uint32_t& current) const {
    std::uint32_t chip = current;
    if (wanted >= 0) {
      chip = static_cast<std::uint32_t>(wanted);
    } else {
      while (used[current] >= share && current + 1 < chips_) ++current;
      chip = current;
      // The last chip is full of what had to go there: any other will do.
      for (std::uint32_t other = 0; used[chip] >= kCoresPerChip && other < chips_; ++other) {
        chip = other;
      }
    }
    if (used[chip] >= kCoresPerChip) {
      no_room(layer.input.population, "spikecore.cores",
              "chip " + number(chip) + " has no core left for " + quoted(layer.population().name),
              "put fewer populations on this chip");
    }
    return {static_cast<std::uint16_t>(chip), static_cast<std::uint16_t>(used[chip]++)};
  }

  // The object --------------------------------------------------------------------------------

  void write_cores() {
    for (const Layer& layer : layers_) {
      for (std::size_t t = 0; t < layer.tiles.size(); ++t) {
        const Tile& tile = layer.tiles[t];
        add_core(tile.owner, layer.spots[t][0]);
        result_.placements.push_back({layer.input.population, tile.first, tile.count,
                                      layer.spots[t][0].chip, layer.spots[t][0].core});
        for (std::size_t h = 0; h < tile.helpers.size(); ++h) {
          add_core(tile.helpers[h], layer.spots[t][h + 1]);
        }
      }
    }
    std::ranges::stable_sort(object().cores, {},
                             [](const CoreImage& core) { return std::pair(core.chip, core.core); });
    std::ranges::stable_sort(result_.placements, {}, &Placement::population);
  }

  void add_core(const CoreProgram& program, Spot spot) {
    CoreImage image;
    image.chip = spot.chip;
    image.core = spot.core;
    image.code = program.code;
    image.entries = program.entries;
    image.pages = program.pages;
    image.init = program.init;
    object().cores.push_back(std::move(image));
  }

  CoreImage& core_at(Spot spot) {
    return *std::ranges::lower_bound(
        object().cores, std::pair(spot.chip, spot.core), {},
        [](const CoreImage& core) { return std::pair(core.chip, core.core); });
  }

  static std::vector<CoreRange> ranges_of(const Layer& layer) {
    std::vector<CoreRange> ranges;
    for (const auto& spots : layer.spots) {
      for (const Spot spot : spots) extend(ranges, spot);
    }
    return ranges;
  }

  const Layer& layer_of(std::uint32_t population) const {
    return *std::ranges::find_if(
        layers_, [&](const Layer& layer) { return layer.input.population == population; });
  }

  void write_routes() {
    for (const Layer& target : layers_) {
      const std::vector<CoreRange> ranges = ranges_of(target);
      for (const AxonBlock& block : target.input.blocks) {
        if (network_.populations[block.source].model == Model::kInput) continue;
        add_spike_routes(layer_of(block.source), block, ranges);
      }
      add_sum_routes(target);
    }
    for (CoreImage& core : object().cores) {
      std::ranges::stable_sort(core.routes, {}, &Route::slot);
    }
    for (const Layer& layer : layers_) {
      for (const auto& spots : layer.spots) {
        const std::size_t count = core_at(spots[0]).routes.size();
        if (count <= options_.words) continue;
        no_room(layer.input.population, "spikecore.routes",
                "a core of " + quoted(layer.population().name) + " needs " + number(count) +
                    " routes; it has " + number(options_.words),
                "words: " + number(std::bit_ceil(count)));
      }
    }
  }

  void add_spike_routes(const Layer& source, const AxonBlock& block,
                        const std::vector<CoreRange>& ranges) {
    for (std::size_t t = 0; t < source.tiles.size(); ++t) {
      CoreImage& core = core_at(source.spots[t][0]);
      for (std::int64_t i = 0; i < source.tiles[t].count; ++i) {
        const std::uint32_t axon = block.axon(source.tiles[t].first + i);
        for (const CoreRange& range : ranges) {
          core.routes.push_back(
              {static_cast<std::uint8_t>(range.chip), static_cast<std::uint8_t>(range.first),
               static_cast<std::uint8_t>(range.last), static_cast<std::uint16_t>(axon),
               static_cast<std::uint8_t>(block.delay), static_cast<std::uint8_t>(i),
               PacketKind::kSpike});
        }
      }
    }
  }

  /// Helpers send what they have summed to the membranes of the owner.
  void add_sum_routes(const Layer& layer) {
    for (std::size_t t = 0; t < layer.tiles.size(); ++t) {
      const Tile& tile = layer.tiles[t];
      const Spot owner = layer.spots[t][0];
      const std::int64_t from = layer.slots.scratch ? tile.count : 0;
      for (std::size_t h = 0; h < tile.helpers.size(); ++h) {
        CoreImage& core = core_at(layer.spots[t][h + 1]);
        for (std::int64_t i = 0; i < tile.count; ++i) {
          core.routes.push_back(
              {static_cast<std::uint8_t>(owner.chip), static_cast<std::uint8_t>(owner.core),
               static_cast<std::uint8_t>(owner.core), static_cast<std::uint16_t>(i), 0,
               static_cast<std::uint8_t>(from + i), PacketKind::kPartialSum});
        }
      }
    }
  }

  void write_inputs() {
    for (std::uint32_t i = 0; i < network_.populations.size(); ++i) {
      if (network_.populations[i].model != Model::kInput) continue;
      for (const Layer& layer : layers_) {
        for (const AxonBlock& block : layer.input.blocks) {
          if (block.source == i) add_wires(layer, block);
        }
      }
    }
  }

  void add_wires(const Layer& layer, const AxonBlock& block) {
    bool once = false;
    for (std::size_t k = 0; k < layer.input.projections.size(); ++k) {
      const Projection& p = network_.projections[layer.input.projections[k]];
      if (p.source == block.source && p.delay == block.delay) once = layer.input.once[k];
    }
    const std::uint16_t map = map_of({block.source, block.delay, once});
    const std::int64_t neurons = network_.populations[block.source].neurons;
    for (const CoreRange& range : ranges_of(layer)) {
      for (std::int64_t i = 0; i < neurons * (block.doubled ? 2 : 1); ++i) {
        const std::uint32_t axon = block.axon(i % neurons) + (i >= neurons ? block.half : 0);
        object().inputs.push_back({map, range.chip, range.first, range.last,
                                   static_cast<std::uint32_t>(i),
                                   static_cast<std::uint16_t>(axon)});
      }
    }
  }

  std::uint16_t map_of(const InputMap& wanted) {
    for (std::size_t i = 0; i < result_.inputs.size(); ++i) {
      const InputMap& have = result_.inputs[i];
      if (have.population == wanted.population && have.delay == wanted.delay &&
          have.once == wanted.once) {
        return static_cast<std::uint16_t>(i);
      }
    }
    result_.inputs.push_back(wanted);
    return static_cast<std::uint16_t>(result_.inputs.size() - 1);
  }

  // The plan ----------------------------------------------------------------------------------

  void emit(PlanOp op, std::uint32_t a = 0) {
    PlanRecord record;
    record.op = static_cast<std::uint8_t>(op);
    record.a = a;
    object().plan.push_back(record);
  }

  void emit(PlanOp op, const CoreRange& range, std::uint32_t b, std::uint32_t c = 0) {
    PlanRecord record;
    record.op = static_cast<std::uint8_t>(op);
    record.chip = range.chip;
    record.a = static_cast<std::uint32_t>(range.first | range.last << 16);
    record.b = b;
    record.c = c;
    object().plan.push_back(record);
  }

  /// Neighbouring cores of the layer's owners for which `key(tile)` is the same number.
  template <class Key, class Visit>
  static void for_each_group(const Layer& layer, const Key& key, const Visit& visit) {
    std::vector<CoreRange> ranges;
    std::vector<std::uint64_t> keys;
    for (std::size_t t = 0; t < layer.tiles.size(); ++t) {
      const std::uint64_t now = key(layer.tiles[t]);
      const std::size_t before = ranges.size();
      if (!keys.empty() && keys.back() == now) {
        extend(ranges, layer.spots[t][0]);
      } else {
        ranges.push_back({layer.spots[t][0].chip, layer.spots[t][0].core, layer.spots[t][0].core});
      }
      if (ranges.size() > before) keys.push_back(now);
    }
    for (std::size_t i = 0; i < ranges.size(); ++i) visit(ranges[i], keys[i]);
  }

  std::uint32_t range_id(const AxonRange& range) {
    const auto found = std::ranges::find(object().ranges, range);
    if (found != object().ranges.end()) {
      return static_cast<std::uint32_t>(found - object().ranges.begin());
    }
    object().ranges.push_back(range);
    return static_cast<std::uint32_t>(object().ranges.size() - 1);
  }

  void write_plan() {
    emit(PlanOp::kClear);
    for (std::size_t i = 0; i < result_.inputs.size(); ++i) {
      if (result_.inputs[i].once) emit(PlanOp::kInput, static_cast<std::uint32_t>(i));
    }
    write_once_passes();
    for (const Layer& layer : layers_) load_single_pages(layer);
    emit(PlanOp::kLoop);
    for (std::size_t i = 0; i < result_.inputs.size(); ++i) {
      if (!result_.inputs[i].once) emit(PlanOp::kInput, static_cast<std::uint32_t>(i));
    }
    for (std::size_t at = 0; at < layers_.size();) {
      std::size_t end = at + 1;
      while (end < layers_.size() && layers_[end].level == layers_[at].level) ++end;
      write_level(std::span(layers_).subspan(at, end - at));
      at = end;
    }
    emit(PlanOp::kOut, 0);
    emit(PlanOp::kStep);
    emit(PlanOp::kEndl);
    emit(PlanOp::kEnd);
  }

  void write_once_passes() {
    std::uint32_t most = 0;
    for (const Layer& layer : layers_) {
      for (const Tile& tile : layer.tiles) most = std::max(most, tile.once_pages);
    }
    for (std::uint32_t page = 0; page < most; ++page) {
      for (const Layer& layer : layers_) {
        for_each_group(
            layer,
            [&](const Tile& tile) {
              if (page >= tile.once_pages) return std::uint64_t{0};
              return std::uint64_t{1} + (tile.owner.pages.size() - tile.once_pages) * 65536 +
                     (tile.owner.entries.size() - tile.once_pages);
            },
            [&](const CoreRange& range, std::uint64_t key) {
              if (key == 0) return;
              emit(PlanOp::kLoadw, range, static_cast<std::uint32_t>((key - 1) / 65536) + page);
              emit(PlanOp::kEntry, range, static_cast<std::uint32_t>((key - 1) % 65536) + page);
            });
      }
      emit(PlanOp::kRun);
    }
  }

  void load_single_pages(const Layer& layer) {
    for_each_group(
        layer, [](const Tile& tile) { return std::uint64_t{tile.step_pages == 1}; },
        [&](const CoreRange& range, std::uint64_t single) {
          if (single != 0) emit(PlanOp::kLoadw, range, 0);
        });
    std::vector<CoreRange> helpers;
    for (const auto& spots : layer.spots) {
      for (std::size_t h = 1; h < spots.size(); ++h) extend(helpers, spots[h]);
    }
    for (const CoreRange& range : helpers) emit(PlanOp::kLoadw, range, 0);
  }

  void write_level(std::span<const Layer> layers) {
    std::uint32_t pages = 0;
    bool helped = false;
    for (const Layer& layer : layers) {
      for (const Tile& tile : layer.tiles) {
        pages = std::max(pages, tile.step_pages > 1 ? tile.step_pages : 0);
        helped = helped || !tile.helpers.empty();
      }
    }
    for (std::uint32_t page = 0; page < pages; ++page) {
      for (const Layer& layer : layers) write_page(layer, page);
      emit(PlanOp::kRun);
    }
    if (helped) {
      for (const Layer& layer : layers) arm_sums(layer);
      emit(PlanOp::kRun);
      emit(PlanOp::kDeliver);
    }
    for (const Layer& layer : layers) {
      std::vector<CoreRange> owners;
      for (const auto& spots : layer.spots) extend(owners, spots[0]);
      for (const CoreRange& range : owners) emit(PlanOp::kEntry, range, 0);
    }
    emit(PlanOp::kRun);
    emit(PlanOp::kDeliver);
  }

  void write_page(const Layer& layer, std::uint32_t page) {
    const auto key = [&](const Tile& tile) -> std::uint64_t {
      if (tile.step_pages <= 1 || page >= tile.step_pages) return 0;
      return tile.conditional ? 2u + range_id(tile.page_axons[page]) : 1u;
    };
    for_each_group(layer, key, [&](const CoreRange& range, std::uint64_t kind) {
      if (kind == 0) return;
      emit(PlanOp::kLoadw, range, page, kind >= 2 ? static_cast<std::uint32_t>(kind - 1) : 0);
      emit(PlanOp::kEntry, range, 1 + page);
    });
  }

  void arm_sums(const Layer& layer) {
    std::vector<CoreRange> ranges;
    for (std::size_t t = 0; t < layer.tiles.size(); ++t) {
      if (layer.tiles[t].helpers.empty()) continue;
      for (const Spot spot : layer.spots[t]) extend(ranges, spot);
    }
    for (const CoreRange& range : ranges) emit(PlanOp::kEntry, range, 1);
  }

  // The rest ----------------------------------------------------------------------------------

  void finish() {
    object().profile = options_.profile;
    object().chips = static_cast<std::uint16_t>(chips_);
    object().steps = network_.steps;
    object().words = options_.words;
    object().axons = options_.axons != 0
                         ? options_.axons
                         : std::max<std::uint32_t>(
                               kDefaultAxons, static_cast<std::uint32_t>(std::bit_ceil(axons_)));
    for (const Placement& place : result_.placements) {
      const Population& p = network_.populations[place.population];
      if (!p.is_output) continue;
      object().outputs.push_back({0, place.chip, place.core, 0,
                                  static_cast<std::uint16_t>(place.count), p.model == Model::kLi,
                                  static_cast<std::uint32_t>(place.first)});
    }
    result_.schedule = schedule_;
    write_meta();
    write_usage();
    check_object(object());
    const std::uint32_t steps = network_.steps != 0 ? network_.steps : 8;
    constexpr double kAssumedDensity = 0.15;
    result_.estimated_cycles = estimate_cycles(object(), steps, kAssumedDensity);
  }

  void write_meta() {
    std::string& meta = object().meta;
    const auto text = [](const std::string& value) {
      std::string out = "\"";
      for (const char c : value) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
      }
      return out + "\"";
    };
    meta += "network: " + text(network_.name) + "\ndigest: " + text(network_.digest) +
            "\nschedule: " + std::string(schedule_name(schedule_)) + "\nlayers:\n";
    for (const Placement& place : result_.placements) {
      meta += "  - { name: " + text(network_.populations[place.population].name) + ", neurons: [" +
              number(static_cast<std::uint64_t>(place.first)) + ", " +
              number(static_cast<std::uint64_t>(place.first + place.count - 1)) +
              "], chip: " + number(place.chip) + ", core: " + number(place.core) + ", slots: [0, " +
              number(static_cast<std::uint64_t>(place.count - 1)) + "] }\n";
    }
  }

  void write_usage() {
    Usage& usage = result_.usage;
    usage.chips = chips_;
    usage.cores = object().cores.size();
    usage.axons = axons_;
    for (const CoreImage& core : object().cores) {
      usage.pages += core.pages.size();
      for (const Page& page : core.pages) usage.page_bytes += page.size();
      usage.words += core.code.size();
      usage.routes += core.routes.size();
      usage.most_words = std::max<std::uint64_t>(usage.most_words, core.code.size());
      usage.most_routes = std::max<std::uint64_t>(usage.most_routes, core.routes.size());
    }
    for (const Layer& layer : layers_) {
      for (const Tile& tile : layer.tiles) {
        const auto slots = static_cast<std::uint64_t>(tile.count) * layer.slots.blocks();
        usage.slots += slots * (1 + tile.helpers.size());
        usage.most_slots = std::max(usage.most_slots, slots);
      }
    }
  }

  const Network& network_;
  const CompileOptions& options_;
  const Schedule schedule_;
  const std::function<void()>& alive_;
  std::vector<Layer> layers_;
  std::uint32_t chips_ = 1;
  std::uint64_t axons_ = 1;
  Compiled result_;
};

bool has_held_input(const Network& network) {
  return std::ranges::any_of(network.projections, [&](const Projection& p) {
    const Population& source = network.populations[p.source];
    return source.model == Model::kInput && source.held && p.delay == 0;
  });
}

/// Fewer chips first, then fewer modelled cycles.
bool is_better(const Compiled& a, const Compiled& b) {
  if (a.usage.chips != b.usage.chips) return a.usage.chips < b.usage.chips;
  return a.estimated_cycles < b.estimated_cycles;
}

}  // namespace

std::string_view schedule_name(Schedule schedule) {
  switch (schedule) {
    case Schedule::kAuto:
      return "auto";
    case Schedule::kStreamed:
      return "streamed";
    case Schedule::kResident:
      return "resident";
    case Schedule::kDirect:
      return "direct";
  }
  return "auto";
}

Compiled compile_network(const Network& network, const CompileOptions& options,
                         const std::function<void()>& alive) {
  if (options.schedule != Schedule::kAuto) {
    return Compiler(network, options, options.schedule, alive).compile();
  }
  std::vector<Schedule> candidates{Schedule::kStreamed};
  if (options.profile == Profile::kV1) {
    if (has_held_input(network)) candidates.insert(candidates.begin(), Schedule::kDirect);
    candidates.push_back(Schedule::kResident);
  }
  std::optional<Compiled> best;
  std::optional<Refused> first;
  for (const Schedule schedule : candidates) {
    try {
      Compiled made = Compiler(network, options, schedule, alive).compile();
      if (!best || is_better(made, *best)) best = std::move(made);
    } catch (const Refused& refused) {
      if (!first) first = refused;
    }
  }
  if (!best) throw *first;
  return *std::move(best);
}

}  // namespace neurotool::spikecore
