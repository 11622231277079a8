// What a plugin pushes during one call: metrics, placements, spikes and values. Everything is
// checked on the way in and ordered on the way out, so that nothing depends on the plugin's
// threads.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "target/abi_values.hpp"
#include "target/target.hpp"

namespace neurotool {

struct ResultLimits {
  std::size_t metrics = 100'000;
  std::size_t placements = 10'000'000;
  std::uint64_t bytes = std::uint64_t{8} << 30;  ///< of spikes and values together
};

/// Safe from several threads until the first ordered(). Errors: target.misbehaved, target.too-much.
class Results {
 public:
  /// `request` is null in calls that do not simulate; `device` tells whether nt.device runs, the
  /// only one that may measure.
  Results(const SpikeGraph& graph, const SimulateRequest* request, bool device,
          ResultLimits limits = {});

  Result<> add(const nt_metric& metric);
  Result<> add(const nt_placement& placement);
  Result<> add_spikes(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
                      const std::uint32_t* neurons, const std::int32_t* payloads,
                      std::size_t count);
  Result<> add_values(std::uint64_t sample, std::uint32_t population, nt_str variable,
                      std::uint64_t step, const nt_tensor* value);

  /// Brings everything into its order. Error: target.misbehaved when something was pushed twice.
  Result<> order();

  std::vector<Metric> take_metrics() { return std::move(metrics_); }
  std::vector<Placement> take_placements();
  std::vector<SpikeRecord> take_spikes() { return std::move(spikes_); }
  std::vector<ValueRecord> take_values() { return std::move(values_); }

 private:
  struct Placed {
    std::uint32_t population;
    Placement placement;
  };
  Result<> check_place(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
                       std::string_view variable) const;
  Result<> reserve(std::uint64_t bytes);

  const SpikeGraph& graph_;
  const SimulateRequest* request_;
  bool device_;
  ResultLimits limits_;
  std::mutex mutex_;
  std::uint64_t bytes_ = 0;
  std::vector<Metric> metrics_;
  std::vector<Placed> placements_;
  std::vector<SpikeRecord> spikes_;
  std::vector<ValueRecord> values_;
};

}  // namespace neurotool
