// Checks the stimuli, runs each sample on a machine, and pushes records in the order of samples.
#include "run_batch.hpp"

#include <algorithm>
#include <utility>

namespace neurotool::spikecore {
namespace {

namespace nt = neurotool::sdk;

class Batch {
 public:
  Batch(const Deployment& deployment, const EnergyModel& energy)
      : deployment_(deployment), energy_(energy) {}

  void simulate(nt::Call call, const nt::Run& run) const {
    const std::vector<ProbeRequest> probes = probes_of(run);
    const std::vector<std::vector<std::int32_t>> inputs = inputs_of(run);
    const auto steps = static_cast<std::uint32_t>(run.steps);
    std::vector<SampleResult> results(run.samples);
    call.progress(0, "simulating");
    call.parallel_for(run.samples, [&](std::size_t first, std::size_t last) {
      Machine machine = deployment_.make_machine(steps);
      for (std::size_t sample = first; sample < last; ++sample) {
        results[sample] = run_sample(call, machine, inputs, run, sample, probes);
      }
    });
    for (std::size_t sample = 0; sample < results.size(); ++sample) {
      for (std::size_t i = 0; i < probes.size(); ++i) {
        push(call, probes[i], sample, steps, results[sample].probes[i]);
      }
    }
    push_counts(call, results);
    call.progress(1, "simulating");
  }

 private:
  const Network& network() const { return deployment_.network(); }

  std::vector<ProbeRequest> probes_of(const nt::Run& run) const {
    std::vector<ProbeRequest> probes;
    for (const nt::Probe& probe : run.probes) {
      const Population& p = network().populations.at(probe.population);
      const bool spikes = probe.variable == "spikes" && p.sends();
      const bool membrane = probe.variable == "membrane" && p.has_membrane();
      const bool readout = probe.variable == "readout" && p.has_membrane();
      if (!spikes && !membrane && !readout) {
        throw nt::Failure(NT_UNSUPPORTED, "spikecore.probe",
                          nt::format("'{}' of '{}' cannot be recorded", probe.variable, p.name),
                          "spikes of what sends; membrane and readout of what has a membrane");
      }
      probes.push_back({probe.population, spikes     ? Variable::kSpikes
                                          : membrane ? Variable::kMembrane
                                                     : Variable::kReadout});
    }
    return probes;
  }

  /// By population; every value is one that the input may have.
  std::vector<std::vector<std::int32_t>> inputs_of(const nt::Run& run) const {
    std::vector<std::vector<std::int32_t>> inputs(network().populations.size());
    for (const nt::Stimulus& stimulus : run.stimuli) {
      const bool known = stimulus.population < network().populations.size() &&
                         network().populations[stimulus.population].model == Model::kInput;
      if (!known) {
        throw nt::Failure(
            NT_BAD_ARGUMENT, "spikecore.stimulus",
            nt::format("a stimulus names population {}, which is no input", stimulus.population));
      }
      inputs[stimulus.population] = stimulus.value.to_vector<std::int32_t>();
    }
    for (std::uint32_t i = 0; i < inputs.size(); ++i) check_input(run, i, inputs[i]);
    return inputs;
  }

  std::uint64_t frames(const nt::Run& run, const Population& p) const {
    return p.held ? 1 : run.steps;
  }

  void check_input(const nt::Run& run, std::uint32_t index,
                   const std::vector<std::int32_t>& values) const {
    const Population& p = network().populations[index];
    if (p.model != Model::kInput) return;
    const std::uint64_t wanted =
        run.samples * frames(run, p) * static_cast<std::uint64_t>(p.neurons);
    if (values.size() != wanted) {
      throw nt::Failure(NT_BAD_ARGUMENT, "spikecore.stimulus",
                        nt::format("the stimulus of '{}' has {} values; {} samples need {}", p.name,
                                   values.size(), run.samples, wanted));
    }
    const PayloadRange range = deployment_.input_range(index);
    for (const std::int32_t value : values) {
      if (value >= range.least && value <= range.most) continue;
      throw nt::Failure(
          NT_BAD_ARGUMENT, "spikecore.stimulus",
          nt::format("the stimulus of '{}' has the value {}; its {} bits hold {} to {}", p.name,
                     value, p.bits, range.least, range.most));
    }
  }

  SampleResult run_sample(nt::Call call, Machine& machine,
                          const std::vector<std::vector<std::int32_t>>& inputs, const nt::Run& run,
                          std::size_t sample, const std::vector<ProbeRequest>& probes) const {
    std::vector<std::span<const std::int32_t>> mine(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Population& p = network().populations[i];
      if (p.model != Model::kInput) continue;
      const std::size_t size = frames(run, p) * static_cast<std::size_t>(p.neurons);
      mine[i] = std::span(inputs[i]).subspan(sample * size, size);
    }
    SampleResult result;
    try {
      result = deployment_.run(machine, mine, static_cast<std::uint32_t>(run.steps), probes,
                               [&] { call.progress(-1, "simulating"); });
    } catch (const Trap& trap) {
      throw nt::Failure(
          NT_INTERNAL, "spikecore.trap",
          nt::format("{} on chip {} core {} at pc {}, {}: {}", trap_name(trap.code), trap.chip,
                     trap.core, trap.pc,
                     trap.word ? disassemble(*trap.word) : std::string("no word"), trap.what()));
    } catch (const ObjectError& problem) {
      throw nt::Failure(NT_INTERNAL, "spikecore.object",
                        nt::format("{}: {}", problem.place, problem.what()), problem.help);
    }
    if (result.totals.cores.ovf > 0) {
      throw nt::Failure(NT_FAILED, "spikecore.overflow",
                        nt::format("sample {} of this batch: {} sums left 32 bits and were "
                                   "saturated",
                                   sample, result.totals.cores.ovf),
                        "fewer fraction_bits in quantize, or fewer steps");
    }
    return result;
  }

