// Group simulate: the plugin against the oracle, and against itself.

#include <array>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "target/check/drive.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

/// for_each_accepted() for every target that simulates; skips the others.
Result<> for_each_run(Trial& trial, const std::function<Result<>(const Accepted&)>& body) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    if (!offer.simulate) {
      trial.skip("it does not simulate");
      return {};
    }
    trial.looked();
    return for_each_accepted(offer, body);
  });
}

/// The one check that minds when a run does not end with NT_OK; the others then look elsewhere.
Result<> runs(Trial& trial) {
  return for_each_run(trial, [&](const Accepted& work) -> Result<> {
    const Result<Observed> seen = run_once(work, request_for(work.exhibit));
    if (!seen) trial.fail(seen.error().message);
    return {};
  });
}

/// Bit for bit where the target promises that, else by the share of spikes that differ.
void compare(Trial& trial, const Accepted& work, const Observed& wanted, const Observed& got) {
  const double tolerance = work.target.offer().simulate->tolerance;
  const SpikeGraph& graph = work.exhibit.graph;
  if (tolerance == 0) {
    if (got != wanted) {
      trial.fail(fmt::format("graph '{}' ({}): {}", work.exhibit.name, work.exhibit.subject,
                             first_difference(wanted, got, graph)));
    }
    return;
  }
  const double share = static_cast<double>(differing_spikes(wanted, got)) /
                       static_cast<double>(std::max<std::uint64_t>(wanted.spike_count(), 1));
  if (share > tolerance) {
    trial.fail(
        fmt::format("graph '{}' ({}): {:.1f} % of the spikes differ, and the target promises "
                    "{:.1f} % at most; first {}",
                    work.exhibit.name, work.exhibit.subject, 100 * share, 100 * tolerance,
                    first_difference(wanted, got, graph)));
  }
}

Result<> equals_oracle(Trial& trial, Arithmetic arithmetic) {
  std::size_t compared = 0;
  NT_TRY_VOID(for_each_run(trial, [&](const Accepted& work) -> Result<> {
    if (work.exhibit.graph.arithmetic != arithmetic) return {};
    if (!work.exhibit.graph.populations.empty()) ++compared;
    const SimulateRequest request = request_for(work.exhibit);
    NT_TRY(const Observed wanted, oracle(work.exhibit, request));
    const Result<Observed> got = run_once(work, request);
    if (got) compare(trial, work, wanted, *got);
    return {};
  }));
  if (compared == 0 && trial.outcome() == Outcome::kPass) {
    trial.not_looked();
    trial.skip(fmt::format("it takes no graph of {} arithmetic",
                           arithmetic == Arithmetic::kInteger ? "integer" : "float"));
  }
  return {};
}

Result<> float_graphs(Trial& trial) { return equals_oracle(trial, Arithmetic::kFloat32); }
Result<> integer_graphs(Trial& trial) { return equals_oracle(trial, Arithmetic::kInteger); }

Result<> silence(Trial& trial) {
  return for_each_run(trial, [&](const Accepted& work) -> Result<> {
    const ZooGraph quiet = silenced(work.exhibit);
    const SimulateRequest request = request_for(quiet);
    NT_TRY(const Observed wanted, oracle(quiet, request));
    if (wanted.spike_count() > 0)
      return {};  // biases, or potentials above a threshold from the start
    const Result<Observed> got = run_once(work, request);
    if (got && got->spike_count() > 0) {
      trial.fail(fmt::format("graph '{}' is given nothing but zeros, and {} spikes come out",
                             work.exhibit.name, got->spike_count()));
    }
    return {};
  });
}

