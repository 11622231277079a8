// What a plugin sees of a graph: exactly the words of docs/models.md, and nothing that is a
// default.
#include "target/graph_view.hpp"

#include <gmock/gmock.h>

#include "support/golden.hpp"
#include "support/graphs.hpp"
#include "target/host.hpp"

namespace neurotool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string_view view(nt_str text) { return {text.data, text.size}; }

template <class Struct>
Struct sized() {
  Struct result{};
  result.struct_size = sizeof result;
  return result;
}

std::vector<std::string> names(const std::vector<GraphParameter>& parameters) {
  std::vector<std::string> result;
  for (const GraphParameter& parameter : parameters) result.emplace_back(parameter.name);
  return result;
}

const Tensor& value(const std::vector<GraphParameter>& parameters, std::string_view name) {
  const auto found = std::ranges::find(parameters, name, &GraphParameter::name);
  if (found == parameters.end()) throw std::runtime_error("no " + std::string(name));
  return found->value;
}

std::vector<std::string> names_of(const Population& population,
                                  Arithmetic arithmetic = Arithmetic::kFloat32) {
  return names(parameters_of(population, arithmetic));
}

TEST(Parameters, OfAPlainIfAreItsThreshold) {
  EXPECT_THAT(names_of(build::if_population("p", {3}, 1.0f)), ElementsAre("threshold"));
}

TEST(Parameters, WithTheirDefaultsAreNotListed) {
  Population p = build::if_population("p", {3}, 1.0f);
  Firing& firing = *firing_of(p.neuron);
  firing.initial_membrane = Tensor::from<float>({3}, {0, 0, 0});
  firing.reset_value = Tensor::scalar(0.5f);  // means nothing without reset
  p.bias = Tensor::scalar(0.0f);
  p.bias_timing = BiasTiming::kLastStep;  // means nothing without a bias
  p.payload_value = Tensor::scalar(1.0f);
  EXPECT_THAT(names_of(p), ElementsAre("threshold"));
  EXPECT_THAT(names_of(build::input_population("in", {2})), IsEmpty());
  EXPECT_THAT(names_of(build::relay_population("r", {2})), IsEmpty());
  EXPECT_THAT(names_of(build::readout_population("out", {2})), IsEmpty());
}

TEST(Parameters, OfAFiringNeuronInTheOrderOfTheTable) {
  Population p = build::if_population("p", {2}, 1.0f, 0.5f);
  Firing& firing = *firing_of(p.neuron);
  firing.reset = Reset::kToValue;
  firing.reset_value = Tensor::scalar(0.25f);
  firing.emission = {.max_per_step = 3, .min_per_step = -1, .max_total = 8, .min_total = -2};
  firing.window = {.integrate_begin = 1, .integrate_end = 5, .fire_begin = 5, .fire_end = 9};
  firing.radix_bits = 4;
  p.bias = Tensor::from<float>({2}, {1, 2});
  p.bias_timing = BiasTiming::kFirstStep;
  p.payload_value = Tensor::scalar(0.125f);
  p.membrane_value = Tensor::scalar(0.5f);
  const auto parameters = parameters_of(p, Arithmetic::kFloat32);
  EXPECT_THAT(names(parameters),
              ElementsAre("threshold", "initial_membrane", "bias", "bias_timing", "reset",
                          "reset_value", "max_per_step", "min_per_step", "max_total", "min_total",
                          "integrate_begin", "integrate_end", "fire_begin", "fire_end",
                          "radix_bits", "payload_value", "membrane_value"));
  EXPECT_EQ(value(parameters, "min_per_step").as<std::int64_t>()[0], -1);
  EXPECT_EQ(value(parameters, "bias_timing").as<std::int64_t>()[0], 1);
  EXPECT_EQ(value(parameters, "fire_end").as<std::int64_t>()[0], 9);
  EXPECT_EQ(value(parameters, "payload_value").as<double>()[0], 0.125);
}

