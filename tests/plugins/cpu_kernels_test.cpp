// Kernels on odd geometries: one projection from spikes or values into neurons, every level and
// kernel the machine has, against the oracle.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <random>

#include "cpu_support.hpp"

namespace neurotool::test {
namespace {

constexpr std::uint32_t kSteps = 11;

struct Case {
  Shape source{1, 1, 1};
  std::int64_t outputs = 1, groups = 1;
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  std::array<std::int64_t, 4> padding{};
  double density = 0.2;
  bool graded = false;

  std::string text() const {
    return fmt::format(
        "source {} outputs {} groups {} kernel {}x{} stride {}x{} dilation {}x{} "
        "padding {},{},{},{} density {}{}",
        to_string(source), outputs, groups, kernel[0], kernel[1], stride[0], stride[1], dilation[0],
        dilation[1], padding[0], padding[1], padding[2], padding[3], density,
        graded ? " graded" : "");
  }
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[between(0, static_cast<std::int64_t>(from.size()) - 1)];
  }

  Tensor numbers(Shape shape, Arithmetic arithmetic, std::int64_t least, std::int64_t most) {
    const auto count = static_cast<std::size_t>(*element_count(shape));
    std::vector<std::int32_t> whole(count);
    for (auto& value : whole) value = static_cast<std::int32_t>(between(least, most));
    if (arithmetic == Arithmetic::kInteger) return Tensor::from(std::move(shape), whole);
    // Sevenths are not exact: sums depend on the order of additions.
    std::vector<float> real(count);
    for (std::size_t i = 0; i < count; ++i) real[i] = static_cast<float>(whole[i]) / 7;
    return Tensor::from(std::move(shape), real);
  }

 private:
  std::mt19937_64 random_;
};

Case random_conv(Dice& dice) {
  Case c;
  c.groups = dice.chance(0.2) ? dice.between(2, 4) : 1;
  c.source[0] = c.groups * dice.pick<std::int64_t>({1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 65, 130});
  if (c.groups > 1) c.source[0] = c.groups * dice.between(1, 9);
  c.outputs = c.groups * dice.pick<std::int64_t>({1, 3, 10, 16, 20, 32, 48, 64, 70, 96, 128, 130});
  if (c.groups > 1) c.outputs = c.groups * dice.between(1, 9);
  for (std::size_t a = 0; a < 2; ++a) {
    c.source[a + 1] = dice.between(1, 6);
    c.kernel[a] = dice.between(1, 7);
    c.stride[a] = dice.between(1, 3);
    c.dilation[a] = c.kernel[a] > 1 && dice.chance(0.2) ? 2 : 1;
    c.padding[a] = dice.between(0, 3);
    c.padding[a + 2] = dice.between(0, 3);
    const std::int64_t reach = (c.kernel[a] - 1) * c.dilation[a] + 1;
    const std::int64_t missing = reach - c.source[a + 1] - c.padding[a] - c.padding[a + 2];
    if (missing > 0) c.padding[a + 2] += missing;
  }
  c.density = dice.pick({0.0, 0.02, 0.2, 0.5, 1.0});
  c.graded = dice.chance(0.25);
  return c;
}

/// An input of spikes, or of whole numbers, at every step.
std::pair<Population, Tensor> input_of(const Case& c, Arithmetic arithmetic, Dice& dice) {
  Population input;
  input.name = "input";
  input.shape = c.source;
  input.neuron = Input{.held = false,
                       .bits = arithmetic == Arithmetic::kInteger ? 4U : 0U,
                       .is_signed = arithmetic == Arithmetic::kInteger};
  const std::int64_t size = input.size() * kSteps;
  std::vector<float> values(static_cast<std::size_t>(size));
  for (float& value : values) {
    if (!dice.chance(c.density)) continue;
    value = c.graded ? static_cast<float>(dice.between(-3, 3)) : 1.0F;
  }
  Tensor stimulus = Tensor::from(Shape{kSteps, input.size()}, values);
  if (arithmetic == Arithmetic::kInteger) stimulus = stimulus.converted(DType::kInt32);
  return {std::move(input), std::move(stimulus)};
}

Population neurons_of(Shape shape, Arithmetic arithmetic, Dice& dice) {
  Population p;
  p.name = "neurons";
  p.shape = shape;
  Firing firing;
  firing.threshold = dice.numbers(dice.chance(0.5) ? shape : Shape{}, arithmetic, 5, 30);
  firing.initial_membrane = dice.numbers({}, arithmetic, -5, 15);
  p.neuron = If{std::move(firing)};
  if (dice.chance(0.5)) p.bias = dice.numbers({shape[0]}, arithmetic, -4, 6);
  p.output = true;
  return p;
}

void expect_equal_everywhere(const SpikeGraph& graph, const Samples& samples,
                             const std::string& what) {
  const Shown wanted = run_oracle(graph, samples, kSteps);
  for (const cpu::InstructionSet level :
       {cpu::InstructionSet::kPortable, cpu::InstructionSet::kAvx2, cpu::InstructionSet::kAvx512}) {
    const cpu::Kernels* kernels = cpu::find_kernels(level);
    if (kernels == nullptr) continue;
    for (const cpu::KernelChoice kernel : {cpu::KernelChoice::kEvents, cpu::KernelChoice::kDense}) {
      EngineSetup setup;
      setup.options.level = level;
      setup.options.kernel = kernel;
      const Shown got = run_engine(graph, samples, kSteps, setup);
      EXPECT_EQ(first_difference(graph, wanted, got), "")
          << what << " on " << kernels->name
          << (kernel == cpu::KernelChoice::kEvents ? " events" : " dense");
    }
  }
}

void check(const Case& c, Connectivity connectivity, Shape target, Arithmetic arithmetic,
           Dice& dice) {
  SpikeGraph graph;
  graph.arithmetic = arithmetic;
  auto [input, stimulus] = input_of(c, arithmetic, dice);
  const PopulationId source = graph.add(std::move(input));
  const PopulationId neurons = graph.add(neurons_of(std::move(target), arithmetic, dice));
  graph.connect(source, neurons, std::move(connectivity));
  expect_equal_everywhere(graph, {{{source, stimulus}}}, c.text());
}

Arithmetic arithmetic_of(std::uint64_t seed) {
  return seed % 2 == 0 ? Arithmetic::kFloat32 : Arithmetic::kInteger;
}

TEST(CpuKernels, ConvolutionsOfOddGeometriesEqualTheOracle) {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Dice dice(seed);
    const Case c = random_conv(dice);
    Conv2d conv{
        .weight = dice.numbers({c.outputs, c.source[0] / c.groups, c.kernel[0], c.kernel[1]},
                               arithmetic_of(seed), -9, 9),
        .stride = c.stride,
        .padding = c.padding,
        .dilation = c.dilation,
        .groups = c.groups};
    const auto shape = target_shape(conv, c.source);
    ASSERT_TRUE(shape.has_value() && shape->has_value()) << c.text();
    check(c, std::move(conv), **shape, arithmetic_of(seed), dice);
  }
}