Result<> no_probes(Trial& trial) {
  return for_each_run(trial, [&](const Accepted& work) -> Result<> {
    SimulateRequest request = request_for(work.exhibit);
    request.probes.clear();
    Recorder recorder({.graph = &work.exhibit.graph, .request = &request});
    static_cast<void>(run_once(work, request, recorder));
    for (const Offence& offence : recorder.offences) {
      if (offence.topic != Topic::kSpikes && offence.topic != Topic::kValues) continue;
      trial.fail(
          fmt::format("graph '{}' was run without probes: {}", work.exhibit.name, offence.text));
    }
    return {};
  });
}

Result<> seeds(Trial& trial) {
  return for_each_run(trial, [&](const Accepted& work) -> Result<> {
    const SimulateRequest request = request_for(work.exhibit, 7);
    const Result<Observed> first = run_once(work, request);
    if (!first) return {};
    static_cast<void>(run_once(work, request_for(work.exhibit, 8)));
    NT_TRY(const Observed second, run_once(work, request));
    if (second != *first) {
      trial.fail(fmt::format("graph '{}' run twice with seed 7 differs: {}", work.exhibit.name,
                             first_difference(*first, second, work.exhibit.graph)));
    }
    return {};
  });
}

Result<> batches(Trial& trial) {
  return for_each_run(trial, [&](const Accepted& work) -> Result<> {
    const Result<Observed> together = run_once(work, request_for(work.exhibit));
    if (!together) return {};
    Observed one_by_one;
    for (std::uint64_t sample = 0; sample < work.exhibit.samples; ++sample) {
      const ZooGraph part = part_of(work.exhibit, sample, 1);
      const SimulateRequest request = request_for(part);
      Recorder recorder({.graph = &work.exhibit.graph, .request = &request});
      NT_TRY_VOID(run_once(work, request, recorder));
      add(one_by_one, observed(recorder, sample));
    }
    if (one_by_one != *together) {
      trial.fail(fmt::format("graph '{}' differs when its samples come one by one: {}",
                             work.exhibit.name,
                             first_difference(*together, one_by_one, work.exhibit.graph)));
    }
    return {};
  });
}

Result<> overlapping(Trial& trial) {
  return for_each_run(trial, [&](const Accepted& work) -> Result<> {
    constexpr std::size_t kRuns = 8;
    const SimulateRequest request = request_for(work.exhibit);
    const Result<Observed> alone = run_once(work, request);
    if (!alone) return {};
    std::array<Result<Observed>, kRuns> results;
    {
      std::vector<std::jthread> threads;
      for (Result<Observed>& result : results)
        threads.emplace_back([&] { result = run_once(work, request); });
    }
    for (const Result<Observed>& result : results) {
      if (!result) return result.error();
      if (*result == *alone) continue;
      trial.fail(fmt::format("graph '{}' gives other results when eight runs overlap: {}",
                             work.exhibit.name,
                             first_difference(*alone, *result, work.exhibit.graph)));
      break;
    }
    return {};
  });
}

constexpr std::array kChecks{
    Check{
        {"simulate", "simulate.runs", "Every graph that was compiled runs."}, runs, "compile.zoo"},
    Check{{"simulate", "simulate.float", "Float graphs give what docs/semantics.md says."},
          float_graphs,
          "simulate.runs"},
    Check{{"simulate", "simulate.integer", "Integer graphs give what docs/semantics.md says."},
          integer_graphs,
          "simulate.runs"},
    Check{{"simulate", "simulate.silence", "No input, no spikes."}, silence, "simulate.runs"},
    Check{{"simulate", "simulate.no-probes", "What no probe asks for is not pushed."},
          no_probes,
          "simulate.runs"},
    Check{{"simulate", "simulate.seed", "Equal seeds give equal results."}, seeds, "simulate.runs"},
    Check{{"simulate", "simulate.batches", "Results do not depend on how samples are batched."},
          batches,
          "simulate.runs"},
    Check{{"simulate", "simulate.overlap", "Eight overlapping runs equal eight in a row."},
          overlapping,
          "simulate.runs"},
};

}  // namespace

std::span<const Check> simulate_checks() { return kChecks; }

}  // namespace neurotool::conformance