TEST(Parameters, OfLeakyModels) {
  Population lif = build::lif_population("p", {2}, 1.0f, 1.0f);
  EXPECT_THAT(names_of(lif), ElementsAre("threshold", "decay"));

  Population cuba = build::if_population("p", {2}, 64);
  cuba.neuron = CubaLif{.firing = *firing_of(cuba.neuron),
                        .decay = Tensor::scalar<std::int32_t>(15),
                        .current_decay = Tensor::scalar<std::int32_t>(7),
                        .decay_shift = 4,
                        .current_decay_shift = 3,
                        .rounding = Rounding::kTowardZero};
  EXPECT_THAT(names_of(cuba, Arithmetic::kInteger),
              ElementsAre("threshold", "decay", "decay_shift", "rounding", "current_decay",
                          "current_decay_shift"));
}

TEST(Parameters, ADecayOfOneIsTheDefaultOfAReadout) {
  Population readout = build::readout_population("out", {2});
  readout.neuron = Li{.decay = Tensor::scalar<std::int32_t>(16),
                      .initial_membrane = {},
                      .decay_shift = 4,
                      .rounding = Rounding::kTowardZero};
  EXPECT_THAT(names_of(readout, Arithmetic::kInteger), IsEmpty());
  std::get<Li>(readout.neuron).decay = Tensor::scalar<std::int32_t>(15);
  EXPECT_THAT(names_of(readout, Arithmetic::kInteger),
              ElementsAre("decay", "decay_shift", "rounding"));
}

TEST(Parameters, OfAnInputThatIsNotHeld) {
  Population input = build::input_population("in", {2}, false);
  input.neuron = Input{.held = false, .bits = 8, .is_signed = true};
  const auto parameters = parameters_of(input, Arithmetic::kInteger);
  EXPECT_THAT(names(parameters), ElementsAre("held", "bits", "is_signed"));
  EXPECT_EQ(value(parameters, "held").as<std::int64_t>()[0], 0);
}

TEST(Parameters, OfProjections) {
  Projection projection;
  Conv2d conv;
  conv.weight = Tensor::from<float>({1, 1, 1, 1}, {1});
  projection.connectivity = conv;
  EXPECT_THAT(names(parameters_of(projection)), ElementsAre("weight"));

  conv.stride = {2, 1};
  conv.padding = {1, 0, 1, 0};
  conv.dilation = {1, 2};
  conv.groups = 2;
  projection.connectivity = conv;
  projection.shift = 3;
  EXPECT_THAT(names(parameters_of(projection)),
              ElementsAre("weight", "stride", "padding", "dilation", "groups", "shift"));
  EXPECT_THAT(value(parameters_of(projection), "padding").as<std::int64_t>(),
              ElementsAre(1, 0, 1, 0));

  projection.shift = 0;
  projection.connectivity = SumPool2d{};
  EXPECT_THAT(names(parameters_of(projection)), ElementsAre("kernel", "stride", "padding"));
  projection.connectivity = MaxPool2d{};
  EXPECT_THAT(names(parameters_of(projection)), ElementsAre("kernel", "stride", "padding"));
  projection.connectivity = MaxPool2d{.base = 2, .begin = 3, .end = 7};
  EXPECT_THAT(names(parameters_of(projection)),
              ElementsAre("kernel", "stride", "padding", "base", "begin", "end"));
  projection.connectivity = OneToOne{Tensor::scalar(1.0f)};
  EXPECT_THAT(names(parameters_of(projection)), ElementsAre("weight"));
  projection.connectivity = Sparse{.row_begin = Tensor::from<std::int64_t>({2}, {0, 0}),
                                   .targets = Tensor::from<std::int32_t>({0}, {}),
                                   .weight = Tensor::from<float>({0}, {})};
  EXPECT_THAT(names(parameters_of(projection)), ElementsAre("row_begin", "targets", "weight"));
}