  void push(nt::Call call, const ProbeRequest& probe, std::uint64_t sample, std::uint32_t steps,
            const ProbeRecord& record) const {
    const std::int64_t neurons = network().populations[probe.population].neurons;
    const nt::Span<const std::int64_t> shape(&neurons, 1);
    const std::uint64_t last = steps > 0 ? steps - 1 : 0;
    switch (probe.variable) {
      case Variable::kSpikes:
        push_spikes(call, probe, sample, record);
        break;
      case Variable::kMembrane:
        for (std::uint64_t step = 0; step < steps; ++step) {
          const std::size_t offset = step * static_cast<std::size_t>(neurons);
          call.values(sample, probe.population, "membrane", step,
                      nt::TensorView(record.membranes.data() + offset, shape));
        }
        break;
      case Variable::kReadout:
        push_readout(call, probe, sample, last, record, shape);
        break;
    }
  }

  void push_readout(nt::Call call, const ProbeRequest& probe, std::uint64_t sample,
                    std::uint64_t last, const ProbeRecord& record,
                    nt::Span<const std::int64_t> shape) const {
    const Population& p = network().populations[probe.population];
    if (p.fires()) {
      call.values(sample, probe.population, "readout", last,
                  nt::TensorView(record.counts.data(), shape));
      return;
    }
    std::vector<std::int32_t> membranes = record.membranes;
    // Without a step the membranes are as they begin.
    for (std::int64_t i = static_cast<std::int64_t>(membranes.size()); i < p.neurons; ++i) {
      membranes.push_back(p.initial.at(i, p.neurons));
    }
    call.values(sample, probe.population, "readout", last, nt::TensorView(membranes.data(), shape));
  }

  static void push_spikes(nt::Call call, const ProbeRequest& probe, std::uint64_t sample,
                          const ProbeRecord& record) {
    std::uint32_t begin = 0;
    for (std::size_t step = 0; step < record.step_ends.size(); ++step) {
      const std::uint32_t count = record.step_ends[step] - begin;
      if (count > 0) {
        const std::int32_t* payloads = record.payloads.data() + begin;
        const bool all_one = std::all_of(payloads, payloads + count,
                                         [](std::int32_t payload) { return payload == 1; });
        call.spikes(sample, probe.population, step, {record.neurons.data() + begin, count},
                    all_one ? nt::Span<const std::int32_t>()
                            : nt::Span<const std::int32_t>(payloads, count));
      }
      begin = record.step_ends[step];
    }
  }

  void push_counts(nt::Call call, const std::vector<SampleResult>& results) const {
    Totals totals;
    std::vector<std::uint64_t> spikes(network().populations.size(), 0);
    std::uint64_t operations = 0, all_spikes = 0;
    for (const SampleResult& result : results) {
      totals += result.totals;
      operations += result.synaptic_ops;
      for (std::size_t i = 0; i < spikes.size(); ++i) spikes[i] += result.spikes[i];
    }
    for (const std::uint64_t count : spikes) all_spikes += count;
    const auto simulated = [&](std::string_view name, std::uint64_t value) {
      call.metric(name, static_cast<double>(value), "1", nt::Origin::kSimulated);
    };
    simulated("spikes.total", all_spikes);
    simulated("synaptic_ops.total", operations);
    for (std::size_t i = 0; i < spikes.size(); ++i) {
      const Population& p = network().populations[i];
      if (p.fires() || (p.model == Model::kInput && !p.held)) {
        simulated("population." + std::to_string(i) + ".spikes", spikes[i]);
      }
    }
    simulated("machine.sop", totals.cores.sop);
    simulated("machine.silent_synapses", totals.cores.skipped);
    simulated("machine.packets", totals.chips.packets);
    simulated("machine.hops", totals.chips.hops);
    simulated("machine.page_bytes", totals.cores.page_bytes);
    simulated("machine.skipped_pages", totals.chips.skipped_pages);
    simulated("machine.ovf", totals.cores.ovf);
    simulated("machine.dup", totals.chips.dup);
    const Energy energy = energy_of(totals, deployment_.image().object().chips, energy_);
    const auto modelled = [&](std::string_view name, double value, std::string_view unit) {
      call.metric(name, value, unit, nt::Origin::kModelled);
    };
    modelled("machine.cycles", static_cast<double>(totals.cycles), "1");
    modelled("energy.total", energy.total_pj() * 1e-12, "J");
    modelled("latency.total", energy.seconds, "s");
  }

  const Deployment& deployment_;
  const EnergyModel& energy_;
};

}  // namespace

void run_batch(sdk::Call call, const sdk::Run& run, const Deployment& deployment,
               const EnergyModel& energy) {
  Batch(deployment, energy).simulate(call, run);
}

}  // namespace neurotool::spikecore
