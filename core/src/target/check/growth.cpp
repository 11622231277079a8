// Group growth: hosts of other ages, and values that no host of today sends.

#include <array>

#include <fmt/format.h>

#include "target/check/drive.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

/// The whole zoo with a host whose structs have another length: what is accepted with those of
/// today must be accepted, and run.
Result<> with_lengths(Trial& trial, Length length) {
  return for_each_target(trial, {.length = length}, [&](const Offer& offer) {
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      if (!offer.simulate) return {};
      const SimulateRequest request = request_for(work.exhibit);
      Recorder recorder({.graph = &work.exhibit.graph, .request = &request});
      const nt_code code = simulate(offer, work.program.handle(), request, recorder, length);
      if (code != NT_OK) {
        trial.fail(fmt::format("graph '{}' was compiled, but run() answers '{}': {}",
                               work.exhibit.name, code_text(code), recorder.errors_text()));
      }
      return {};
    });
  });
}

Result<> first_lengths(Trial& trial) { return with_lengths(trial, Length::kFirst); }
Result<> future_lengths(Trial& trial) { return with_lengths(trial, Length::kFuture); }

/// One thing about a graph that is not of today, and whether a target may let it pass.
struct Twist {
  std::string_view what;
  void (*apply)(GraphFace&);
  bool may_pass;
};

constexpr std::array kTwists{
    Twist{"the arithmetic 9",
          [](GraphFace& face) { face.on_info = [](nt_graph_info& info) { info.arithmetic = 9; }; },
          false},
    Twist{"weights of dtype 99",
          [](GraphFace& face) {
            face.on_parameter = [](std::int32_t owner, std::uint32_t, nt_parameter& parameter) {
              if (owner == NT_PROJECTION && message_of(parameter.name, 64) == "weight")
                parameter.value.dtype = {99, 32, 1};
            };
          },
          false},
    Twist{"projections onto port 9",
          [](GraphFace& face) {
            face.on_projection = [](std::uint32_t, nt_projection& p) { p.target_port = 9; };
          },
          false},
    Twist{"populations with an unknown role",
          [](GraphFace& face) {
            face.on_population = [](std::uint32_t, nt_population& p) { p.roles |= 0x40000000u; };
          },
          true},
};

void try_twist(Trial& trial, const Accepted& work, const Twist& twist) {
  GraphFace face(work.exhibit.graph);
  twist.apply(face);
  Recorder checking({.graph = &work.exhibit.graph}), compiling({.graph = &work.exhibit.graph});
  const nt_code checked = work.target.check(checking, face);
  const Compiled program(work.target, compiling, face);
  if (!twist.may_pass && program.code() == NT_OK) {
    trial.fail(
        fmt::format("a graph with {} is compiled as if nothing were the matter", twist.what));
  } else if (!twist.may_pass && checked == NT_OK) {
    trial.fail(fmt::format("a graph with {} passes check(), but compile() answers '{}'", twist.what,
                           code_text(program.code())));
  } else if (twist.may_pass && program.code() != NT_OK) {
    trial.fail(fmt::format("a graph with {}, which only a newer host could mean, is refused: {}",
                           twist.what, compiling.errors_text()));
  }
}

/// A graph with a dense layer, as nearly every target takes it; else the first that is accepted.
bool is_example(const Accepted& work) {
  const SpikeGraph& graph = work.exhibit.graph;
  return graph.projections.size() == 1 &&
         std::holds_alternative<Dense>(graph.projections.front().connectivity);
}

Result<> unknown_values(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) {
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      if (!is_example(work)) return {};
      for (const Twist& twist : kTwists) try_twist(trial, work, twist);
      trial.looked();
      return {};
    });
  });
}

Result<> unknown_probes(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    if (!offer.simulate) {
      trial.skip("it does not simulate");
      return {};
    }
    trial.looked();
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      if (!is_example(work)) return {};
      SimulateRequest request = request_for(work.exhibit);
      request.probes = {{request.probes.front().population, "no_such_variable"}};
      Recorder recorder({.graph = &work.exhibit.graph, .request = &request});
      if (simulate(offer, work.program.handle(), request, recorder) == NT_OK)
        trial.fail("a probe of 'no_such_variable' is answered with 'ok'");
      return {};
    });
  });
}

/// Artifacts refused and no service offered: a plugin may fail, but not fall.
Result<> bare_host(Trial& trial) {
  const HostShape bare{.length = Length::kToday, .has_extensions = false};
  return for_each_target(trial, bare, [&](const Offer& offer) {
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      if (!offer.codegen) return {};
      for (std::size_t i = 0; i < offer.codegen->format_count; ++i) {
        Recorder recorder({.graph = &work.exhibit.graph});
        offer.codegen->emit(work.program.handle(), recorder.handle(), work.face.handle(),
                            offer.codegen->formats[i]);
        recorder.end();
      }
      return {};
    });
  });
}

constexpr std::array kChecks{
    Check{
        {"growth", "growth.first-lengths", "Structs that end where version 0.1's end are enough."},
        first_lengths,
        "simulate.runs"},
    Check{{"growth", "growth.future-lengths", "Structs with something unknown behind do no harm."},
          future_lengths,
          "simulate.runs"},
    Check{
        {"growth", "growth.unknown-values", "Numbers that nobody defined are refused or ignored."},
        unknown_values,
        "simulate.runs"},
    Check{{"growth", "growth.unknown-probes", "A probe that nobody defined is refused."},
          unknown_probes,
          "simulate.runs"},
    Check{{"growth", "growth.bare-host", "A host without services and artifacts is borne."},
          bare_host,
          "simulate.runs"},
};

}  // namespace

std::span<const Check> growth_checks() { return kChecks; }

}  // namespace neurotool::conformance
