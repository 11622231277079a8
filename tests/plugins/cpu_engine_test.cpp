// The engine against the oracle: random graphs of every feature, in both arithmetics, for any
// number of threads, window, batch, kernel and instruction set.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "cpu_support.hpp"
#include "support/random_graphs.hpp"

namespace neurotool::test {
namespace {

constexpr std::uint32_t kSteps = 19;

RandomGraphOptions options_for(std::uint64_t seed, Arithmetic arithmetic) {
  RandomGraphOptions options;
  options.seed = seed;
  options.arithmetic = arithmetic;
  return options;
}

/// Graphs of binary neurons only, which take the vector kernels.
RandomGraphOptions common_for(std::uint64_t seed, Arithmetic arithmetic) {
  RandomGraphOptions options = options_for(seed, arithmetic);
  options.allow_burst = options.allow_signed = options.allow_windows = false;
  options.allow_radix = options.allow_reset_to_value = false;
  options.max_neurons = 400;
  return options;
}

void expect_equal(const RandomGraphOptions& options, const EngineSetup& setup,
                  std::size_t count = 3) {
  const SpikeGraph graph = random_graph(options);
  const Samples samples = random_samples(graph, options.seed, count, kSteps);
  const Shown wanted = run_oracle(graph, samples, kSteps);
  const Shown got = run_engine(graph, samples, kSteps, setup);
  EXPECT_EQ(first_difference(graph, wanted, got), "") << "seed " << options.seed;
}

constexpr Arithmetic kBoth[] = {Arithmetic::kFloat32, Arithmetic::kInteger};

TEST(CpuEngine, EqualsTheOracleOnGraphsOfEveryFeature) {
  for (const Arithmetic arithmetic : kBoth) {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
      expect_equal(options_for(seed, arithmetic), {}, 2);
    }
  }
}

TEST(CpuEngine, EqualsTheOracleOnGraphsOfBinaryNeurons) {
  for (const Arithmetic arithmetic : kBoth) {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
      expect_equal(common_for(seed, arithmetic), {}, 2);
    }
  }
}

TEST(CpuEngine, IsTheSameForAnyWindow) {
  for (const std::uint32_t window : {1U, 2U, 7U, 16U, 64U}) {
    for (std::uint64_t seed = 200; seed < 230; ++seed) {
      EngineSetup setup;
      setup.options.window = window;
      expect_equal(options_for(seed, kBoth[seed % 2]), setup, 2);
    }
  }
}

TEST(CpuEngine, IsTheSameForAnyNumberOfThreadsAndAnyBatch) {
  for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
    for (const std::size_t batch : {1U, 2U, 5U}) {
      for (std::uint64_t seed = 300; seed < 306; ++seed) {
        expect_equal(options_for(seed, kBoth[seed % 2]), {{}, threads, batch}, 5);
      }
    }
  }
}

TEST(CpuEngine, IsTheSameForAnyKernel) {
  for (const cpu::KernelChoice kernel : {cpu::KernelChoice::kEvents, cpu::KernelChoice::kDense}) {
    for (std::uint64_t seed = 400; seed < 460; ++seed) {
      EngineSetup setup;
      setup.options.kernel = kernel;
      expect_equal(common_for(seed, kBoth[seed % 2]), setup, 2);
    }
  }
}

TEST(CpuEngine, IsTheSameForAnyInstructionSet) {
  for (const cpu::InstructionSet level :
       {cpu::InstructionSet::kPortable, cpu::InstructionSet::kAvx2, cpu::InstructionSet::kAvx512}) {
    if (cpu::find_kernels(level) == nullptr) continue;
    for (std::uint64_t seed = 500; seed < 540; ++seed) {
      EngineSetup setup;
      setup.options.level = level;
      setup.options.kernel = seed % 3 == 0 ? cpu::KernelChoice::kDense : cpu::KernelChoice::kAuto;
      expect_equal(common_for(seed, kBoth[seed % 2]), setup, 2);
    }
  }
}

}  // namespace
}  // namespace neurotool::test
