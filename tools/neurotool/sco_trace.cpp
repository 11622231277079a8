// Texts about a running program of SpikeCore.
#include "sco_trace.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/text.hpp"

namespace neurotool::cli {
namespace {

using namespace spikecore;

constexpr std::size_t kMostListed = 64;

bool take_field(std::string_view& text, std::uint32_t most, std::uint32_t& value) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || value > most) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

/// "a0: 0 -> 12, 2 active"
std::string changes(const TraceEvent& event) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const std::int32_t now = event.state->accumulators[slot];
    if (now != event.before[slot]) add(fmt::format("a{}: {} -> {}", slot, event.before[slot], now));
  }
  if (event.active > 0) add(fmt::format("{} active", event.active));
  for (std::size_t i = event.packets_before; i < event.state->sent.size(); ++i) {
    const Packet& packet = event.state->sent[i];
    add(packet.kind == PacketKind::kSpike
            ? fmt::format("a{} fires with payload {}", packet.slot, packet.value)
            : fmt::format("a{} sends {}", packet.slot, packet.value));
  }
  return text;
}

}  // namespace

bool parse_breakpoint(std::string_view text, Breakpoint& out) {
  return take_field(text, kMostChips - 1, out.chip) && take_dot(text) &&
         take_field(text, kCoresPerChip - 1, out.core) && take_dot(text) &&
         take_field(text, kMostWords, out.pc) && text.empty();
}

std::string trace_line(const TraceEvent& event, std::uint64_t step) {
  std::string line = fmt::format("step {}  c{}.k{}  {:04}  {}", step, event.core->chip,
                                 event.core->core, event.pc, disassemble(event.word));
  if (event.iteration > 0) line += fmt::format("  [{}]", event.iteration);
  const std::string effect = changes(event);
  if (!effect.empty()) line = fmt::format("{:<64}  {}", line, effect);
  return line + "\n";
}

std::string core_text(const ImageCore& core, const CoreState& state, const AxonSpace& space,
                      std::uint32_t axons) {
  std::string text = fmt::format("  c{}.k{} accumulators", core.chip, core.core);
  std::size_t listed = 0;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (state.accumulators[slot] == 0) continue;
    if (++listed <= kMostListed) text += fmt::format(" a{}={}", slot, state.accumulators[slot]);
  }
  text += listed == 0 ? " all 0" : (listed > kMostListed ? " …" : "");
  text += fmt::format("\n  c{}.k{} spikes", core.chip, core.core);
  listed = 0;
  for (std::uint32_t axon = 0; axon < axons; ++axon) {
    if (!space.has(axon)) continue;
    if (++listed <= kMostListed) text += fmt::format(" s{}={}", axon, space.payload(axon));
  }
  return text + (listed == 0 ? " none\n" : (listed > kMostListed ? " …\n" : "\n"));
}

std::string summary_text(const Machine& machine) {
  const Totals totals = machine.totals();
  const std::uint32_t chips = machine.image().object().chips;
  std::string text = fmt::format("\n{} steps, {} chips, {} cores\n", machine.step(), chips,
                                 machine.image().cores().size());
  const auto row = [&](std::string_view name, std::uint64_t value) {
    text += fmt::format("  {:<22} {:>16}\n", name, with_thousands(value));
  };
  text += "simulated\n";
  std::uint64_t instructions = 0;
  for (const std::uint64_t count : totals.cores.instructions) instructions += count;
  row("instructions", instructions);
  row("synaptic operations", totals.cores.sop);
  row("silent synapses", totals.cores.skipped);
  row("spikes", totals.cores.spikes);
  row("partial sums", totals.cores.psum);
  row("packets", totals.chips.packets);
  row("hops between chips", totals.chips.hops);
  row("page bytes", totals.cores.page_bytes);
  row("pages skipped", totals.chips.skipped_pages);
  row("ovf", totals.cores.ovf);
  row("dup", totals.chips.dup);
  const EnergyModel model;
  const Energy energy = energy_of(totals, chips, model);
  text += "modelled\n";
  row("cycles", totals.cycles);
  text += fmt::format("  {:<22} {:>16.3f} us at {} MHz\n", "time", energy.seconds * 1e6,
                      number_text(model.clock_megahertz));
  text += fmt::format("  {:<22} {:>16.3f} nJ, of which {:.3f} static\n", "energy",
                      energy.total_pj() / 1e3, energy.static_pj / 1e3);
  return text;
}

}  // namespace neurotool::cli
