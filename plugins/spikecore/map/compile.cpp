// From a network to an object: runs the stages, and tries the schedules.
#include "compile.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "mapping.hpp"

namespace neurotool::spikecore {
namespace {

class Finisher {
 public:
  explicit Finisher(Mapping& map) : map_(map) {}

  void finish() {
    map_.object().profile = map_.options.profile;
    map_.object().chips = static_cast<std::uint16_t>(map_.chips);
    map_.object().steps = map_.network.steps;
    map_.object().words = map_.options.words;
    map_.object().axons =
        map_.options.axons != 0
            ? map_.options.axons
            : std::max<std::uint32_t>(kDefaultAxons,
                                      static_cast<std::uint32_t>(std::bit_ceil(map_.axons)));
    map_.result.schedule = map_.schedule;
    write_meta();
    write_usage();
    check_object(map_.object());
    const std::uint32_t steps = map_.network.steps != 0 ? map_.network.steps : 8;
    constexpr double kAssumedDensity = 0.15;
    map_.result.estimated_cycles = estimate_cycles(map_.object(), steps, kAssumedDensity);
  }

 private:
  void write_meta() {
    std::string& meta = map_.object().meta;
    const auto text = [](const std::string& value) {
      std::string out = "\"";
      for (const char c : value) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
      }
      return out + "\"";
    };
    meta += "network: " + text(map_.network.name) + "\ndigest: " + text(map_.network.digest) +
            "\nschedule: " + std::string(schedule_name(map_.schedule)) + "\nlayers:\n";
    for (const Placement& place : map_.result.placements) {
      meta += "  - { name: " + text(map_.network.populations[place.population].name) +
              ", neurons: [" + number(static_cast<std::uint64_t>(place.first)) + ", " +
              number(static_cast<std::uint64_t>(place.first + place.count - 1)) +
              "], chip: " + number(place.chip) + ", core: " + number(place.core) + ", slots: [0, " +
              number(static_cast<std::uint64_t>(place.count - 1)) + "] }\n";
    }
  }

  void write_usage() {
    Usage& usage = map_.result.usage;
    usage.chips = map_.chips;
    usage.cores = map_.object().cores.size();
    usage.axons = map_.axons;
    for (const CoreImage& core : map_.object().cores) {
      usage.pages += core.pages.size();
      for (const Page& page : core.pages) usage.page_bytes += page.size();
      usage.words += core.code.size();
      usage.routes += core.routes.size();
      usage.most_words = std::max<std::uint64_t>(usage.most_words, core.code.size());
      usage.most_routes = std::max<std::uint64_t>(usage.most_routes, core.routes.size());
    }
    for (const Layer& layer : map_.layers) {
      for (const Tile& tile : layer.tiles) {
        const auto slots = static_cast<std::uint64_t>(tile.count) * layer.slots.blocks();
        usage.slots += slots * (1 + tile.helpers.size());
        usage.most_slots = std::max(usage.most_slots, slots);
      }
    }
  }

  Mapping& map_;
};

Compiled compile_with(const Network& network, const CompileOptions& options, Schedule schedule,
                      const std::function<void()>& alive) {
  Mapping map{network, options, schedule, alive};
  make_layers(map);
  make_tiles(map);
  place_tiles(map);
  write_cores(map);
  write_plan(map);
  Finisher(map).finish();
  return std::move(map.result);
}

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

std::string number(std::uint64_t value) { return std::to_string(value); }
std::string quoted(const std::string& name) { return "'" + name + "'"; }

void no_room(std::uint32_t population, std::string code, std::string message, std::string help) {
  throw Refused({Refusal::Subject::kPopulation, population, true, std::move(code),
                 std::move(message), std::move(help)});
}

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
    return compile_with(network, options, options.schedule, alive);
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
      Compiled made = compile_with(network, options, schedule, alive);
      if (!best || is_better(made, *best)) best = std::move(made);
    } catch (const Refused& refused) {
      if (!first) first = refused;
    }
  }
  if (!best) throw *first;
  return *std::move(best);
}

}  // namespace neurotool::spikecore
