// A target of a stranger, against the installed sdk: counts the neurons of one core.
#include <neurotool/plugin/sdk.hpp>

namespace nt = neurotool::sdk;

struct StrangerOptions {
  std::int64_t core_size = 128;
};

class Stranger final : public nt::Target<StrangerOptions> {
 public:
  static constexpr auto kInfo = nt::info("stranger", "Counts neurons.")
                                    .option("core_size", &StrangerOptions::core_size,
                                            "Neurons that one core holds.", {1, 4096})
                                    .models("input", "if")
                                    .kinds("dense");

  void check(nt::Call call, nt::Graph graph) override {
    if (count(graph) > options().core_size) {
      call.error("stranger.core-full", "{} neurons; a core holds {}", count(graph),
                 options().core_size);
    }
  }

  std::unique_ptr<nt::Program> compile(nt::Call call, nt::Graph graph) override {
    check(call, graph);
    call.metric("core.0.neurons", static_cast<double>(count(graph)), "1", nt::Origin::kModelled,
                static_cast<double>(options().core_size));
    return std::make_unique<nt::Program>();
  }

 private:
  static std::int64_t count(const nt::Graph& graph) {
    std::int64_t neurons = 0;
    for (const nt::Population& population : graph.populations()) {
      neurons += population.neuron_count;
    }
    return neurons;
  }
};

NEUROTOOL_PLUGIN("org.example.stranger", "1.0.0", Stranger)
