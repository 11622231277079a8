// `neurotool run-sco`: a program for SpikeCore on the exact machine, with traces and breakpoints.
#include <fmt/format.h>

#include <memory>

#include "cli.hpp"
#include "render.hpp"
#include "sco_files.hpp"
#include "sco_spikes.hpp"
#include "sco_trace.hpp"

namespace neurotool::cli {
namespace {

using namespace spikecore;

struct RunScoOptions {
  std::string program, spike_file;
  std::vector<std::string> spikes, breakpoints;
  std::uint32_t steps = 0, chips = 0, grid = 0;
  bool trace = false, strict_spikes = false, prefetch = false;
};

/// Everything a run prints goes through here, in pieces of some size.
class Printer {
 public:
  explicit Printer(Terminal& terminal) : terminal_(terminal) {}
  ~Printer() { flush(); }
  void add(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() > (1u << 16)) flush();
  }
  void flush() {
    terminal_.out().write(buffer_);
    buffer_.clear();
  }

 private:
  Terminal& terminal_;
  std::string buffer_;
};

Error trap_error(const std::string& path, const Trap& trap, std::uint64_t step) {
  const std::string word =
      trap.word ? fmt::format("word 0x{:016x} ({})", *trap.word, disassemble(*trap.word))
                : std::string("no word");
  return error(
      "spikecore.trap", FilePosition{path, 0, 0},
      fmt::format("{} in step {} on chip {} core {} at pc {}, {}: {}", trap_name(trap.code), step,
                  trap.chip, trap.core, trap.pc, word, trap.what()),
      fmt::format("--break {}.{}.{} shows the core before it, --trace the way there", trap.chip,
                  trap.core, trap.pc));
}

/// Spikes of one step and what the accumulators hold at its end, as a program without a trace
/// shows them.
std::string step_text(const Machine& machine, std::uint64_t step) {
  std::string text;
  for (std::size_t i = 0; i < machine.image().cores().size(); ++i) {
    const ImageCore& core = machine.image().cores()[i];
    for (const Packet& packet : machine.core(i).sent) {
      if (packet.kind != PacketKind::kSpike) continue;
      text += fmt::format("step {}  c{}.k{} a{} fires with payload {}\n", step, core.chip,
                          core.core, packet.slot, packet.value);
    }
  }
  return text;
}

bool reads_input(const Object& object) {
  if (object.plan.empty()) return true;
  for (const PlanRecord& record : object.plan) {
    if (static_cast<PlanOp>(record.op) == PlanOp::kInput) return true;
  }
  return false;
}

Result<GivenSpikes> read_spikes(const RunScoOptions& options, Object& object) {
  GivenSpikes spikes;
  for (const std::string& text : options.spikes) NT_TRY_VOID(add_spike(text, {}, object, spikes));
  if (!options.spike_file.empty()) {
    NT_TRY_VOID(add_spike_file(options.spike_file, object, spikes));
  }
  if (spikes.count > 0 && !reads_input(object)) {
    return error("spikecore.spike", {},
                 fmt::format("{} spikes are given and the plan of '{}' has no INPUT record",
                             spikes.count, options.program),
                 "write INPUT 0 into the plan's loop");
  }
  return spikes;
}

Result<std::set<Breakpoint>> read_breakpoints(const std::vector<std::string>& texts) {
  std::set<Breakpoint> breakpoints;
  for (const std::string& text : texts) {
    Breakpoint at;
    if (!parse_breakpoint(text, at)) {
      return error("cli.value", {}, fmt::format("'{}' is no breakpoint", text),
                   "write --break CHIP.CORE.PC, such as 0.1.12");
    }
    breakpoints.insert(at);
  }
  return breakpoints;
}

Host make_host(const RunScoOptions& options, const Image& image, const Machine& machine,
               const GivenSpikes& spikes, const std::set<Breakpoint>& breakpoints,
               Printer& printer) {
  Host host;
  host.input = [&spikes](std::uint32_t map, std::uint64_t step, const auto& give) {
    if (map != 0) return;
    for (const InputSpike& spike : spikes.always) give(spike);
    const auto now = spikes.by_step.find(step);
    if (now == spikes.by_step.end()) return;
    for (const InputSpike& spike : now->second) give(spike);
  };
  host.output = [&](std::uint32_t, std::uint64_t step, const Machine& m) {
    if (!options.trace) printer.add(step_text(m, step));
  };
  if (options.trace) {
    host.watcher.after = [&](const TraceEvent& event) {
      printer.add(trace_line(event, machine.step()));
    };
  }
  if (!breakpoints.empty()) {
    host.watcher.before = [&](const ImageCore& core, const CoreState& state, const AxonSpace& space,
                              std::uint32_t pc) {
      if (!breakpoints.contains({core.chip, core.core, pc})) return;
      printer.add(fmt::format("break at step {}  c{}.k{}  {:04}  {}\n", machine.step(), core.chip,
                              core.core, pc, disassemble(core.source->code[pc])));
      printer.add(core_text(core, state, space, image.object().axons));
    };
  }
  return host;
}

std::string final_state(const Machine& machine) {
  std::string text;
  for (std::size_t i = 0; i < machine.image().cores().size(); ++i) {
    const ImageCore& core = machine.image().cores()[i];
    std::string slots;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      const std::int32_t value = machine.core(i).accumulators[slot];
      if (value != 0) slots += fmt::format(" a{}={}", slot, value);
    }
    if (!slots.empty()) text += fmt::format("end  c{}.k{}{}\n", core.chip, core.core, slots);
  }
  return text;
}