TEST(GraphView, CountsThenFills) {
  const SpikeGraph graph = test::small_cnn();
  const GraphView view_of_graph(graph);
  const nt_graph_api& api = *host_table().graph;
  const nt_graph* handle = view_of_graph.handle();

  auto info = sized<nt_graph_info>();
  ASSERT_EQ(api.info(handle, &info), NT_OK);
  EXPECT_EQ(view(info.name), "small_cnn");
  EXPECT_EQ(info.population_count, 4u);
  EXPECT_EQ(info.projection_count, 4u);
  EXPECT_EQ(info.arithmetic, NT_FLOAT32);
  EXPECT_EQ(info.fingerprint.size, 64u);

  auto population = sized<nt_population>();
  ASSERT_EQ(api.population(handle, 1, &population), NT_OK);
  EXPECT_EQ(view(population.name), "conv");
  EXPECT_EQ(view(population.model), "if");
  EXPECT_EQ(population.rank, 3);
  EXPECT_EQ(population.shape[0], 2);
  EXPECT_EQ(population.neuron_count, 8u);
  EXPECT_EQ(population.roles, 0u);
  EXPECT_EQ(population.chip, -1);
  EXPECT_EQ(population.parameter_count, 3u);

  auto projection = sized<nt_projection>();
  ASSERT_EQ(api.projection(handle, 3, &projection), NT_OK);
  EXPECT_EQ(view(projection.kind), "one_to_one");
  EXPECT_EQ(projection.source, 1u);
  EXPECT_EQ(projection.target, 1u);
  EXPECT_EQ(projection.delay_steps, 2u);
  EXPECT_EQ(projection.synapse_count, 8u);
}

TEST(GraphView, TellsInputsAndOutputs) {
  const SpikeGraph graph = test::small_mlp();
  const GraphView made(graph);
  auto population = sized<nt_population>();
  ASSERT_EQ(made.population(0, &population), NT_OK);
  EXPECT_EQ(population.roles, std::uint32_t{NT_ROLE_INPUT});
  population = sized<nt_population>();
  ASSERT_EQ(made.population(2, &population), NT_OK);
  EXPECT_EQ(population.roles, std::uint32_t{NT_ROLE_OUTPUT});
}

TEST(GraphView, WeightsAreViewsOfTheGraphsOwnMemory) {
  const SpikeGraph graph = test::small_mlp();
  const GraphView made(graph);
  auto parameter = sized<nt_parameter>();
  ASSERT_EQ(made.parameter(NT_PROJECTION, 0, 0, &parameter), NT_OK);
  EXPECT_EQ(view(parameter.name), "weight");
  EXPECT_EQ(parameter.value.data, weight_of(graph.projections[0].connectivity)->data());
  EXPECT_EQ(parameter.value.rank, 2);
  EXPECT_EQ(parameter.value.shape[0], 3);
  EXPECT_EQ(parameter.value.dtype.code, 2);
  EXPECT_EQ(parameter.value.dtype.bits, 32);
  EXPECT_EQ(parameter.scale, 0);
}

TEST(GraphView, CarriesQuantisation) {
  SpikeGraph graph = test::small_integer_mlp();
  Tensor& weight = *weight_of(graph.projections[1].connectivity);
  weight = weight.with_quantization({.scales = {0.5, 0.25}, .zero_point = 3, .bits = 4});
  const GraphView made(graph);
  auto parameter = sized<nt_parameter>();
  ASSERT_EQ(made.parameter(NT_PROJECTION, 0, 0, &parameter), NT_OK);
  EXPECT_EQ(parameter.scale, 0.015625);
  EXPECT_EQ(parameter.bits, 8u);
  EXPECT_EQ(parameter.value.dtype.code, 0);
  EXPECT_EQ(parameter.value.dtype.bits, 8);
  EXPECT_EQ(parameter.scales.data, nullptr);

  parameter = sized<nt_parameter>();
  ASSERT_EQ(made.parameter(NT_PROJECTION, 1, 0, &parameter), NT_OK);
  EXPECT_EQ(parameter.zero_point, 3);
  ASSERT_EQ(parameter.scales.rank, 1);
  ASSERT_EQ(parameter.scales.shape[0], 2);
  EXPECT_EQ(static_cast<const double*>(parameter.scales.data)[1], 0.25);
}

