// Group compile: every graph of the zoo is taken or refused with a reason, and check() knows which.

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "target/check/drive.hpp"
#include "target/check/process_state.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

/// What is wrong with how a target answers a graph; empty: nothing.
std::string judged(const char* function, const ZooGraph& exhibit, nt_code code,
                   const Recorder& recorder) {
  const auto said = [&](std::string_view what) {
    return fmt::format("{} answers '{}' to graph '{}' ({}) {}", function, code_text(code),
                       exhibit.name, exhibit.subject, what);
  };
  for (const Offence& offence : recorder.offences)
    if (offence.topic == Topic::kCall)
      return fmt::format("graph '{}': {}", exhibit.name, offence.text);
  if (!is_verdict(code)) {
    return said(fmt::format("where ok, unsupported and no room are the answers: {}",
                            recorder.errors_text()));
  }
  if (code == NT_OK && recorder.has_error()) return said("but diagnoses an error");
  if (code != NT_OK && !recorder.has_error()) return said("without a diagnostic");
  const bool needs_subject = code == NT_UNSUPPORTED && !exhibit.graph.populations.empty();
  if (needs_subject && !recorder.has_subject())
    return said("without naming the population or projection");
  return {};
}

/// Every graph of the zoo that the target declares.
Result<> for_each_declared(
    const Offer& offer, const std::function<Result<>(const ZooGraph&, const OpenTarget&)>& body) {
  NT_TRY(const OpenTarget target, OpenTarget::open(offer));
  for (const ZooGraph& exhibit : zoo())
    if (offer.takes(exhibit.graph)) NT_TRY_VOID(body(exhibit, target));
  return {};
}

Result<> whole_zoo(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    NT_TRY_VOID(for_each_declared(offer, [&](const ZooGraph& exhibit, const OpenTarget& target) {
      const GraphFace face(exhibit.graph);
      Recorder recorder({.graph = &exhibit.graph});
      const Compiled program(target, recorder, face);
      const std::string wrong = judged("compile()", exhibit, program.code(), recorder);
      if (!wrong.empty()) trial.fail(wrong);
      return Result<>();
    }));
    return for_each_accepted(offer, [](const Accepted&) { return Result<>(); });
  });
}

Result<> check_agrees(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) {
    return for_each_declared(offer, [&](const ZooGraph& exhibit, const OpenTarget& target) {
      const GraphFace face(exhibit.graph);
      Recorder checking({.graph = &exhibit.graph}), compiling({.graph = &exhibit.graph});
      const nt_code checked = target.check(checking, face);
      const Compiled program(target, compiling, face);
      const std::string wrong = judged("check()", exhibit, checked, checking);
      if (!wrong.empty()) trial.fail(wrong);
      if ((checked == NT_OK) != (program.code() == NT_OK)) {
        trial.fail(fmt::format("of graph '{}' check() says '{}' and compile() '{}'", exhibit.name,
                               code_text(checked), code_text(program.code())));
      }
      return Result<>();
    });
  });
}

/// One parameter more than a graph has, with a name that nobody defined.
void add_unknown(Trial& trial, const Accepted& work, std::int32_t owner, std::uint32_t index) {
  const bool population = owner == NT_POPULATION;
  const std::string where =
      population ? fmt::format("population '{}'", work.exhibit.graph.populations[index].name)
                 : fmt::format("projection '{}'", work.exhibit.graph.projections[index].name);
  GraphFace face(work.exhibit.graph);
  face.extra = {owner, index, "no_such_parameter"};
  Recorder recorder({.graph = &work.exhibit.graph});
  const Compiled program(work.target, recorder, face);
  const std::string about = fmt::format(
      "{} of graph '{}' has a parameter 'no_such_parameter', and compile() answers '{}'", where,
      work.exhibit.name, code_text(program.code()));
  if (program.code() != NT_UNSUPPORTED) {
    trial.fail(about + ", not 'unsupported'");
  } else if (!recorder.has_subject()) {
    trial.fail(about + " without naming it");
  }
}

Result<> unknown_parameters(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) {
    std::set<std::string_view> tried;  // one of each model and kind
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      const SpikeGraph& graph = work.exhibit.graph;
      for (std::uint32_t i = 0; i < graph.populations.size(); ++i)
        if (tried.insert(model_name(graph.populations[i].neuron)).second)
          add_unknown(trial, work, NT_POPULATION, i);
      for (std::uint32_t i = 0; i < graph.projections.size(); ++i)
        if (tried.insert(kind_name(graph.projections[i].connectivity)).second)
          add_unknown(trial, work, NT_PROJECTION, i);
      return {};
    });
  });
}

/// The host refuses such graphs itself; a target that takes them would be wrong the day it does
/// not.
Result<> undeclared_words(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) {
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      if (work.exhibit.graph.projections.size() != 1) return {};
      GraphFace face(work.exhibit.graph);
      face.on_population = [](std::uint32_t index, nt_population& p) {
        if (index == 1) p.model = NT_LIT("no_such_model");
      };
      GraphFace other(work.exhibit.graph);
      other.on_projection = [](std::uint32_t, nt_projection& p) {
        p.kind = NT_LIT("no_such_kind");
      };
      Recorder first({.graph = &work.exhibit.graph}), second({.graph = &work.exhibit.graph});
      if (Compiled(work.target, first, face).code() == NT_OK)
        trial.warn("a population of the model 'no_such_model' is compiled");
      if (Compiled(work.target, second, other).code() == NT_OK)
        trial.warn("a projection of the kind 'no_such_kind' is compiled");
      return {};
    });
  });
}