int simulate(const RunScoOptions& options, Object object, const GivenSpikes& spikes,
             const std::set<Breakpoint>& breakpoints, Terminal& terminal) {
  Printer printer(terminal);
  std::optional<Image> image;
  std::optional<Machine> machine;
  try {
    image.emplace(std::move(object), Grid{options.grid});
    machine.emplace(*image, MachineOptions{.steps = options.steps == 0 ? std::nullopt : std::optional(options.steps),
                                           .strict_spikes = options.strict_spikes,
                                           .prefetch = options.prefetch});
    machine->run(make_host(options, *image, *machine, spikes, breakpoints, printer));
  } catch (const Trap& trap) {
    printer.flush();
    show(trap_error(options.program, trap, machine ? machine->step() : 0), terminal);
    return kExitNo;
  } catch (const ObjectError& problem) {
    printer.flush();
    show(object_error(options.program, problem), terminal);
    return kExitNo;
  }
  printer.add(final_state(*machine));
  printer.add(summary_text(*machine));
  return kExitDone;
}

int run_sco(const RunScoOptions& options, Terminal& terminal) {
  Diagnostics diagnostics;
  auto object = read_program(options.program, diagnostics);
  if (!object) return finish_with(diagnostics, terminal, kExitDone);
  if (options.chips != 0 && object->chips > options.chips) {
    show(error("spikecore.object", FilePosition{options.program, 0, 0},
               fmt::format("the program is for {} chips; the machine has {}", object->chips,
                           options.chips),
               fmt::format("--chips {}", object->chips)),
         terminal);
    return kExitNo;
  }
  const auto spikes = read_spikes(options, *object);
  if (!spikes) {
    show(spikes.error(), terminal);
    return kExitUsage;
  }
  const auto breakpoints = read_breakpoints(options.breakpoints);
  if (!breakpoints) {
    show(breakpoints.error(), terminal);
    return kExitUsage;
  }
  return simulate(options, *std::move(object), *spikes, *breakpoints, terminal);
}

void add_lists(Command& command, RunScoOptions& options) {
  add_value(command, "--spike", options.spikes, "SPIKE",
            "A spike: STEP:INDEX[=PAYLOAD] or STEP:c0.k1.s7[=PAYLOAD], STEP * for all; repeatable.")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  add_value(command, "--spikes", options.spike_file, "FILE", "Spikes from a file, one per word.");
  add_value(command, "--break", options.breakpoints, "CHIP.CORE.PC",
            "Print the core before this word runs; repeatable.")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
}

}  // namespace

void add_run_sco(CommandLine& line) {
  auto options = std::make_shared<RunScoOptions>();
  Command& command = line.add(line.root(), "run-sco", "Run a program for SpikeCore and watch it.");
  command.details =
      "Runs an object file or assembly text on the exact machine. Prints the spikes of each step, "
      "the accumulators at the end, simulated counts, and modelled cycles and energy. A program "
      "without a plan runs all its cores once in each step. What a program must not do ends the "
      "run with a trap that names chip, core, pc and word; the exit code is 1 then.";
  command.examples = {
      {"neurotool run-sco blink.sco --spike 0:c0.k0.s3", "One spike on axon 3 of core 0."},
      {"neurotool run-sco blink.s --steps 4 --trace", "Every instruction and what it changes."},
      {"neurotool run-sco blink.s --break 0.0.2", "The core before word 2."}};
  require(command, add_value(command, "program", options->program, "FILE",
                             "The object file, or assembly text."));
  add_lists(command, *options);
  add_value(command, "--steps", options->steps, "N", "Steps to run; default: the program's, or 1.");
  add_value(command, "--chips", options->chips, "N",
            "Chips of the machine; default: as many as the program needs.");
  add_value(command, "--grid", options->grid, "WIDTH", "Chips in a row; default: near a square.");
  command.app->add_flag("--trace", options->trace, "Print each instruction with what it changes.");
  command.app->add_flag("--strict-spikes", options->strict_spikes,
                        "A second spike on an axon in a step is a trap.");
  command.app->add_flag("--prefetch", options->prefetch, "Page loads overlap execution.");
  command.action = [options](Terminal& terminal) { return run_sco(*options, terminal); };
}

}  // namespace neurotool::cli
