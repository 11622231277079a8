// What a pass is, and its only door to the outside. A pass has no global state, no files, no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "config/schema.hpp"
#include "ir/device.hpp"
#include "ir/model.hpp"
#include "ir/samples.hpp"

namespace neurotool {

enum class Changed : bool { kNo, kYes };

struct PassInfo {
  std::string_view name;     ///< "fold_batch_norm": file name, YAML key, test name, doc page
  std::string_view summary;  ///< one sentence; shown by `neurotool passes`
  Level from, to;            ///< kTensor to kSpike is a lowering
  /// Tensor passes: the network computes something else afterwards (fewer bits, fewer weights), so
  /// that its accuracy is worth measuring again.
  bool approximates = false;
  bool trains = false;  ///< a run needs data.train
};

/// A number that a pass found out, for the report ("qcfs", "conv1", "dead_channels", 3).
struct PassFact {
  std::string pass, subject, name;
  double value = 0;
};

/// What a pass may use. Without `calibration` (a plan) a pass must still make the right structure,
/// with provisional thresholds and scales marked as such.
struct Context {
  Diagnostics& diagnostics;
  Progress& progress;
  std::uint64_t seed = 0;
  const SampleSource* calibration = nullptr;
  DeviceLimits limits;
  std::vector<PassFact> facts;
  bool plan = false;  ///< nobody will run the result: what needs data may be left as it is
  const SampleSource* training = nullptr;  ///< labelled; never the test set
  std::optional<Model> tuned = {};  ///< the network as training left it, for the report folder

  RandomStream random(std::string_view pass, std::string_view node) const {
    return RandomStream(seed, pass, node);
  }
};

class Pass {
 public:
  virtual ~Pass() = default;
  /// Changes the model in place. A failed pass may leave it half changed; the caller drops it.
  virtual Result<Changed> run(Model& model, Context& context) = 0;
  /// Every option with its value, for the lock file.
  virtual std::vector<std::pair<std::string, OptionValue>> options() const { return {}; }
};

/// One line of the registry.
struct PassEntry {
  PassInfo info;
  std::span<const OptionInfo> options;
  /// Builds the pass from its section; problems go to `out` and the result is then null.
  std::unique_ptr<Pass> (*create)(const yaml::Node& section, std::string_view path,
                                  Diagnostics& out);
};

/// Binds an option table to a section and builds P(options), or null if there were errors.
template <class P, class Options>
std::unique_ptr<Pass> create_pass(const OptionTable<Options>& table, std::string_view name,
                                  const yaml::Node& section, std::string_view path,
                                  Diagnostics& out) {
  Diagnostics own;
  const std::string help = "neurotool passes " + std::string(name);
  Options options = table.bind(section, path, help, own);
  for (Diagnostic& d : own.all()) out.report(std::move(d));
  if (own.has_errors()) return nullptr;
  return std::make_unique<P>(std::move(options));
}

}  // namespace neurotool
