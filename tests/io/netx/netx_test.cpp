// Published networks of Lava: read, written again, and run. The traces of lava-oracles were
// recorded from Lava's own fixed-point models; every membrane and every spike must be equal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include "base/random.hpp"
#include "eval/spike_eval.hpp"
#include "io/netx/netx.hpp"
#include "io/npy.hpp"
#include "io/zip.hpp"
#include "ir/builder.hpp"
#include "ir/model.hpp"
#include "ir/verify.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"

namespace neurotool::netx {
namespace {

using ::testing::HasSubstr;

std::filesystem::path published(const std::string& name) {
  return test::test_data() / "lava-examples" / name;
}
std::filesystem::path oracles(const std::string& name) {
  return test::test_data() / "lava-oracles" / name;
}

using Arrays = std::map<std::string, Tensor>;

/// A trace [T, W, H, C] or [T, N] as [T, neurons] in our order.
std::vector<std::vector<std::int64_t>> by_step(const Tensor& trace, const Shape& shape) {
  const std::int64_t steps = trace.shape()[0], count = trace.size() / steps;
  std::vector<std::vector<std::int64_t>> made(static_cast<std::size_t>(steps));
  for (std::int64_t t = 0; t < steps; ++t) {
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t place = i;
      if (shape.size() == 3 && trace.rank() == 4) {
        const std::int64_t c = i / (shape[1] * shape[2]), y = i / shape[2] % shape[1],
                           x = i % shape[2];
        place = (x * shape[1] + y) * shape[0] + c;
      }
      made[static_cast<std::size_t>(t)].push_back(
          static_cast<std::int64_t>(trace.at(t * count + place)));
    }
  }
  return made;
}

Stimulus stimulus_of(const SpikeGraph& graph, const Arrays& arrays) {
  const PopulationId id = graph.find("input");
  const Shape& shape = graph[id].shape;
  std::vector<std::int32_t> values;
  if (std::get<Input>(graph[id].neuron).held) {
    Tensor bias = arrays.at("input_bias_mant");
    Shape with_time{1};
    with_time.insert(with_time.end(), bias.shape().begin(), bias.shape().end());
    const auto mantissas = by_step(bias.reshaped(with_time), shape);
    for (const std::int64_t v : mantissas[0]) values.push_back(static_cast<std::int32_t>(v));
    return {id, Tensor::from({graph[id].size()}, std::move(values))};
  }
  const Tensor& spikes = arrays.at("s_in");
  for (const auto& step : by_step(spikes, shape)) {
    for (const std::int64_t v : step) values.push_back(static_cast<std::int32_t>(v));
  }
  return {id, Tensor::from({spikes.shape()[0], graph[id].size()}, std::move(values))};
}

/// The numbers of an npz; its text `meta` is left out.
Arrays arrays_of(const std::filesystem::path& file) {
  Arrays arrays;
  const auto members = read_zip(test::slurp(file), "trace");
  EXPECT_TRUE(members.has_value());
  for (const ZipMember& member : *members) {
    if (member.name == "meta.npy") continue;
    const auto tensor = parse_npy(member.content, member.name);
    EXPECT_TRUE(tensor.has_value()) << member.name;
    arrays.emplace(member.name.substr(0, member.name.size() - 4), *tensor);
  }
  return arrays;
}

/// Runs the network and counts integers that are not those of the trace; -1 when none was compared.
std::int64_t mismatches(const Network& network, const std::filesystem::path& trace,
                        std::string& said, std::uint64_t most_steps = 10'000) {
  Diagnostics diagnostics;
  auto graph = to_graph(network, "net", diagnostics);
  if (!graph) {
    said = graph.error().message;
    return -1;
  }
  Model model{.name = "net", .path = "", .graph = *graph};
  Diagnostics broken;
  verify(model, broken);
  EXPECT_FALSE(broken.has_errors()) << to_string(broken.first_error());
  const Arrays arrays = arrays_of(trace);
  const SpikeEvaluator evaluator(*graph);
  SpikeState state = evaluator.initial_state();
  std::map<std::uint32_t, std::pair<std::vector<std::vector<std::int64_t>>,
                                    std::vector<std::vector<std::int64_t>>>>
      expected;
  int layer = 0;
  std::uint64_t steps = 0;
  for (const PopulationId id : graph->live_populations()) {
    if (std::holds_alternative<Input>((*graph)[id].neuron)) continue;
    const std::string prefix = "L" + std::to_string(layer++);
    const auto spikes = arrays.find(prefix + "_s"), membrane = arrays.find(prefix + "_v");
    if (spikes == arrays.end()) continue;
    steps = static_cast<std::uint64_t>(spikes->second.shape()[0]);
    expected[id.index].first = by_step(spikes->second, (*graph)[id].shape);
    if (membrane != arrays.end())
      expected[id.index].second = by_step(membrane->second, (*graph)[id].shape);
  }
  std::int64_t wrong = 0, compared = 0;
  const auto observe = [&](const StepRecord& record) {
    const auto found = expected.find(record.population.index);
    if (found == expected.end()) return;
    const auto& [spikes, membranes] = found->second;
    const bool fires = firing_of((*graph)[record.population].neuron) != nullptr;
    for (std::size_t i = 0; i < record.membrane_i.size(); ++i) {
      if (fires) wrong += record.payload_i[i] != spikes[record.step][i] ? 1 : 0;
      if (!membranes.empty()) wrong += record.membrane_i[i] != membranes[record.step][i] ? 1 : 0;
      ++compared;
    }
  };
  const std::vector<Stimulus> stimuli{stimulus_of(*graph, arrays)};
  const auto ran = evaluator.run(state, stimuli, std::min(steps, most_steps), observe);
  if (!ran) {
    said = ran.error().message;
    return -1;
  }
  return compared == 0 ? -1 : wrong;
}

std::vector<std::filesystem::path> all_published() {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::exists(published(""))) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(published(""))) {
    if (entry.path().extension() == ".net") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

TEST(Netx, EveryPublishedNetworkReadsAndIsWrittenTheSame) {
  NT_NEEDS_DATA(published(""));
  const auto files = all_published();
  EXPECT_EQ(files.size(), 12U);
  for (const auto& file : files) {
    SCOPED_TRACE(file);
    const auto network = read(file);
    ASSERT_TRUE(network.has_value()) << to_string(network.error());
    EXPECT_GT(network->layers.size(), 1u);
    const auto bytes = write(*network);
    ASSERT_TRUE(bytes.has_value()) << to_string(bytes.error());
    const auto back = read(*bytes, "again");
    ASSERT_TRUE(back.has_value());
    EXPECT_TRUE(*back == *network);
    EXPECT_EQ(*write(*back), *bytes);
  }
}

/// What becomes of each: a graph that is written again, or a refusal that names a layer.
TEST(Netx, EveryPublishedNetworkIsAGraphOrRefusedByLayer) {
  NT_NEEDS_DATA(published(""));
  std::vector<std::string> graphs;
  for (const auto& file : all_published()) {
    SCOPED_TRACE(file);
    Diagnostics diagnostics;
    const auto graph = to_graph(*read(file), "net", diagnostics);
    if (graph) {
      graphs.push_back(file.parent_path().filename().string());
      continue;
    }
    EXPECT_EQ(graph.error().code, "netx.unsupported");
    EXPECT_THAT(to_string(graph.error()), HasSubstr("node '/layer/"));
  }
  EXPECT_THAT(graphs, testing::ElementsAre("bootstrap_mnist", "mnist_mlp", "oxford", "pilotnet_snn",
                                           "recurrent", "tinynet"));
}

TEST(Netx, PublishedNetworksRunAsLavaRunsThem) {
  struct Case {
    const char *network, *trace;
    std::size_t layers;
    std::uint64_t steps = 10'000;
  };
  for (const Case& each :
       {Case{"tinynet/tiny.net", "real/real_tinynet.npz", 0},
        Case{"mnist_mlp/trained_mnist_network.net", "real/real_mnist_mlp.npz", 0},
        // Recorded with a reset every 32 steps, which is an argument of the run.
        Case{"bootstrap_mnist/network.net", "real/real_bootstrap_mnist.npz", 0, 32},
        Case{"oxford/network.net", "real/real_oxford.npz", 0},
        Case{"recurrent/recurrent_example.net", "real/real_recurrent.npz", 0},
        Case{"ntidigits/ntidigits.net", "real/real_ntidigits.npz", 5}}) {
    NT_NEEDS_DATA(oracles(each.trace));
    auto network = read(published(each.network));
    ASSERT_TRUE(network.has_value());
    if (each.layers > 0) network->layers.resize(each.layers);
    std::string said;
    EXPECT_EQ(mismatches(*network, oracles(each.trace), said, each.steps), 0)
        << each.network << ": " << said;
  }
}

TEST(Netx, RandomNetworksRunAsLavaRunsThem) {
  for (const char* name :
       {"nx_conv_dil", "nx_cuba_input", "nx_delay_full", "nx_delay_in", "nx_delay_out"}) {
    const std::string path = std::string("netx/") + name;
    NT_NEEDS_DATA(oracles(path + ".net"));
    const auto network = read(oracles(path + ".net"));
    ASSERT_TRUE(network.has_value()) << to_string(network.error());
    std::string said;
    EXPECT_EQ(mismatches(*network, oracles(path + ".npz"), said), 0) << name << ": " << said;
  }
}

std::string refusal(const std::filesystem::path& file) {
  const auto network = read(file);
  Diagnostics diagnostics;
  const auto graph = to_graph(*network, "net", diagnostics);
  return graph ? "read" : to_string(graph.error());
}

TEST(Netx, WhatHasNoCounterpartIsRefusedByLayer) {
  NT_NEEDS_DATA(published("ntidigits/ntidigits.net"));
  EXPECT_THAT(
      refusal(published("ntidigits/ntidigits.net")),
      HasSubstr("net: node '/layer/5': error[netx.unsupported]: a layer of type 'average'"));
  EXPECT_THAT(refusal(published("pilotnet_sdnn_33x100/network.net")),
              HasSubstr("node '/layer/0': error[netx.unsupported]: neurons of type 'SDNN'"));
  EXPECT_THAT(refusal(published("legacy_recurrent/netLoihi_rec_th1.net")),
              HasSubstr("write it as 'dense_rec'"));
  EXPECT_THAT(refusal(oracles("netx/nx_mlp.net")),
              HasSubstr("a bias goes past the synaptic current"));
}

TEST(Netx, WhatLavaLoadsComesBackEqual) {
  for (const char* name :
       {"mnist_mlp/trained_mnist_network.net", "recurrent/recurrent_example.net"}) {
    NT_NEEDS_DATA(published(name));
    Diagnostics diagnostics;
    const auto graph = to_graph(*read(published(name)), "net", diagnostics);
    ASSERT_TRUE(graph.has_value());
    const auto network = from_graph(*graph, diagnostics);
    ASSERT_TRUE(network.has_value()) << to_string(network.error());
    const auto back = to_graph(*network, "net", diagnostics);
    ASSERT_TRUE(back.has_value()) << to_string(back.error());
    ASSERT_EQ(back->populations.size(), graph->populations.size());
    for (std::size_t i = 0; i < graph->projections.size(); ++i) {
      EXPECT_EQ(*weight_of(back->projections[i].connectivity),
                *weight_of(graph->projections[i].connectivity));
      EXPECT_EQ(back->projections[i].delay_steps, graph->projections[i].delay_steps);
      EXPECT_EQ(back->projections[i].shift, graph->projections[i].shift);
    }
  }
}

SpikeGraph small_graph(Reset reset) {
  SpikeGraph graph;
  graph.arithmetic = Arithmetic::kInteger;
  const auto input = graph.add({.name = "input",
                                .shape = {2},
                                .neuron = Input{.held = false, .bits = 1, .is_signed = false}});
  Population population = build::if_population("fc", {2}, std::int32_t{11});
  std::get<If>(population.neuron).firing.reset = reset;
  population.output = true;
  const auto fc = graph.add(std::move(population));
  graph.connect(input, fc, build::dense(2, 2, std::vector<std::int8_t>{2, -4, 6, 8}));
  return graph;
}

TEST(Netx, ExportWritesAThresholdOneBelow) {
  Diagnostics diagnostics;
  const auto network = from_graph(small_graph(Reset::kToValue), diagnostics);
  ASSERT_TRUE(network.has_value()) << to_string(network.error());
  ASSERT_EQ(network->layers.size(), 2u);
  EXPECT_EQ(network->layers[1].type, "dense");
  EXPECT_EQ(network->layers[1].neuron->number("vThMant").at(0), 10);
  EXPECT_EQ(network->layers[1].neuron->number("iDecay").at(0), 4096);
  EXPECT_EQ(network->layers[1].neuron->number("vDecay").at(0), 0);
  EXPECT_EQ(network->layers[1].number("weight").dtype(), DType::kFloat32);
}

TEST(Netx, ExportRefusesByPopulation) {
  const auto said = [](SpikeGraph graph) {
    Diagnostics diagnostics;
    const auto network = from_graph(graph, diagnostics);
    return network ? "written" : to_string(network.error());
  };
  EXPECT_THAT(
      said(small_graph(Reset::kSubtract)),
      HasSubstr("node 'fc': error[netx.unsupported]: the neurons are reset by subtraction"));
  SpikeGraph residual = small_graph(Reset::kToValue);
  residual.connect({0}, {1}, build::dense(2, 2, std::vector<std::int8_t>{2, 2, 2, 2}));
  EXPECT_THAT(said(residual), HasSubstr("2 projections meet in 'fc'"));
  SpikeGraph pooled = small_graph(Reset::kToValue);
  pooled.populations[0].shape = {1, 2, 4};
  pooled.populations[1].shape = {1, 1, 2};
  pooled.projections[0].connectivity = SumPool2d{{2, 2}, {2, 2}, {0, 0, 0, 0}, {}};
  EXPECT_THAT(said(pooled), HasSubstr("a sum_pool2d has no place in a Lava network"));
  SpikeGraph large = small_graph(Reset::kToValue);
  large.projections[0].connectivity = Dense{Tensor::from<std::int16_t>({2, 2}, {300, -1, 0, 0})};
  EXPECT_THAT(said(large),
              HasSubstr("error[netx.value]: the weight 300 is outside Lava's -256 to 254"));
}

/// Spikes of the last population at random input spikes, [neurons, steps] as Lava has them.
Tensor last_spikes(const SpikeGraph& graph, const Tensor& input, std::int64_t steps) {
  const PopulationId last = graph.live_populations().back();
  const std::int64_t neurons = graph[last].size();
  std::vector<float> spikes(static_cast<std::size_t>(neurons * steps));
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const std::vector<Stimulus> stimuli{{graph.find("input"), input}};
  const auto ran = evaluator.run(state, stimuli, static_cast<std::uint64_t>(steps),
                                 [&](const StepRecord& record) {
                                   if (record.population != last) return;
                                   for (std::size_t i = 0; i < record.payload_i.size(); ++i)
                                     spikes[i * static_cast<std::size_t>(steps) + record.step] =
                                         static_cast<float>(record.payload_i[i]);
                                 });
  EXPECT_TRUE(ran.has_value()) << to_string(ran.error());
  return Tensor::from<float>({neurons, steps}, std::move(spikes));
}

/// For tests/interop/run_lava: networks that we write, what goes in, and what has to come out.
TEST(NetxInterop, WritesFilesForLava) {
  const char* folder = std::getenv("NEUROTOOL_NETX_FILES");
  if (folder == nullptr) GTEST_SKIP() << "NEUROTOOL_NETX_FILES names no folder";
  constexpr std::int64_t kSteps = 60;
  const std::filesystem::path into(folder);
  std::filesystem::create_directories(into);
  for (const char* name : {"mnist_mlp/trained_mnist_network", "recurrent/recurrent_example"}) {
    const auto file = published(std::string(name) + ".net");
    NT_NEEDS_DATA(file);
    Diagnostics diagnostics;
    const auto graph = to_graph(*read(file), "net", diagnostics);
    ASSERT_TRUE(graph.has_value()) << to_string(graph.error());
    const auto network = from_graph(*graph, diagnostics);
    ASSERT_TRUE(network.has_value()) << to_string(network.error());
    const std::string stem = file.parent_path().filename().string();
    ASSERT_TRUE(write(into / (stem + ".net"), *network).has_value());
    const std::int64_t inputs = (*graph)[graph->find("input")].size();
    RandomStream random(7, "netx", stem);
    std::vector<std::int32_t> steps(static_cast<std::size_t>(kSteps * inputs));
    for (auto& value : steps) value = random.uniform() < 0.5 ? 1 : 0;
    const auto input = Tensor::from<std::int32_t>({kSteps, inputs}, std::move(steps));
    const Tensor output = last_spikes(*graph, input, kSteps);
    double spikes = 0;
    for (std::int64_t i = 0; i < output.size(); ++i) spikes += output.at(i);
    EXPECT_GT(spikes, 0) << stem;
    std::ofstream(into / (stem + ".in.npy"), std::ios::binary) << format_npy(input);
    std::ofstream(into / (stem + ".out.npy"), std::ios::binary) << format_npy(output);
  }
}

}  // namespace
}  // namespace neurotool::netx