TEST(CpuKernels, PoolsOfOddGeometriesEqualTheOracle) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Dice dice(seed + 1000);
    Case c = random_conv(dice);
    SumPool2d pool{.kernel = c.kernel, .stride = c.stride, .padding = c.padding, .weight = {}};
    for (std::size_t a = 0; a < 2; ++a) {
      const std::int64_t missing = c.kernel[a] - c.source[a + 1] - c.padding[a] - c.padding[a + 2];
      if (missing > 0) pool.padding[a] += missing;
    }
    if (dice.chance(0.5)) pool.weight = dice.numbers({c.source[0]}, arithmetic_of(seed), 1, 9);
    const auto shape = target_shape(pool, c.source);
    ASSERT_TRUE(shape.has_value() && shape->has_value()) << c.text();
    check(c, std::move(pool), **shape, arithmetic_of(seed), dice);
  }
}

TEST(CpuKernels, DenseLayersFromImagesAndListsEqualTheOracle) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Dice dice(seed + 2000);
    Case c = random_conv(dice);
    if (dice.chance(0.5)) c.source = {dice.between(1, 200)};
    const std::int64_t sources = *element_count(c.source);
    const Shape target = dice.chance(0.3) ? Shape{dice.between(1, 20), 2, 3}
                                          : Shape{dice.pick<std::int64_t>({1, 10, 64, 96, 130})};
    const Dense dense{dice.numbers({*element_count(target), sources}, arithmetic_of(seed), -9, 9)};
    check(c, dense, target, arithmetic_of(seed), dice);
  }
}

TEST(CpuKernels, OneToOneJoinsEqualAndDifferentShapes) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Dice dice(seed + 3000);
    const Case c = random_conv(dice);
    const std::int64_t size = *element_count(c.source);
    const Shape target = dice.chance(0.5) ? c.source : Shape{size};
    const Shape weight = dice.pick<Shape>({Shape{}, Shape{target[0]}, target});
    check(c, OneToOne{dice.numbers(weight, arithmetic_of(seed), -9, 9)}, target,
          arithmetic_of(seed), dice);
  }
}

TEST(CpuKernels, EveryMachineHasThePortableLevelAndTheBestIsOneOfThem) {
  ASSERT_NE(cpu::find_kernels(cpu::InstructionSet::kPortable), nullptr);
  EXPECT_STREQ(cpu::find_kernels(cpu::InstructionSet::kPortable)->name, "portable");
  const cpu::Kernels* best = cpu::find_kernels(cpu::InstructionSet::kBest);
  EXPECT_TRUE(best == cpu::find_kernels(cpu::InstructionSet::kPortable) ||
              best == cpu::find_kernels(cpu::InstructionSet::kAvx2) ||
              best == cpu::find_kernels(cpu::InstructionSet::kAvx512));
}

}  // namespace
}  // namespace neurotool::test