TEST(GraphView, ListsTheSynapsesOfANeuronForAnyKind) {
  const SpikeGraph graph = test::small_cnn();
  const GraphView made(graph);
  for (std::uint32_t p = 0; p < graph.projections.size(); ++p) {
    const Projection& projection = graph.projections[p];
    const Shape& source = graph[projection.source].shape;
    std::size_t total = 0;
    for (std::int64_t neuron = 0; neuron < *element_count(source); ++neuron) {
      std::size_t count = 0;
      const auto index = static_cast<std::uint64_t>(neuron);
      const nt_code empty = made.synapses(p, index, nullptr, &count);
      EXPECT_EQ(empty, count == 0 ? NT_OK : NT_NO_ROOM);
      std::vector<nt_synapse> synapses(count);
      ASSERT_EQ(made.synapses(p, index, synapses.data(), &count), NT_OK);
      const auto wanted =
          row(projection.connectivity, source, graph[projection.target].shape, neuron);
      ASSERT_EQ(synapses.size(), wanted.size());
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_EQ(synapses[i].target, static_cast<std::uint64_t>(wanted[i].target));
        EXPECT_EQ(synapses[i].weight, wanted[i].weight);
      }
      total += count;
    }
    auto filled = sized<nt_projection>();
    ASSERT_EQ(made.projection(p, &filled), NT_OK);
    EXPECT_EQ(filled.synapse_count, total);
  }
}

TEST(GraphView, RefusesWhatIsNotThere) {
  const SpikeGraph graph = test::small_mlp();
  const GraphView made(graph);
  const nt_graph_api& api = *host_table().graph;
  auto population = sized<nt_population>();
  auto projection = sized<nt_projection>();
  auto parameter = sized<nt_parameter>();
  std::size_t count = 0;
  EXPECT_EQ(made.population(3, &population), NT_BAD_ARGUMENT);
  EXPECT_EQ(made.projection(2, &projection), NT_BAD_ARGUMENT);
  EXPECT_EQ(made.parameter(NT_POPULATION, 1, 9, &parameter), NT_BAD_ARGUMENT);
  EXPECT_EQ(made.parameter(NT_POPULATION, 9, 0, &parameter), NT_BAD_ARGUMENT);
  EXPECT_EQ(made.parameter(NT_OPTION, 0, 0, &parameter), NT_BAD_ARGUMENT);
  EXPECT_EQ(made.synapses(0, 2, nullptr, &count), NT_BAD_ARGUMENT);
  EXPECT_EQ(made.synapses(9, 0, nullptr, &count), NT_BAD_ARGUMENT);
  EXPECT_EQ(made.synapses(0, 0, nullptr, nullptr), NT_BAD_ARGUMENT);
  EXPECT_EQ(api.population(nullptr, 0, &population), NT_BAD_ARGUMENT);
  EXPECT_EQ(api.info(made.handle(), nullptr), NT_BAD_ARGUMENT);
}

TEST(GraphView, ServesReadersOfAnyAge) {
  const SpikeGraph graph = test::small_mlp();
  const GraphView made(graph);
  struct Newer {
    nt_population known;
    std::uint64_t later[3];
  } newer{};
  std::memset(&newer, 0xAB, sizeof newer);
  newer.known.struct_size = sizeof newer;
  ASSERT_EQ(made.population(1, &newer.known), NT_OK);
  EXPECT_EQ(newer.known.struct_size, sizeof(nt_population));
  EXPECT_EQ(newer.later[0] | newer.later[1] | newer.later[2], 0u);

  nt_population small{};
  small.struct_size = kSmallest<nt_population> - 1;
  EXPECT_EQ(made.population(1, &small), NT_BAD_ARGUMENT);
}

}  // namespace
}  // namespace neurotool
