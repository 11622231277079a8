// How fast the cpu engine is, on networks made up here: a ResNet-20 for CIFAR images and an MLP,
// with random weights and a chosen share of spikes. Random bits of a layer's density cost what the
// real network's do, so no model file is needed.
//
//   cpu_kernels [resnet20|mlp] [steps] [samples] [threads] [auto|events|dense] [float|integer]
//               [best|portable|avx2|avx512] [threshold]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <thread>

#include "engine.hpp"

namespace {

namespace cpu = neurotool::cpu;

struct Setup {
  std::string network = "resnet20";
  std::uint32_t steps = 32;
  std::size_t samples = 16, threads = 1;
  cpu::Options options;
  bool integer = false;
  float threshold = 0.9F;  ///< of neurons whose current has a variance near 1 per input spike
};

class Maker {
 public:
  explicit Maker(const Setup& setup) : setup_(setup) {
    network_.arithmetic = setup.integer ? cpu::Arithmetic::kInteger : cpu::Arithmetic::kFloat32;
  }

  std::uint32_t population(cpu::Model model, std::vector<std::int64_t> shape) {
    cpu::Population p;
    p.name = "p" + std::to_string(network_.populations.size());
    p.model = model;
    p.shape = std::move(shape);
    p.bits = 8;
    if (p.fires()) p.threshold = numbers(1, [&] { return setup_.threshold; });
    if (p.fires()) p.initial_membrane = numbers(1, [&] { return setup_.threshold / 2; });
    network_.populations.push_back(std::move(p));
    return static_cast<std::uint32_t>(network_.populations.size() - 1);
  }

  std::uint32_t conv(std::uint32_t source, std::int64_t channels, std::int64_t kernel,
                     std::int64_t stride, std::uint32_t target = 0) {
    const std::vector<std::int64_t> from = network_.populations[source].shape;
    cpu::Projection p;
    p.kind = cpu::Kind::kConv2d;
    p.source = source;
    const std::vector<std::int64_t> shape{channels, (from[1] - 1) / stride + 1,
                                          (from[2] - 1) / stride + 1};
    p.target = target != 0 ? target : population(cpu::Model::kIf, shape);
    p.weight_shape = {channels, from[0], kernel, kernel};
    p.stride = {stride, stride};
    p.padding.fill(kernel / 2);
    p.weight = random(static_cast<std::size_t>(channels * from[0] * kernel * kernel),
                      static_cast<std::size_t>(from[0] * kernel * kernel));
    return add(std::move(p));
  }

  std::uint32_t dense(std::uint32_t source, std::int64_t targets, cpu::Model model) {
    const auto sources = static_cast<std::size_t>(cpu::neuron_count(network_.populations[source]));
    cpu::Projection p;
    p.source = source;
    p.target = population(model, {targets});
    p.weight = random(sources * static_cast<std::size_t>(targets), sources);
    return add(std::move(p));
  }

  void shortcut(std::uint32_t source, std::uint32_t target) {
    cpu::Projection p;
    p.kind = cpu::Kind::kOneToOne;
    p.source = source;
    p.target = target;
    p.weight = numbers(1, [] { return 0.5F; });
    add(std::move(p));
  }

  std::uint32_t pool(std::uint32_t source) {
    const std::vector<std::int64_t> from = network_.populations[source].shape;
    cpu::Projection p;
    p.kind = cpu::Kind::kSumPool2d;
    p.source = source;
    p.kernel = p.stride = {from[1], from[2]};
    p.target = population(cpu::Model::kRelay, {from[0], 1, 1});
    return add(std::move(p));
  }

  cpu::Network take() { return std::move(network_); }

 private:
  static constexpr float kWholeUnit = 64;  // one real unit in an integer network

  std::uint32_t add(cpu::Projection p) {
    p.name = "s" + std::to_string(network_.projections.size());
    network_.projections.push_back(std::move(p));
    return network_.projections.back().target;
  }

  template <class Draw>
  cpu::Numbers numbers(std::size_t count, Draw&& draw) {
    cpu::Numbers out;
    for (std::size_t i = 0; i < count; ++i) {
      const float value = draw();
      if (setup_.integer) {
        out.whole.push_back(static_cast<std::int32_t>(std::lround(value * kWholeUnit)));
      } else {
        out.real.push_back(value);
      }
    }
    return out;
  }

  cpu::Numbers random(std::size_t count, std::size_t fan_in) {
    std::normal_distribution<float> normal(0, 1.6F / std::sqrt(static_cast<float>(fan_in)));
    return numbers(count, [&] { return normal(random_); });
  }

