// A compiled network as the host sees it: it simulates, and writes its object and listings.
#pragma once

#include <neurotool/plugin/sdk.hpp>

#include <array>
#include <memory>

#include "map/sample.hpp"

namespace neurotool::spikecore {

class SpikecoreProgram final : public sdk::Program, public sdk::Simulates, public sdk::Emits {
 public:
  static constexpr std::array<std::string_view, 3> kFormats = {"sco", "asm", "map"};

  SpikecoreProgram(std::shared_ptr<const Deployment> deployment, EnergyModel energy)
      : deployment_(std::move(deployment)), energy_(energy) {}

  void simulate(sdk::Call call, const sdk::Run& run) const override;
  void emit(sdk::Call call, sdk::Graph graph, std::string_view format) override;

 private:
  std::shared_ptr<const Deployment> deployment_;
  EnergyModel energy_;
};

}  // namespace neurotool::spikecore
