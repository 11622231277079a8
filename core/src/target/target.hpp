// Targets and programs as the rest of the host sees them: two RAII classes over the plugin ABI.
// Nothing above this layer sees C. docs/plugin/ has the contract; graph_view, host and library the
// machinery.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.hpp"
#include "base/result.hpp"
#include "config/schema.hpp"
#include "ir/device.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool {

/// The plugin ABI that this host speaks.
struct AbiVersion {
  std::uint32_t major = 0, minor = 0;
};
AbiVersion abi_version();

/// Measured on silicon, counted by a simulator, or computed from a model of the device.
enum class Origin { kMeasured = 1, kSimulated = 2, kModelled = 3 };
std::string_view origin_name(Origin origin);

struct Metric {
  std::string name, unit;
  double value = 0;
  double limit = 0;  ///< capacity; 0 = none
  Origin origin = Origin::kModelled;
};

struct Placement {
  std::string population;
  std::uint64_t first_neuron = 0, neuron_count = 0;
  std::uint32_t chip = 0, core = 0;
};

/// Payloads of one population, sample and step, ascending neurons; payloads empty = all 1.
struct SpikeRecord {
  std::uint64_t sample = 0, step = 0;
  PopulationId population;
  std::vector<std::uint32_t> neurons;
  std::vector<std::int32_t> payloads;
};

/// Values of one population and sample: "membrane" per step, or "readout" after the last step.
struct ValueRecord {
  std::uint64_t sample = 0, step = 0;
  PopulationId population;
  std::string variable;
  Tensor value;  ///< float32 or int32/int64, as the plugin sent it
};

/// What a plugin says about one of its targets; made without opening the target.
struct TargetDescription {
  std::string name, summary;
  std::string plugin_id, plugin_version, vendor, license;
  std::uint32_t abi_major = 0, abi_minor = 0;
  std::filesystem::path file;
  std::string file_sha256;
  std::vector<OptionInfo> options;
  std::vector<std::string> models, kinds, extensions, codegen_formats;
  double tolerance = 0;  ///< of nt.simulate/1
  bool can(std::string_view extension) const;
};

/// How a run names its target. Version and hash only narrow the choice.
struct TargetRequest {
  std::string name;
  Location at;
  std::string version;  ///< ">=1.2", "1.0.0" or empty
  std::string sha256;
};

/// One stage of work with a plugin: where its diagnostics, progress and artifacts go.
struct PluginCall {
  Diagnostics& diagnostics;
  Progress& progress;
  /// Where artifacts land; empty: artifacts are refused (NT_UNSUPPORTED).
  std::filesystem::path artifacts;
};

/// The stimulus of one input population for a batch: [samples, neurons…] when held, else
/// [samples, steps, neurons…]; float32 or int32 by the graph's arithmetic.
struct BatchStimulus {
  PopulationId population;
  Tensor value;
};
struct Probe {
  PopulationId population;
  std::string variable;  ///< "spikes", "membrane", "readout"
};
struct SimulateRequest {
  std::uint64_t samples = 0, steps = 0, seed = 0;
  std::vector<BatchStimulus> stimuli;
  std::vector<Probe> probes;
};

/// Everything the plugin pushed in one call, in the order of (sample, population, step).
struct RunResult {
  std::vector<Metric> metrics;  ///< counts are totals over the call's samples; runs may be added up
  std::vector<SpikeRecord> spikes;
  std::vector<ValueRecord> values;
};

struct CompileResult {
  std::vector<Metric> metrics;
  std::vector<Placement> placements;
  std::vector<std::string> artifacts;
};

class Program {
 public:
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  const CompileResult& compiled() const;
  /// May be called from several threads at once. Errors: target.no-simulate, target.cancelled,
  /// target.failed, target.misbehaved, and whatever the plugin diagnosed.
  Result<RunResult> simulate(const SimulateRequest& request, PluginCall call) const;
  /// Names of the artifacts written under call.artifacts. Errors: target.no-format, target.*.
  Result<std::vector<std::string>> emit(std::string_view format, PluginCall call);

 private:
  friend class Target;
  struct State;
  explicit Program(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Target {
 public:
  Target(Target&&) noexcept;
  Target& operator=(Target&&) noexcept;
  ~Target();

  const TargetDescription& description() const;
  /// Every option with its value, for the lock file.
  const std::vector<CheckedOption>& options() const;
  /// From nt.resources/1; all zero when the target does not offer it.
  DeviceLimits limits(PluginCall call) const;
  /// Diagnoses all that would stop compile(). Refuses undeclared models and kinds before the plugin
  /// is asked (target.model, target.kind).
  Result<> check(const SpikeGraph& graph, PluginCall call);
  /// The graph must be compact and verified; it is shared, not copied, and must not change while
  /// the program lives.
  Result<Program> compile(std::shared_ptr<const SpikeGraph> graph, PluginCall call);

 private:
  friend class TargetRegistry;
  struct State;
  explicit Target(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Where plugins are looked for, first hit wins: files, folders, NEUROTOOL_PLUGIN_PATH, the user's
/// data folder, and the folder that belongs to the installation (relative to the executable).
struct SearchPath {
  std::vector<std::filesystem::path> files;    ///< --plugin
  std::vector<std::filesystem::path> folders;  ///< --plugin-path
};

/// Finds, trusts and loads plugins; a library is initialised once per process and never unloaded.
class TargetRegistry {
 public:
  explicit TargetRegistry(SearchPath path);
  ~TargetRegistry();

  /// Every folder that is searched, in order, and whether it exists.
  std::vector<std::pair<std::filesystem::path, bool>> search_folders() const;
  /// Every plugin file found, with the reason where it is refused or shadowed.
  struct Candidate {
    std::filesystem::path file;
    std::string target;
    std::string refusal;  ///< empty: usable
  };
  std::vector<Candidate> candidates() const;

  /// Loads the one file that offers `request.name` and describes it. Errors: target.missing (with
  /// the folders and the nearest name), target.untrusted, target.load, target.abi, target.describe,
  /// target.version, target.hash.
  Result<TargetDescription> describe(const TargetRequest& request);
  /// Checks `options` against the description (config.*) and opens the target.
  Result<Target> open(const TargetRequest& request, const yaml::Node& options,
                      std::string_view options_path, PluginCall call);
  /// Calls shutdown() of every plugin whose targets are all closed. Called by the destructor.
  void shutdown();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neurotool