  const Setup& setup_;
  cpu::Network network_;
  std::mt19937 random_{1};
};

cpu::Network resnet20(const Setup& setup) {
  Maker make(setup);
  std::uint32_t at = make.population(cpu::Model::kInput, {3, 32, 32});
  at = make.conv(at, 16, 3, 1);
  for (const std::int64_t channels : {16, 32, 64}) {
    for (int block = 0; block < 3; ++block) {
      const std::int64_t stride = channels > 16 && block == 0 ? 2 : 1;
      const std::uint32_t inner = make.conv(at, channels, 3, stride);
      const std::uint32_t outer = make.conv(inner, channels, 3, 1);
      if (stride == 1) {
        make.shortcut(at, outer);
      } else {
        make.conv(at, channels, 1, stride, outer);
      }
      at = outer;
    }
  }
  make.dense(make.pool(at), 10, cpu::Model::kLi);
  return make.take();
}

cpu::Network mlp(const Setup& setup) {
  Maker make(setup);
  std::uint32_t at = make.population(cpu::Model::kInput, {1, 28, 28});
  for (int layer = 0; layer < 3; ++layer) at = make.dense(at, 512, cpu::Model::kIf);
  make.dense(at, 10, cpu::Model::kLi);
  return make.take();
}

cpu::Environment threads_of(std::size_t threads) {
  cpu::Environment environment;
  environment.parallel_for = [threads](std::size_t count, const auto& body) {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < count; i = next++) body(i, i + 1);
    };
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
  };
  return environment;
}

/// Seconds of processor time, all threads together: what a busy machine leaves comparable.
double busy_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Cycles per second of a chain of multiplications that each wait for the last and an addition.
double clock_rate() {
  const double start = busy_seconds();
  std::uint64_t value = 3;
  constexpr std::uint64_t kCount = 100'000'000;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    value = value * value + i;
    asm volatile("" : "+r"(value));
  }
  return 4.0 * static_cast<double>(kCount) / (busy_seconds() - start);
}

Setup parse(int count, char** words) {
  const auto word = [&](int i, const char* fallback) {
    return std::string(i < count ? words[i] : fallback);
  };
  Setup setup;
  setup.network = word(1, "resnet20");
  setup.steps = static_cast<std::uint32_t>(std::stoul(word(2, "32")));
  setup.samples = std::stoul(word(3, "16"));
  setup.threads = std::stoul(word(4, "1"));
  const std::string kernel = word(5, "auto"), level = word(7, "best");
  setup.options.kernel = kernel == "events"  ? cpu::KernelChoice::kEvents
                         : kernel == "dense" ? cpu::KernelChoice::kDense
                                             : cpu::KernelChoice::kAuto;
  setup.integer = word(6, "float") == "integer";
  setup.options.level = level == "portable" ? cpu::InstructionSet::kPortable
                        : level == "avx2"   ? cpu::InstructionSet::kAvx2
                        : level == "avx512" ? cpu::InstructionSet::kAvx512
                                            : cpu::InstructionSet::kBest;
  setup.threshold = std::stof(word(8, "1.0"));
  return setup;
}

void print_densities(const cpu::Network& network, const cpu::RunResult& result,
                     const Setup& setup) {
  for (std::size_t i = 0; i < network.populations.size(); ++i) {
    const cpu::Population& p = network.populations[i];
    if (!p.fires()) continue;
    const double slots = static_cast<double>(cpu::neuron_count(p)) * setup.steps *
                         static_cast<double>(setup.samples);
    std::printf(" %.3f", static_cast<double>(result.counts.spikes[i]) / slots);
  }
}

void run(const Setup& setup) {
  const cpu::Network network = setup.network == "mlp" ? mlp(setup) : resnet20(setup);
  const auto engine = cpu::Engine::make(network, setup.options);
  const auto neurons = static_cast<std::size_t>(cpu::neuron_count(network.populations[0]));
  std::mt19937 random(2);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> real(neurons * setup.samples);
  std::vector<std::int32_t> whole;
  for (float& value : real) value = uniform(random);
  for (const float value : real) whole.push_back(static_cast<std::int32_t>(value * 2));
  const void* values = setup.integer ? static_cast<const void*>(whole.data()) : real.data();
  const cpu::RunRequest request{setup.samples, setup.steps, {{0, values}}, {}};
  const cpu::Environment environment = threads_of(setup.threads);
  engine->run(request, environment);

  const double clock = clock_rate();
  double best = 1e30, busy = 1e30;
  cpu::RunResult result;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    const double busy_start = busy_seconds();
    result = engine->run(request, environment);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
    busy = std::min(busy, busy_seconds() - busy_start);
  }
  double operations = 0;
  for (const std::uint64_t count : result.counts.synaptic_ops) {
    operations += static_cast<double>(count);
  }
  const auto samples = static_cast<double>(setup.samples);
  std::printf(
      "%s T=%u threads=%zu: %.1f images/s, %.1f per processor second, %.2f synaptic "
      "operations per cycle at %.2f GHz\nshare of spikes:",
      setup.network.c_str(), setup.steps, setup.threads, samples / best, samples / busy,
      operations / busy / clock, clock / 1e9);
  print_densities(network, result, setup);
  std::printf("\n");
}

}  // namespace

int main(int count, char** words) {
  run(parse(count, words));
  return 0;
}
