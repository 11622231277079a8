// Cores of the object: their programs, the routes between them, and the wires to the host.
#include "mapping.hpp"

#include <algorithm>
#include <bit>

namespace neurotool::spikecore {
namespace {

class CoreWriter {
 public:
  explicit CoreWriter(Mapping& map) : map_(map) {}

  void write() {
    write_cores();
    write_routes();
    write_inputs();
    write_outputs();
  }

 private:
  void write_cores() {
    for (const Layer& layer : map_.layers) {
      for (std::size_t t = 0; t < layer.tiles.size(); ++t) {
        const Tile& tile = layer.tiles[t];
        add_core(tile.owner, layer.spots[t][0]);
        map_.result.placements.push_back({layer.input.population, tile.first, tile.count,
                                          layer.spots[t][0].chip, layer.spots[t][0].core});
        for (std::size_t h = 0; h < tile.helpers.size(); ++h) {
          add_core(tile.helpers[h], layer.spots[t][h + 1]);
        }
      }
    }
    std::ranges::stable_sort(map_.object().cores, {},
                             [](const CoreImage& core) { return std::pair(core.chip, core.core); });
    std::ranges::stable_sort(map_.result.placements, {}, &Placement::population);
  }

  void add_core(const CoreProgram& program, Spot spot) {
    CoreImage image;
    image.chip = spot.chip;
    image.core = spot.core;
    image.code = program.code;
    image.entries = program.entries;
    image.pages = program.pages;
    image.init = program.init;
    map_.object().cores.push_back(std::move(image));
  }

  CoreImage& core_at(Spot spot) {
    return *std::ranges::lower_bound(
        map_.object().cores, std::pair(spot.chip, spot.core), {},
        [](const CoreImage& core) { return std::pair(core.chip, core.core); });
  }

  const Layer& layer_of(std::uint32_t population) const {
    return *std::ranges::find_if(
        map_.layers, [&](const Layer& layer) { return layer.input.population == population; });
  }

  void write_routes() {
    for (const Layer& target : map_.layers) {
      const std::vector<CoreRange> ranges = ranges_of(target);
      for (const AxonBlock& block : target.input.blocks) {
        if (map_.network.populations[block.source].model == Model::kInput) continue;
        add_spike_routes(layer_of(block.source), block, ranges);
      }
      add_sum_routes(target);
    }
    for (CoreImage& core : map_.object().cores) {
      std::ranges::stable_sort(core.routes, {}, &Route::slot);
    }
    for (const Layer& layer : map_.layers) {
      for (const auto& spots : layer.spots) {
        const std::size_t count = core_at(spots[0]).routes.size();
        if (count <= map_.options.words) continue;
        no_room(layer.input.population, "spikecore.routes",
                "a core of " + quoted(layer.population().name) + " needs " + number(count) +
                    " routes; it has " + number(map_.options.words),
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
    for (std::uint32_t i = 0; i < map_.network.populations.size(); ++i) {
      if (map_.network.populations[i].model != Model::kInput) continue;
      for (const Layer& layer : map_.layers) {
        for (const AxonBlock& block : layer.input.blocks) {
          if (block.source == i) add_wires(layer, block);
        }
      }
    }
  }

  void add_wires(const Layer& layer, const AxonBlock& block) {
    bool once = false;
    for (std::size_t k = 0; k < layer.input.projections.size(); ++k) {
      const Projection& p = map_.network.projections[layer.input.projections[k]];
      if (p.source == block.source && p.delay == block.delay) once = layer.input.once[k];
    }
    const std::uint16_t map = map_of({block.source, block.delay, once});
    const std::int64_t neurons = map_.network.populations[block.source].neurons;
    for (const CoreRange& range : ranges_of(layer)) {
      for (std::int64_t i = 0; i < neurons * (block.doubled ? 2 : 1); ++i) {
        const std::uint32_t axon = block.axon(i % neurons) + (i >= neurons ? block.half : 0);
        map_.object().inputs.push_back({map, range.chip, range.first, range.last,
                                        static_cast<std::uint32_t>(i),
                                        static_cast<std::uint16_t>(axon)});
      }
    }
  }

  std::uint16_t map_of(const InputMap& wanted) {
    for (std::size_t i = 0; i < map_.result.inputs.size(); ++i) {
      const InputMap& have = map_.result.inputs[i];
      if (have.population == wanted.population && have.delay == wanted.delay &&
          have.once == wanted.once) {
        return static_cast<std::uint16_t>(i);
      }
    }
    map_.result.inputs.push_back(wanted);
    return static_cast<std::uint16_t>(map_.result.inputs.size() - 1);
  }

  void write_outputs() {
    for (const Placement& place : map_.result.placements) {
      const Population& p = map_.network.populations[place.population];
      if (!p.is_output) continue;
      map_.object().outputs.push_back(
          {0, place.chip, place.core, 0, static_cast<std::uint16_t>(place.count),
           p.model == Model::kLi, static_cast<std::uint32_t>(place.first)});
    }
  }

  Mapping& map_;
};

}  // namespace

void write_cores(Mapping& map) { CoreWriter(map).write(); }

}  // namespace neurotool::spikecore
