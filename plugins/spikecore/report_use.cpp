// Counts what an object takes of its chips, and names what the host computes.
#include "report_use.hpp"

#include <algorithm>

namespace neurotool::spikecore {
namespace {

namespace nt = neurotool::sdk;

struct ChipUse {
  std::uint64_t cores = 0, neurons = 0, pages = 0, page_bytes = 0, words = 0, routes = 0, axons = 0;
};

std::vector<ChipUse> use_of_chips(const Deployment& deployment) {
  const Object& object = deployment.image().object();
  std::vector<ChipUse> use(object.chips);
  const auto hear = [&](std::uint32_t chip, std::uint32_t axon) {
    use[chip].axons = std::max<std::uint64_t>(use[chip].axons, axon + std::uint64_t{1});
  };
  for (const CoreImage& core : object.cores) {
    ChipUse& chip = use[core.chip];
    ++chip.cores;
    chip.pages += core.pages.size();
    for (const Page& page : core.pages) chip.page_bytes += page.size();
    chip.words += core.code.size();
    chip.routes += core.routes.size();
    for (const Route& route : core.routes) {
      if (route.kind == PacketKind::kSpike) hear(route.chip, route.axon);
    }
  }
  for (const InputWire& wire : object.inputs) hear(wire.chip, wire.axon);
  for (const Placement& place : deployment.compiled().placements) {
    use[place.chip].neurons += static_cast<std::uint64_t>(place.count);
  }
  return use;
}

const char* when_it_is_given(const Population& p, const std::vector<InputMap>& maps,
                             std::uint32_t population) {
  if (!p.held) return "in every step";
  const bool once = std::ranges::all_of(
      maps, [&](const InputMap& map) { return map.population != population || map.once; });
  return once ? "once for each sample" : "again in every step";
}

}  // namespace

void report_use(nt::Call call, const Deployment& deployment, double axon_limit) {
  const Usage& usage = deployment.compiled().usage;
  const Object& object = deployment.image().object();
  const auto modelled = [&](std::string_view name, std::uint64_t value, double limit = 0) {
    call.metric(name, static_cast<double>(value), "1", nt::Origin::kModelled, limit);
  };
  const double words = object.words;
  modelled("machine.chips", usage.chips);
  modelled("machine.cores", usage.cores, static_cast<double>(usage.chips) * kCoresPerChip);
  modelled("machine.pages", usage.pages);
  modelled("machine.weight_bytes", usage.page_bytes);
  modelled("machine.slots.most", usage.most_slots, kSlots);
  modelled("machine.words.most", usage.most_words, words);
  modelled("machine.routes.most", usage.most_routes, words);
  modelled("machine.axons.most", usage.axons, axon_limit);
  const std::vector<ChipUse> chips = use_of_chips(deployment);
  for (std::size_t i = 0; i < chips.size(); ++i) {
    const ChipUse& chip = chips[i];
    const auto of_chip = [&](const char* name, std::uint64_t value, double limit = 0) {
      modelled(nt::format("chip.{}.{}", i, name), value, limit);
    };
    of_chip("cores", chip.cores, kCoresPerChip);
    of_chip("neurons", chip.neurons, kCoresPerChip * kSlots);
    of_chip("pages", chip.pages);
    of_chip("weight_bytes", chip.page_bytes);
    of_chip("words", chip.words, words * kCoresPerChip);
    of_chip("routes", chip.routes, words * kCoresPerChip);
    of_chip("axons.most", chip.axons, object.axons);
  }
}

void report_split(nt::Call call, const nt::Graph& graph, const Deployment& deployment) {
  const Network& network = deployment.network();
  std::uint64_t on_chip = 0;
  for (std::uint32_t i = 0; i < network.populations.size(); ++i) {
    const Population& p = network.populations[i];
    const nt::Subject subject(graph.population(i));
    if (p.model == Model::kInput) {
      call.note(subject, "spikecore.host",
                "'{}' stays on the host, which rounds its {} values to {} bits and gives those "
                "that are not 0 to the chips {}",
                p.name, p.neurons, p.bits, when_it_is_given(p, deployment.compiled().inputs, i));
      continue;
    }
    ++on_chip;
    if (!p.is_output) continue;
    call.note(subject, "spikecore.host",
              p.fires() ? "'{}' runs on the chips; the host counts the spikes of its {} neurons "
                          "and takes the largest count for the class"
                        : "'{}' runs on the chips; the host reads its {} accumulators after the "
                          "last step and takes the largest for the class",
              p.name, p.neurons);
  }
  call.log(NT_LOG_INFO, "{} of {} populations run on the chips as they are", on_chip,
           network.populations.size());
}

}  // namespace neurotool::spikecore
