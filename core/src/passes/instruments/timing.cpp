// Measures each pass: wall time, how the graph grew or shrank, and the peak memory of the process.
#include <sys/resource.h>

#include <chrono>

#include "passes/instruments/instruments.hpp"

namespace neurotool {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t node_count(const Model& model) {
  if (model.level() == Level::kTensor) {
    return static_cast<std::int64_t>(model.tensor().live_ops().size());
  }
  const SpikeGraph& graph = model.spike();
  return static_cast<std::int64_t>(graph.live_populations().size() +
                                   graph.live_projections().size());
}

std::int64_t peak_memory_bytes() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return std::int64_t{usage.ru_maxrss} * 1024;  // Linux counts in KiB
}

class TimingInstrument final : public Instrument {
 public:
  explicit TimingInstrument(std::vector<PassTiming>& rows) : rows_(rows) {}

  Result<> before(const PassInfo&, const Model& model) override {
    nodes_before_ = node_count(model);
    start_ = Clock::now();
    return {};
  }

  Result<> after(const PassInfo& info, const Model& model, Changed changed) override {
    const std::chrono::duration<double> spent = Clock::now() - start_;
    PassTiming row;
    row.pass = info.name;
    row.seconds = spent.count();
    row.nodes_before = nodes_before_;
    row.nodes_after = node_count(model);
    if (model.level() == Level::kSpike) {
      row.neurons_after = model.spike().neuron_count();
      row.synapses_after = model.spike().synapse_count();
    }
    row.peak_memory_bytes = peak_memory_bytes();
    row.changed = changed == Changed::kYes;
    rows_.push_back(std::move(row));
    return {};
  }

 private:
  std::vector<PassTiming>& rows_;
  Clock::time_point start_;
  std::int64_t nodes_before_ = 0;
};

}  // namespace

std::unique_ptr<Instrument> timing_instrument(std::vector<PassTiming>& rows) {
  return std::make_unique<TimingInstrument>(rows);
}

}  // namespace neurotool
