// An option is a bool, a number, a text, a list of whole numbers or a choice; nothing else.
#include <neurotool/plugin/sdk.hpp>
namespace nt = neurotool::sdk;

struct Options {
#ifdef NT_RIGHT
  std::vector<std::int64_t> rows;
#else
  std::vector<float> rows;
#endif
};

struct Odd final : nt::Target<Options> {
  static constexpr auto kInfo = nt::info("odd", "A target.")
                                    .option("rows", &Options::rows, "Rows.")
                                    .models("input")
                                    .kinds("dense");
  void check(nt::Call, nt::Graph) override {}
  std::unique_ptr<nt::Program> compile(nt::Call, nt::Graph) override {
    return std::make_unique<nt::Program>();
  }
};

NEUROTOOL_PLUGIN("org.example.odd", "1.0.0", Odd)
