// Every rule of lint on the smallest graph that has its cause, and on one that has not; and diff.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>

#include "ir/nir/diff.hpp"
#include "ir/nir/lint.hpp"
#include "ir/nir/lower.hpp"
#include "ir/nir/walk.hpp"
#include "support/random_nir.hpp"

namespace neurotool::nir {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

/// "misreads lif r", without notes.
std::vector<std::string> found(const Graph& graph, std::string_view reader) {
  std::vector<std::string> words;
  for (const Finding& finding : lint(graph, reader)) {
    if (finding.effect == Effect::kNote) continue;
    words.push_back(
        fmt::format("{} {} {}", effect_word(finding.effect), finding.node, finding.rule));
  }
  return words;
}

Graph around(Primitive primitive, const Shape& in, const Shape& out) {
  Graph graph;
  add(graph, "input", Input{shape_tensor(in)});
  add(graph, "node", std::move(primitive));
  add(graph, "output", Output{shape_tensor(out)});
  connect(graph, std::vector<std::string>{"input", "node", "output"});
  return graph;
}

const Shape kTwo{2};
IF plain_if() { return {filled(kTwo, 1), filled(kTwo, 1), {}}; }
LIF plain_lif() {
  return {filled(kTwo, 10), filled(kTwo, 1), filled(kTwo, 0), filled(kTwo, 1), {}};
}

TEST(NirLint, APlainNetworkIsCleanForItsReaders) {
  const Graph graph = around(plain_if(), kTwo, kTwo);
  for (const char* reader : {"nir", "norse", "snntorch", "sinabs", "spyx", "lava", "spinnaker2"}) {
    EXPECT_THAT(found(graph, reader), IsEmpty()) << reader;
  }
  EXPECT_THAT(found(graph, "spikingjelly"), ElementsAre("refuses node r"));
  EXPECT_THAT(found(graph, "rockpool"), ElementsAre("refuses node unknown-type"));
}

TEST(NirLint, WhatSinabsDropsIsNamed) {
  // In a network of nothing else, no edge is left.
  EXPECT_THAT(found(around(Linear{filled({2, 2}, 1)}, kTwo, kTwo), "sinabs"),
              ElementsAre("refuses node unknown-type"));
  const AvgPool2d pool{pair_tensor(2, 2), pair_tensor(2, 2), pair_tensor(0, 0)};
  Graph inside = around(pool, {1, 2, 2}, {1, 1, 1});
  add(inside, "next", IF{filled({1, 1, 1}, 1), filled({1, 1, 1}, 1), {}});
  inside.edges = {{"input", "node"}, {"node", "next"}, {"next", "output"}};
  EXPECT_THAT(found(inside, "sinabs"), ElementsAre("drops node unknown-type"));
  EXPECT_THAT(found(inside, "norse"), ElementsAre("drops node unknown-type"));
  EXPECT_THAT(found(inside, "snntorch"), IsEmpty());
  // Two unknown nodes are one and the same to the reader.
  add(inside, "second", pool);
  inside.edges = {{"input", "node"}, {"node", "next"}, {"next", "second"}, {"second", "output"}};
  EXPECT_THAT(found(inside, "sinabs"), Contains("refuses second unknown-type"));
  Graph loop = around(plain_if(), kTwo, kTwo);
  add(loop, "w", Affine{filled({2, 2}, 1), filled(kTwo, 0)});
  loop.edges = {{"input", "node"}, {"node", "w"}, {"w", "node"}, {"node", "output"}};
  EXPECT_THAT(found(loop, "sinabs"), ElementsAre("drops node recurrent-edge"));
  EXPECT_THAT(found(loop, "norse"), IsEmpty());
  // With the Output's edge first, the matrix is run last, and its output returned.
  std::swap(loop.edges[1], loop.edges[3]);
  EXPECT_THAT(found(loop, "norse"), ElementsAre("misreads w walk-order"));
}

TEST(NirLint, ParametersThatAreNotReadAreNamed) {
  LIF lif = plain_lif();
  lif.r = filled(kTwo, 3);
  lif.v_reset = filled(kTwo, -1);
  EXPECT_THAT(found(around(lif, kTwo, kTwo), "norse"),
              ElementsAre("misreads node r", "misreads node v-reset"));
  lif = plain_lif();
  lif.v_leak = filled(kTwo, 1);
  EXPECT_THAT(found(around(lif, kTwo, kTwo), "snntorch"), ElementsAre("refuses node v-leak"));
  EXPECT_THAT(found(around(lif, kTwo, kTwo), "spikingjelly"), ElementsAre("refuses node v-leak"));
  IF unequal = plain_if();
  unequal.v_threshold = Tensor::from<float>(kTwo, {1, 2});
  EXPECT_THAT(found(around(unequal, kTwo, kTwo), "snntorch"),
              ElementsAre("refuses node unequal-parameters"));
  EXPECT_THAT(found(around(unequal, kTwo, kTwo), "norse"), IsEmpty());
  LIF seconds = plain_lif();
  seconds.tau = filled(kTwo, 0.0025f);
  EXPECT_THAT(found(around(seconds, kTwo, kTwo), "sinabs"), ElementsAre("misreads node time-unit"));
}

TEST(NirLint, EndsThatReadersCannotTake) {
  Graph two = around(plain_if(), kTwo, kTwo);
  add(two, "output_2", Output{shape_tensor(kTwo)});
  connect(two, "node", "output_2");
  EXPECT_THAT(found(two, "norse"), ElementsAre("drops  several-outputs"));
  EXPECT_THAT(found(two, "snntorch"), ElementsAre("hangs on  several-outputs"));
  EXPECT_THAT(found(two, "spyx"), ElementsAre("drops node no-chain"));
  Graph sum = around(plain_if(), kTwo, kTwo);
  connect(sum, "input", "output");
  EXPECT_THAT(found(sum, "snntorch"), Contains("refuses output output-sum"));
  EXPECT_THAT(found(sum, "norse"), IsEmpty()) << "the walk adds up what was run before";
  Graph inputs = around(plain_if(), kTwo, kTwo);
  add(inputs, "input_2", Input{shape_tensor(kTwo)});
  connect(inputs, "input_2", "node");
  EXPECT_THAT(found(inputs, "snntorch"), ElementsAre("refuses  several-inputs"));
  EXPECT_THAT(found(inputs, "norse"), ElementsAre("drops  several-inputs"));
}

/// What `network` says of its neurons in the metadata of our exporter.
Graph ours(Graph network, const char* reset, float start, const char* profile) {
  Metadata& own = subtree(network.metadata, "neurotool");
  set(own, "reset", std::string(reset));
  set(own, "spikes", std::string("single"));
  set(own, "profile", std::string(profile));
  set(subtree(own, "v_init"), "node", Tensor::scalar(start));
  return network;
}

TEST(NirLint, WhatOurFilesSayOfTheirNeuronsIsHeldAgainstReaders) {
  const Graph soft = ours(around(plain_if(), kTwo, kTwo), "subtract", 0.5F, "plain");
  EXPECT_THAT(found(soft, "norse"), ElementsAre("misreads  own-reset", "misreads  own-start"));
  EXPECT_THAT(found(soft, "sinabs"), ElementsAre("misreads  own-spikes", "misreads  own-start"));
  EXPECT_THAT(found(soft, "spyx"), ElementsAre("misreads  own-step", "misreads  own-start"));
  EXPECT_THAT(found(soft, "nir"), IsEmpty());
  const Graph hard = ours(around(plain_lif(), kTwo, kTwo), "value", 0, "hard");
  EXPECT_THAT(found(hard, "norse"), IsEmpty());
  EXPECT_THAT(found(hard, "snntorch"), IsEmpty());
  EXPECT_THAT(found(hard, "sinabs"), ElementsAre("misreads  own-reset", "misreads  own-spikes"));
}

TEST(NirLint, TheProfileForNorseIsCleanForIt) {
  CubaLIF cuba{filled(kTwo, 1),
               filled(kTwo, 1),
               filled(kTwo, 1),
               filled(kTwo, 0.5F),
               filled(kTwo, 1),
               filled(kTwo, 1),
               {}};
  const Graph graph = around(cuba, kTwo, kTwo);
  EXPECT_THAT(found(graph, "norse"), ElementsAre("misreads node v-leak"));
  EXPECT_THAT(found(ours(graph, "subtract", 0.5F, "norse"), "norse"), IsEmpty());
  EXPECT_THAT(found(ours(graph, "subtract", 0.5F, "plain"), "norse"),
              ElementsAre("misreads node v-leak", "misreads  own-start"));
}

TEST(NirLint, ARecurrentLayerOfSnntorchIsMisread) {
  Graph loop = around(plain_lif(), kTwo, kTwo);
  add(loop, "w", Linear{filled({2, 2}, 1)});
  loop.edges = {{"input", "node"}, {"node", "w"}, {"w", "node"}, {"node", "output"}};
  EXPECT_THAT(found(loop, "snntorch"), ElementsAre("misreads node recurrent-edge"));
  EXPECT_THAT(found(loop, "spikingjelly"), Not(Contains("misreads node recurrent-edge")));
}

TEST(NirLint, SpyxFollowsFirstEdgesWithChannelsLast) {
  Graph flat =
      around(Flatten{int_tensor(0), int_tensor(-1), shape_tensor({2, 3, 1})}, {2, 3, 1}, {6});
  EXPECT_THAT(found(flat, "spyx"), ElementsAre("misreads node flatten-order"));
  flat = around(Flatten{int_tensor(0), int_tensor(-1), shape_tensor({1, 3, 2})}, {1, 3, 2}, {6});
  EXPECT_THAT(found(flat, "spyx"), IsEmpty()) << "one channel lies as it did";

  Graph loop = around(plain_if(), kTwo, kTwo);
  add(loop, "w", Linear{filled({2, 2}, 1)});
  loop.edges = {{"input", "node"}, {"node", "w"}, {"w", "node"}, {"node", "output"}};
  EXPECT_THAT(found(loop, "spyx"), ElementsAre("hangs on node no-chain"));
  loop.find("node")->primitive = plain_lif();
  EXPECT_THAT(found(loop, "spyx"), IsEmpty()) << "one recurrent layer";

  EXPECT_THAT(found(around(Linear{filled({3, 2, 2}, 1)}, {3, 2}, {3, 2}), "spyx"),
              Contains("refuses node weight-rank"));
  const Graph li = around(LI{filled(kTwo, 10), filled(kTwo, 1), filled(kTwo, 0)}, kTwo, kTwo);
  EXPECT_THAT(found(li, "spyx"), ElementsAre("refuses node unknown-type"));
  Graph psu = li;
  add(psu, "above", Threshold{filled(kTwo, 1)});
  psu.edges = {{"input", "node"}, {"node", "above"}, {"above", "output"}};
  EXPECT_THAT(found(psu, "spyx"), IsEmpty());
  const CubaLIF cuba{filled({1, 2, 2}, 1),
                     filled({1, 2, 2}, 1),
                     filled({1, 2, 2}, 1),
                     filled({1, 2, 2}, 0),
                     filled({1, 2, 2}, 1),
                     filled({1, 2, 2}, 1),
                     {}};
  EXPECT_THAT(found(around(cuba, {1, 2, 2}, {1, 2, 2}), "spyx"),
              ElementsAre("refuses node cuba-image"));
}

/// Two nodes between `first` and the sum, and one beside them.
Graph branches() {
  Graph graph = around(plain_if(), kTwo, kTwo);
  const Affine matrix{filled({2, 2}, 1), filled(kTwo, 0)};
  for (const char* name : {"long_1", "long_2", "short"}) add(graph, name, matrix);
  add(graph, "sum", plain_if());
  graph.edges = {{"input", "node"}, {"node", "long_1"}, {"long_1", "long_2"}, {"long_2", "sum"},
                 {"node", "short"}, {"short", "sum"},   {"sum", "output"}};
  return graph;
}

TEST(NirLint, BranchesWithNodesRunInAWrongOrder) {
  for (const char* reader : {"norse", "sinabs"}) {
    EXPECT_THAT(found(branches(), reader),
                ElementsAre("misreads sum walk-order", "misreads short walk-order"));
    EXPECT_FALSE(lint(branches(), reader).front().fixable);
  }
  EXPECT_THAT(found(branches(), "nir"), IsEmpty());
}

TEST(NirLint, AnEdgeBesideABranchIsAMatterOfOrder) {
  Graph graph = branches();
  graph.edges = {{"input", "node"},    {"node", "sum"},   {"node", "long_1"},
                 {"long_1", "long_2"}, {"long_2", "sum"}, {"sum", "output"}};
  std::erase_if(graph.nodes, [](const Node& node) { return node.name == "short"; });
  EXPECT_THAT(found(graph, "norse"),
              ElementsAre("misreads sum walk-order", "misreads long_2 walk-order"));
  Diagnostics diagnostics;
  const auto changes = make_portable(graph, diagnostics);
  ASSERT_TRUE(changes.has_value());
  EXPECT_EQ(changes->back().rule, "edge-order");
  EXPECT_THAT(found(graph, "norse"), IsEmpty());
  const auto again = make_portable(graph, diagnostics);
  EXPECT_TRUE(again.has_value() && again->empty());
}

TEST(NirLint, NodesThatTheWalkDoesNotReachAreNoMatterOfOrder) {
  Graph graph = branches();
  const Affine matrix{filled({2, 2}, 1), filled(kTwo, 0)};
  for (int i = 0; i < 20; ++i) {  // loops apart from the rest
    const std::string name = fmt::format("a_name_too_long_for_its_string_{}", i);
    add(graph, name, matrix);
    graph.edges.insert(graph.edges.begin() + i % 3, {name, name});
  }
  const std::vector<Edge> before = graph.edges;
  EXPECT_TRUE(order_edges(graph).empty());
  EXPECT_EQ(graph.edges, before);
}

TEST(NirLint, SnnTorchTakesAnIfOnlyAtTheEnd) {
  Graph graph = around(plain_if(), kTwo, kTwo);
  EXPECT_THAT(found(graph, "snntorch"), IsEmpty());
  add(graph, "next", Linear{filled({2, 2}, 1)});
  graph.edges = {{"input", "node"}, {"node", "next"}, {"next", "output"}};
  EXPECT_THAT(found(graph, "snntorch"), ElementsAre("refuses node if-pair"));
  Graph outer = around(around(plain_if(), kTwo, kTwo), kTwo, kTwo);
  EXPECT_THAT(found(outer, "snntorch"), IsEmpty());
  add(outer, "next", Linear{filled({2, 2}, 1)});
  outer.edges = {{"input", "node"}, {"node", "next"}, {"next", "output"}};
  EXPECT_THAT(found(outer, "snntorch"), ElementsAre("refuses node/node if-pair"));
}

TEST(NirLint, SpikingjellyWantsTheParametersOfItsStep) {
  const auto cuba = [](float r, float w_in) {
    return CubaLIF{filled(kTwo, 2e-3F),
                   filled(kTwo, 4e-3F),
                   filled(kTwo, r),
                   filled(kTwo, 0),
                   filled(kTwo, 1),
                   filled(kTwo, w_in),
                   {}};
  };
  EXPECT_THAT(found(around(cuba(40, 20), kTwo, kTwo), "spikingjelly"), IsEmpty());
  EXPECT_THAT(found(around(cuba(1, 1), kTwo, kTwo), "spikingjelly"),
              ElementsAre("refuses node r", "refuses node w-in"));
  LIF lif = plain_lif();
  lif.r = filled(kTwo, 3);
  EXPECT_THAT(found(around(lif, kTwo, kTwo), "spikingjelly"), ElementsAre("refuses node r"));
}

TEST(NirLint, PoolingsOfOneNumberBecomePairs) {
  const SumPool2d pool{int_tensor(2), int_tensor(2), int_tensor(0)};
  Graph graph = around(pool, {1, 4, 4}, {1, 2, 2});
  EXPECT_THAT(found(graph, "norse"), ElementsAre("refuses node pool-pair"));
  Diagnostics diagnostics;
  ASSERT_TRUE(make_portable(graph, diagnostics).has_value());
  EXPECT_THAT(found(graph, "norse"), IsEmpty());
  EXPECT_EQ(std::get<SumPool2d>(graph.find("node")->primitive).kernel_size.shape(), Shape{2});
}

TEST(NirLint, WhatReadingPassedOverIsRefusedByReaders) {
  Diagnostics doubts;
  doubts.report(warning("nir.edge", ModelNode{"f", "/node/edges"}, "an edge"));
  doubts.report(warning("nir.byte-order", ModelNode{"f", "/node/nodes/a/tau"}, "big-endian"));
  doubts.report(warning("nir.shape", ModelNode{"f", ""}, "of no concern"));
  const auto rules = [&](std::string_view reader) {
    std::vector<std::string> words;
    for (const Finding& each : lint_doubts(doubts.all(), reader)) {
      EXPECT_EQ(each.effect, Effect::kRefuses);
      words.emplace_back(each.rule);
    }
    return words;
  };
  EXPECT_THAT(rules("nir"), ElementsAre("dangling-edge"));
  EXPECT_THAT(rules("sinabs"), ElementsAre("dangling-edge", "byte-order"));
}

TEST(NirLint, NamesThatBecomeOneAreNamed) {
  Graph graph = around(plain_if(), kTwo, kTwo);
  graph.nodes[1].name = "l.1";
  add(graph, "l_1", plain_if());
  graph.edges = {{"input", "l.1"}, {"l.1", "l_1"}, {"l_1", "output"}};
  EXPECT_THAT(found(graph, "norse"), ElementsAre("misreads l_1 name-collision"));
  rename_portable(graph);
  EXPECT_THAT(found(graph, "norse"), IsEmpty());
}

TEST(NirLint, WhatThePackageRefusesIsFixedWhereItCan) {
  const Conv2d depthwise{pair_tensor(4, 4), filled({2, 1, 3, 3}, 1), int_tensor(1),
                         pair_tensor(1, 1), int_tensor(1),           int_tensor(2),
                         filled(kTwo, 0)};
  Graph graph = around(depthwise, {2, 4, 4}, {2, 4, 4});
  EXPECT_THAT(found(graph, "nir"), ElementsAre("refuses node type-check"));
  EXPECT_TRUE(lint(graph, "nir").front().fixable);
  Diagnostics diagnostics;
  ASSERT_TRUE(make_portable(graph, diagnostics).has_value());
  EXPECT_THAT(found(graph, "nir"), IsEmpty());
}

TEST(NirLint, NoGraphBreaksAnyRule) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Graph graph = test::random_nir({.seed = seed}).graph;
    for (const Reader& reader : lint_readers()) {
      for (const Finding& finding : lint(graph, reader.name)) {
        EXPECT_FALSE(finding.rule.empty() || finding.message.empty() || finding.help.empty());
        EXPECT_EQ(finding.reader, reader.name);
      }
    }
  }
}

