// neurotool/plugin/sdk.hpp - a target plugin as a C++17 class. Header-only; needs abi.h and the
// standard library, nothing else.
//
//   #include <neurotool/plugin/sdk.hpp>
//   namespace nt = neurotool::sdk;
//
//   struct AcmeOptions { std::int64_t core_size = 128; };
//
//   class Acme final : public nt::Target<AcmeOptions> {
//    public:
//     static constexpr auto kInfo = nt::info("acme_chip", "Acme's one-core chip.")
//         .option("core_size", &AcmeOptions::core_size, "Neurons that one core holds.", {1, 4096})
//         .models("input", "if").kinds("dense");
//
//     void check(nt::Call call, nt::Graph graph) override {
//       for (const nt::Population& p : graph.populations())
//         if (p.neuron_count > options().core_size)
//           call.no_room(p, "acme.core-full", "{} neurons; a core holds {}", p.neuron_count,
//                        options().core_size).help("split it, or raise core_size");
//     }
//     std::unique_ptr<nt::Program> compile(nt::Call call, nt::Graph graph) override;
//   };
//
//   NEUROTOOL_PLUGIN("com.example.acme", "1.0.0", Acme)
//
// A program that simulates derives from nt::Program and nt::Simulates, one that writes code from
// nt::Emits, a target that knows its capacities from nt::Holds; name the program's class in
// nt::Target<Options, MyProgram>. What is offered follows from that.
//
// Exceptions are welcome: nt::Failure becomes a diagnostic and a code, std::bad_alloc NT_NO_ROOM,
// anything else NT_INTERNAL with its what(). The parts, in reading order:
//   sdk/target.hpp   Target, Program, Simulates, Emits, Holds
//   sdk/info.hpp     info(), options
//   sdk/call.hpp     Call: messages, progress, metrics, artifacts, spikes, parallel_for
//   sdk/graph.hpp    Graph, Population, Projection, Parameter
//   sdk/tensor.hpp   typed access to tensors
//   sdk/failure.hpp  Failure
//   sdk/text.hpp     Span, format()
#ifndef NEUROTOOL_PLUGIN_SDK_HPP
#define NEUROTOOL_PLUGIN_SDK_HPP

#include <neurotool/plugin/sdk/tables.hpp>

/// Once per plugin: its id (reverse domain), its version, and its target classes.
#define NEUROTOOL_PLUGIN(id, version, ...) \
  NEUROTOOL_PLUGIN_ABOUT(::neurotool::sdk::about(id, version), __VA_ARGS__)

/// The same with vendor, licence and address: see nt::About.
#define NEUROTOOL_PLUGIN_ABOUT(about, ...)                                             \
  namespace {                                                                          \
  /* Made while the library is loaded, so that the entry allocates nothing. */         \
  const nt_plugin* const neurotool_plugin_table =                                      \
      ::neurotool::sdk::detail::make_plugin<__VA_ARGS__>(about);                       \
  }                                                                                    \
  NT_EXPORT const nt_plugin* neurotool_plugin_entry(std::uint32_t major) NT_NOEXCEPT { \
    return major == NT_ABI_MAJOR ? neurotool_plugin_table : nullptr;                   \
  }

#endif
