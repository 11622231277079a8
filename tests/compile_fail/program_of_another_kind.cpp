// What compile() makes must be a program.
#include <neurotool/plugin/sdk.hpp>
namespace nt = neurotool::sdk;

struct Options {};

#ifdef NT_RIGHT
struct Compiled : nt::Program {};
#else
struct Compiled {};
#endif

struct Odd final : nt::Target<Options, Compiled> {
  static constexpr auto kInfo = nt::info("odd", "A target.").models("input").kinds("dense");
  void check(nt::Call, nt::Graph) override {}
  std::unique_ptr<Compiled> compile(nt::Call, nt::Graph) override {
    return std::make_unique<Compiled>();
  }
};

NEUROTOOL_PLUGIN("org.example.odd", "1.0.0", Odd)