std::vector<std::string> differences(const Graph& a, const Graph& b) {
  std::vector<std::string> words;
  for (const Difference& each : diff(a, b)) {
    words.push_back(fmt::format("{}: {} {} {}", each.place, kind_word(each.kind), each.absolute,
                                each.relative));
  }
  return words;
}

TEST(NirDiff, SaysWhatIsDifferent) {
  const Graph a = around(plain_lif(), kTwo, kTwo);
  EXPECT_THAT(differences(a, a), IsEmpty());
  Graph b = a;
  auto& lif = std::get<LIF>(b.find("node")->primitive);
  lif.tau = Tensor::from<float>(kTwo, {10, 12.5f});
  lif.r = Tensor::scalar(1.0);
  lif.v_reset = filled(kTwo, 0);
  add(b, "more", Scale{filled(kTwo, 1)});
  connect(b, "input", "more");
  EXPECT_THAT(
      differences(a, b),
      ElementsAre("more: only in the second 0 0", "node/tau: other values 2.5 0.2",
                  "node/r: another form 0 0", "edge input -> more: only in the second 0 0"));
}

TEST(NirDiff, OtherTypesAndNestedGraphsAreSeen) {
  Graph inner = around(plain_if(), kTwo, kTwo);
  Graph other = around(plain_lif(), kTwo, kTwo);
  set(other.metadata, "note", std::string("x"));
  EXPECT_THAT(differences(around(inner, kTwo, kTwo), around(other, kTwo, kTwo)),
              ElementsAre("node/node: another type 0 0", "node/metadata: other metadata 0 0"));
}

TEST(NirDiff, RewritesOfFormHaveNoOtherValues) {
  Graph graph = around(IF{filled({}, 1), filled({1}, 2), {}}, kTwo, kTwo);
  Graph full = graph;
  Diagnostics diagnostics;
  ASSERT_TRUE(make_portable(full, diagnostics).has_value());
  EXPECT_THAT(differences(graph, full),
              ElementsAre("node/r: another form 0 0", "node/v_threshold: another form 0 0"));
}

}  // namespace
}  // namespace neurotool::nir
