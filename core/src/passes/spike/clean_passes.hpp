// What the clean-up passes of the spiking level share: none has options, and each leaves every
// payload and membrane of the outputs as it was.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

PassEntry remove_dead_entry();
PassEntry merge_equal_entry();
PassEntry merge_relays_entry();
PassEntry pack_silent_entry();
PassEntry fuse_constant_input_entry();

namespace spike_passes {

struct NoOptions {};

/// A pass that is one function on a SpikeGraph.
template <Result<Changed> (*kRun)(SpikeGraph&, const Model&, Context&)>
class CleanPass final : public Pass {
 public:
  explicit CleanPass(NoOptions) {}
  Result<Changed> run(Model& model, Context& context) override {
    return kRun(model.spike(), model, context);
  }
};

template <Result<Changed> (*kRun)(SpikeGraph&, const Model&, Context&)>
PassEntry clean_pass_entry(std::string_view name, std::string_view summary,
                           std::unique_ptr<Pass> (*create)(const yaml::Node&, std::string_view,
                                                           Diagnostics&)) {
  return {.info = {.name = name, .summary = summary, .from = Level::kSpike, .to = Level::kSpike},
          .options = {},
          .create = create};
}

template <Result<Changed> (*kRun)(SpikeGraph&, const Model&, Context&)>
std::unique_ptr<Pass> create_clean_pass(std::string_view name, const yaml::Node& section,
                                        std::string_view path, Diagnostics& out) {
  static const OptionTable<NoOptions> kNone{};
  return create_pass<CleanPass<kRun>>(kNone, name, section, path, out);
}

}  // namespace spike_passes
}  // namespace neurotool
