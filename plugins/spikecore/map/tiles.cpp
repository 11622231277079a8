// Layers to tiles: as large as code memory allows and as the number of chips asks for.
#include "mapping.hpp"

#include <algorithm>
#include <bit>

namespace neurotool::spikecore {
namespace {

class Tiler {
 public:
  explicit Tiler(Mapping& map) : map_(map) {}

  void make() {
    for (Layer& layer : map_.layers) make_tiles(layer);
    fit_cores();
  }

 private:
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
    const bool resident = map_.schedule == Schedule::kResident;
    while (true) {
      layer.tiles.clear();
      std::size_t longest = 0;
      for_each_tile(layer, layer.size, [&](std::int64_t first, std::int64_t count) {
        if (longest > map_.options.words) return;
        map_.alive();
        layer.tiles.push_back(make_tile(layer.input, layer.slots, first, count, resident));
        longest = std::max(longest, longest_of(layer.tiles.back()));
      });
      if (longest <= map_.options.words) return;
      const std::int64_t next = smaller(layer);
      if (next < 1) {
        no_room(layer.input.population, "spikecore.words",
                "one row of " + quoted(layer.population().name) + " takes " + number(longest) +
                    " words of code; a core has " + number(map_.options.words),
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

  /// Layers of many small tiles share cores until everything fits.
  void fit_cores() {
    const std::uint64_t most_chips = map_.options.chips == 0 ? kMostChips : map_.options.chips;
    map_.chips = map_.options.chips;
    for (std::uint32_t chips = map_.options.chips == 0 ? 1 : map_.options.chips; true;) {
      const std::uint64_t budget = std::uint64_t{chips} * kCoresPerChip;
      if (map_.total_cores() <= budget || shrink_to(budget)) {
        map_.chips = chips;
        return;
      }
      const std::uint64_t needed = (map_.total_cores() + kCoresPerChip - 1) / kCoresPerChip;
      if (needed > most_chips) {
        const auto largest = std::ranges::max_element(
            map_.layers, {}, [](const Layer& layer) { return layer.cores(); });
        no_room(largest->input.population, "spikecore.cores",
                "the network takes " + number(map_.total_cores()) + " cores, " +
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
    while (map_.total_cores() > budget) {
      Layer* widest = nullptr;
      for (Layer& layer : map_.layers) {
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

  Mapping& map_;
};

}  // namespace

void make_tiles(Mapping& map) { Tiler(map).make(); }

}  // namespace neurotool::spikecore
