// The sequencer plan: inputs, page loads, passes and barriers of a step, level by level.
#include "mapping.hpp"

#include <algorithm>
#include <span>

namespace neurotool::spikecore {
namespace {

class PlanWriter {
 public:
  explicit PlanWriter(Mapping& map) : map_(map) {}

  void write() {
    emit(PlanOp::kClear);
    for (std::size_t i = 0; i < map_.result.inputs.size(); ++i) {
      if (map_.result.inputs[i].once) emit(PlanOp::kInput, static_cast<std::uint32_t>(i));
    }
    write_once_passes();
    for (const Layer& layer : map_.layers) load_single_pages(layer);
    emit(PlanOp::kLoop);
    for (std::size_t i = 0; i < map_.result.inputs.size(); ++i) {
      if (!map_.result.inputs[i].once) emit(PlanOp::kInput, static_cast<std::uint32_t>(i));
    }
    for (std::size_t at = 0; at < map_.layers.size();) {
      std::size_t end = at + 1;
      while (end < map_.layers.size() && map_.layers[end].level == map_.layers[at].level) ++end;
      write_level(std::span(map_.layers).subspan(at, end - at));
      at = end;
    }
    emit(PlanOp::kOut, 0);
    emit(PlanOp::kStep);
    emit(PlanOp::kEndl);
    emit(PlanOp::kEnd);
  }

 private:
  void emit(PlanOp op, std::uint32_t a = 0) {
    PlanRecord record;
    record.op = static_cast<std::uint8_t>(op);
    record.a = a;
    map_.object().plan.push_back(record);
  }

  void emit(PlanOp op, const CoreRange& range, std::uint32_t b, std::uint32_t c = 0) {
    PlanRecord record;
    record.op = static_cast<std::uint8_t>(op);
    record.chip = range.chip;
    record.a = static_cast<std::uint32_t>(range.first | range.last << 16);
    record.b = b;
    record.c = c;
    map_.object().plan.push_back(record);
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
    const auto found = std::ranges::find(map_.object().ranges, range);
    if (found != map_.object().ranges.end()) {
      return static_cast<std::uint32_t>(found - map_.object().ranges.begin());
    }
    map_.object().ranges.push_back(range);
    return static_cast<std::uint32_t>(map_.object().ranges.size() - 1);
  }

  void write_once_passes() {
    std::uint32_t most = 0;
    for (const Layer& layer : map_.layers) {
      for (const Tile& tile : layer.tiles) most = std::max(most, tile.once_pages);
    }
    for (std::uint32_t page = 0; page < most; ++page) {
      for (const Layer& layer : map_.layers) {
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

  Mapping& map_;
};

}  // namespace

void write_plan(Mapping& map) { PlanWriter(map).write(); }

}  // namespace neurotool::spikecore
