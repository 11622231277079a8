// Channels that no calibration sample woke, said once for each layer of the model file. A layer can
// be many rectifiers: a tabulated activation is one for every ramp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.hpp"
#include "passes/lower/calibrate.hpp"

namespace neurotool::lower {

class DeadChannels {
 public:
  /// What calibration found at a rectifier of `node`; `name` stands in the message where it is the
  /// only one.
  void add(const std::string& node, const std::string& name, const SiteThresholds& found);

  struct Finding {
    std::string_view code, help;
    std::string_view model_path;
    std::int64_t samples = 0;
  };
  /// A warning for each node that has dead channels, in the order in which the nodes came.
  void report(const Finding& finding, Diagnostics& out) const;

 private:
  struct Layer {
    std::string node, name;
    std::int64_t rectifiers = 0, channels = 0, dead = 0;
  };

  std::vector<Layer> layers_;
};

}  // namespace neurotool::lower
