// Part of neurotool/plugin/sdk.hpp: the classes that a plugin derives from.
#ifndef NEUROTOOL_PLUGIN_SDK_TARGET_HPP
#define NEUROTOOL_PLUGIN_SDK_TARGET_HPP

#include <neurotool/plugin/ext/codegen.h>
#include <neurotool/plugin/ext/resources.h>
#include <neurotool/plugin/ext/simulate.h>
#include <neurotool/plugin/sdk/call.hpp>
#include <neurotool/plugin/sdk/info.hpp>

#include <memory>

namespace neurotool::sdk {

/// The checked options, every key of the table present; for what Options does not cover.
class Config {
 public:
  explicit Config(const nt_config* config) : config_(config) {}
  /// The whole section as canonical JSON: to pass on, or as a cache key.
  std::string json() const {
    nt_str text{};
    detail::expect_ok(detail::host->config->get_json(config_, &text));
    return std::string(view(text));
  }

 private:
  const nt_config* config_;
};

/// A compiled graph. It never changes after compile().
class Program {
 public:
  virtual ~Program() = default;
};

struct Stimulus {
  std::uint32_t population = 0;
  TensorView value;  ///< [samples, shape…] for a held input, else [samples, steps, shape…]
  bool is_spikes = false;  ///< otherwise the values are currents
};
struct Probe {
  std::uint32_t population = 0;
  std::string_view variable;  ///< "spikes", "membrane", "readout": ext/simulate.h
};
struct Run {
  std::uint64_t samples = 0, steps = 0, seed = 0;
  std::vector<Stimulus> stimuli;
  std::vector<Probe> probes;
};

/// A program that derives from this offers nt.simulate/1. Runs may overlap: keep the state of a run
/// in the function. `static constexpr double kTolerance` in the class is the share of spikes that
/// may differ from docs/semantics.md; without it the target promises to equal it bit for bit.
class Simulates {
 public:
  virtual ~Simulates() = default;
  virtual void simulate(Call call, const Run& run) const = 0;
};

/// A program that derives from this offers nt.codegen/1 and lists what it writes:
/// static constexpr std::array<std::string_view, 1> kFormats = {"asm"};
class Emits {
 public:
  virtual ~Emits() = default;
  /// graph is the one that the program was compiled from; format is one of kFormats.
  virtual void emit(Call call, Graph graph, std::string_view format) = 0;
};

struct Capacity {
  std::string name;  ///< well-known words: ext/resources.h
  std::string unit;
  double amount = 0;
};

/// A target that derives from this offers nt.resources/1.
class Holds {
 public:
  virtual ~Holds() = default;
  virtual std::vector<Capacity> capacities() const = 0;
};

/// A target: one class, with `static constexpr auto kInfo = nt::info(…)`. ProgramT is the class
/// that compile() makes; what it derives from decides what the target offers. Functions of one
/// target never overlap. They may throw anything; see Failure.
template <class OptionsT, class ProgramT = Program>
class Target {
 public:
  using Options = OptionsT;
  using CompiledProgram = ProgramT;

  virtual ~Target() = default;

  /// Called once, after the options are set. Throw if the options do not go together.
  virtual void open(Call, Config) {}
  /// Reports everything that would stop compile(), without building it.
  virtual void check(Call call, Graph graph) = 0;
  /// Never null, unless errors were reported.
  virtual std::unique_ptr<ProgramT> compile(Call call, Graph graph) = 0;

  const Options& options() const { return options_; }
  void set_options(Options options) { options_ = std::move(options); }

 private:
  Options options_{};
};

}  // namespace neurotool::sdk

#endif
