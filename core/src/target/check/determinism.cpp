// Group determinism: equal graph and options give equal programs, whatever the threads do.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "target/check/drive.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

/// Metrics, placements and artifacts as text: equal text, equal results.
std::vector<std::string> pushed_text(const Recorder& recorder) {
  std::vector<std::string> lines;
  for (const Metric& m : recorder.metrics) {
    lines.push_back(fmt::format("metric {} = {} {} of {}, {}", m.name, m.value, m.unit, m.limit,
                                origin_name(m.origin)));
  }
  for (const Placement& p : recorder.placements) {
    lines.push_back(fmt::format("placement of '{}': neurons {} to {} on chip {}, core {}",
                                p.population, p.first_neuron, p.first_neuron + p.neuron_count,
                                p.chip, p.core));
  }
  for (const PushedArtifact& a : recorder.artifacts)
    lines.push_back(fmt::format("artifact '{}': {}", a.name, a.content));
  std::ranges::sort(lines);
  return lines;
}

/// The first line that the two do not share; shortened, for a message.
std::string first_unequal(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string left = i < a.size() ? a[i] : "nothing";
    const std::string right = i < b.size() ? b[i] : "nothing";
    if (left != right) return fmt::format("first {:.100}, then {:.100}", left, right);
  }
  return {};
}

std::vector<std::string> compile_again(const Accepted& work, Split split) {
  Recorder recorder({.graph = &work.exhibit.graph, .takes_artifacts = true, .split = split});
  const Compiled program(work.target, recorder, work.face);
  return pushed_text(recorder);
}

Result<> compile_twice(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) {
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      const auto first = compile_again(work, Split::kWhole);
      for (const Split split : {Split::kWhole, Split::kOneByOneBackwards, Split::kEightThreads}) {
        const std::string unequal = first_unequal(first, compile_again(work, split));
        if (unequal.empty()) continue;
        trial.fail(fmt::format("graph '{}' compiled twice pushes different results: {}",
                               work.exhibit.name, unequal));
        return {};
      }
      return {};
    });
  });
}

Result<> emit_twice(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    if (!offer.codegen) {
      trial.skip("it writes no code");
      return {};
    }
    trial.looked();
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      for (std::size_t i = 0; i < offer.codegen->format_count; ++i) {
        std::array<std::vector<std::string>, 2> texts;
        for (std::size_t time = 0; time < texts.size(); ++time) {
          Recorder recorder({.graph = &work.exhibit.graph,
                             .takes_artifacts = true,
                             .split = time == 0 ? Split::kWhole : Split::kEightThreads});
          offer.codegen->emit(work.program.handle(), recorder.handle(), work.face.handle(),
                              offer.codegen->formats[i]);
          recorder.end();
          texts[time] = pushed_text(recorder);
        }
        const std::string unequal = first_unequal(texts[0], texts[1]);
        if (!unequal.empty()) {
          trial.fail(fmt::format("graph '{}' emitted twice as '{}' differs: {}", work.exhibit.name,
                                 message_of(offer.codegen->formats[i], 64), unequal));
        }
      }
      return {};
    });
  });
}

Result<> run_on_threads(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    if (!offer.simulate) {
      trial.skip("it does not simulate");
      return {};
    }
    trial.looked();
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      const SimulateRequest request = request_for(work.exhibit);
      Recorder alone({.graph = &work.exhibit.graph, .request = &request});
      const Result<Observed> wanted = run_once(work, request, alone);
      if (!wanted) return {};
      for (const Split split : {Split::kOneByOneBackwards, Split::kEightThreads}) {
        Recorder other({.graph = &work.exhibit.graph, .request = &request, .split = split});
        NT_TRY(const Observed got, run_once(work, request, other));
        const std::string difference = got == *wanted
                                           ? first_unequal(pushed_text(alone), pushed_text(other))
                                           : first_difference(*wanted, got, work.exhibit.graph);
        if (difference.empty()) continue;
        trial.fail(fmt::format("graph '{}' gives other results when {}: {}", work.exhibit.name,
                               split == Split::kEightThreads ? "eight threads run parallel_for"
                                                             : "parallel_for runs backwards",
                               difference));
      }
      return {};
    });
  });
}

constexpr std::array kChecks{
    Check{{"determinism", "determinism.compile", "A graph compiled twice pushes the same results."},
          compile_twice,
          "simulate.runs"},
    Check{{"determinism", "determinism.emit", "A program emitted twice gives the same artifacts."},
          emit_twice,
          "simulate.runs"},
    Check{{"determinism", "determinism.threads", "One thread and eight give the same spikes."},
          run_on_threads,
          "simulate.runs"},
};

}  // namespace

std::span<const Check> determinism_checks() { return kChecks; }

}  // namespace neurotool::conformance