Result<> declared_words(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    std::set<std::string, std::less<>> taken, shown;
    for (const ZooGraph& exhibit : zoo()) {
      for (const Population& p : exhibit.graph.populations) shown.emplace(model_name(p.neuron));
      for (const Projection& p : exhibit.graph.projections)
        shown.emplace(kind_name(p.connectivity));
    }
    NT_TRY_VOID(for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      for (const Population& p : work.exhibit.graph.populations)
        taken.emplace(model_name(p.neuron));
      for (const Projection& p : work.exhibit.graph.projections)
        taken.emplace(kind_name(p.connectivity));
      return {};
    }));
    for (const auto* words : {&offer.models, &offer.kinds}) {
      for (const std::string& word : *words) {
        if (shown.contains(word) && !taken.contains(word))
          trial.warn(
              fmt::format("it declares '{}', but takes no graph of the zoo that holds it", word));
      }
    }
    return {};
  });
}

Result<> large_graph(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    NT_TRY(const OpenTarget target, OpenTarget::open(offer));
    for (const Arithmetic arithmetic : {Arithmetic::kFloat32, Arithmetic::kInteger}) {
      const ZooGraph exhibit = million_synapses(arithmetic);
      if (!offer.takes(exhibit.graph)) {
        trial.skip("it does not declare the models of the large graph");
        continue;
      }
      trial.looked();
      const GraphFace face(exhibit.graph);
      Recorder recorder({.graph = &exhibit.graph});
      const auto start = std::chrono::steady_clock::now();
      const Compiled program(target, recorder, face);
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
      const std::string wrong = judged("compile()", exhibit, program.code(), recorder);
      if (!wrong.empty()) trial.fail(wrong);
      if (taken.count() > 10)
        trial.warn(fmt::format("a million synapses take {:.0f} s to compile", taken.count()));
    }
    return {};
  });
}

Result<> release_in_any_order(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) {
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      // Programs beside the one of `work`: released first come and last come.
      for (const std::array<std::size_t, 2> order : {std::array<std::size_t, 2>{0, 1}, {1, 0}}) {
        std::array<std::optional<Compiled>, 2> programs;
        for (auto& program : programs) {
          Recorder recorder({.graph = &work.exhibit.graph});
          program.emplace(work.target, recorder, work.face);
          if (program->code() != NT_OK)
            trial.fail(
                fmt::format("graph '{}' was compiled once, but not twice", work.exhibit.name));
        }
        if (programs[0]->handle() == programs[1]->handle() && programs[0]->handle() != nullptr)
          trial.fail("two programs are the same object");
        for (const std::size_t i : order) programs[i].reset();
      }
      return {};
    });
  });
}

Result<> compile_again_and_again(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) {
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      constexpr std::size_t kTimes = 20, kBytesEach = 64;  // less is somebody's cache
      const SimulateRequest request = request_for(work.exhibit);
      const auto once = [&] {
        Recorder compiling({.graph = &work.exhibit.graph});
        const Compiled program(work.target, compiling, work.face);
        if (!offer.simulate || program.handle() == nullptr) return;
        Recorder running({.graph = &work.exhibit.graph, .request = &request});
        simulate(offer, program.handle(), request, running);
      };
      const std::size_t left = bytes_left_by(once, kTimes, kBytesEach * kTimes);
      if (left > kBytesEach * kTimes) {
        trial.fail(
            fmt::format("compiling, running and releasing graph '{}' {} times leaves {} "
                        "bytes behind",
                        work.exhibit.name, kTimes, left));
      }
      return {};
    });
  });
}

constexpr std::array kChecks{
    Check{{"compile", "compile.zoo", "Every graph is compiled, or refused with a reason."},
          whole_zoo,
          "lifecycle.open"},
    Check{{"compile", "compile.agree", "check() and compile() are of one mind."},
          check_agrees,
          "compile.zoo"},
    Check{{"compile", "compile.parameters", "Unknown parameters are refused, by name."},
          unknown_parameters,
          "compile.zoo"},
    Check{
        {"compile", "compile.undeclared", "Models and kinds that are not declared are not taken."},
        undeclared_words,
        "compile.zoo"},
    Check{{"compile", "compile.words", "What is declared is taken in one graph at least."},
          declared_words,
          "compile.zoo"},
    Check{{"compile", "compile.large", "A million synapses are taken or refused in time."},
          large_graph,
          "compile.zoo"},
    Check{{"compile", "compile.release", "Programs are released in any order."},
          release_in_any_order,
          "compile.zoo"},
    Check{{"compile", "compile.repeat", "Compiling and running again leaves nothing behind."},
          compile_again_and_again,
          "compile.zoo"},
};

}  // namespace

std::span<const Check> compile_checks() { return kChecks; }

}  // namespace neurotool::conformance
