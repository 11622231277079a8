// Every exhibit is written once and grown in both arithmetics: floats between -1 and 1, or whole
// numbers around them times 16. What a neuron does with them is docs/models.md; each exhibit says
// in its subject what it is there for.

#include "target/check/zoo.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.hpp"
#include "target/check/zoo_grower.hpp"

namespace neurotool::conformance {
namespace {

void one_neuron(Grower& g) {
  const PopulationId in = g.input({1});
  g.join_dense(in, g.add("out", {1}, If{g.firing(0.25)}, true));
}

void dense(Grower& g) {
  const PopulationId in = g.input({6});
  const PopulationId a = g.add("hidden_1", {9}, If{g.firing(1, 0.5)});
  const PopulationId b = g.add("hidden_2", {7}, If{g.firing(0.75)});
  const PopulationId out = g.readout(4);
  g.join_dense(in, a);
  g.join_dense(a, b);
  g.join_dense(b, out);
}

void parameters_per_neuron(Grower& g) {
  const PopulationId in = g.input({5});
  Firing firing = g.firing(1);
  firing.threshold = g.list({8}, 0.25, 2);
  firing.initial_membrane = g.list({8}, -0.5, 0.5);
  const PopulationId hidden = g.add("hidden", {8}, If{std::move(firing)});
  g.graph()[hidden].bias = g.list({8}, -0.25, 0.5);
  const PopulationId out = g.readout(3);
  g.graph()[out].bias = g.list({3}, -0.5, 0.5);
  g.join_dense(in, hidden);
  g.join_dense(hidden, out);
}

void events(Grower& g) {
  const PopulationId in = g.input({10}, false);
  const PopulationId hidden = g.add("hidden", {6}, If{g.firing(1)});
  g.join_dense(in, hidden);
  g.join_dense(hidden, g.readout(3));
}

void leaky(Grower& g) {
  const PopulationId in = g.input({6});
  Lif lif{g.firing(0.75), g.decay(0.875), g.decay_shift(), Rounding::kFloor};
  const PopulationId hidden = g.add("hidden", {8}, std::move(lif));
  Li li;
  li.decay = g.decay(0.5);
  li.decay_shift = g.decay_shift();
  li.rounding = Rounding::kTowardZero;
  g.join_dense(in, hidden);
  g.join_dense(hidden, g.add("out", {3}, std::move(li), true));
}

void synaptic_current(Grower& g) {
  const PopulationId in = g.input({6}, false);
  CubaLif cuba{g.firing(0.75),  g.decay(0.875),  g.decay(0.5),
               g.decay_shift(), g.decay_shift(), Rounding::kTowardZero};
  const PopulationId hidden = g.add("hidden", {8}, std::move(cuba));
  g.join_dense(in, hidden);
  g.join_dense(hidden, g.readout(3));
}

void hard_reset(Grower& g) {
  const PopulationId in = g.input({6});
  Firing firing = g.firing(0.5);
  firing.reset = Reset::kToValue;
  firing.reset_value = g.scalar(-0.25);
  const PopulationId hidden = g.add("hidden", {8}, If{std::move(firing)});
  g.join_dense(in, hidden);
  g.join_dense(hidden, g.readout(3));
}

void bursts_and_signs(Grower& g) {
  const PopulationId in = g.input({6});
  Firing burst = g.firing(0.25);
  burst.emission.max_per_step = 4;
  Firing ternary = g.firing(0.5);
  ternary.emission.min_per_step = -1;
  ternary.emission.min_total = -3;
  ternary.emission.max_total = 5;
  const PopulationId a = g.add("burst", {8}, If{std::move(burst)});
  const PopulationId b = g.add("signed", {6}, If{std::move(ternary)});
  g.join_dense(in, a);
  g.join_dense(a, b);
  g.join_dense(b, g.readout(3));
}

void two_windows(Grower& g) {
  const PopulationId in = g.input({6}, false);
  Firing firing = g.firing(1);
  firing.window = {0, 4, 4, 8};
  const PopulationId hidden = g.add("hidden", {8}, If{std::move(firing)});
  g.graph()[hidden].bias = g.scalar(0.5);
  g.graph()[hidden].bias_timing = BiasTiming::kLastStep;
  g.join_dense(in, hidden);
  g.join_dense(hidden, g.readout(3));
}

void radix(Grower& g) {
  const PopulationId in = g.input({6}, false);
  Firing firing = g.firing(0.25);
  firing.radix_bits = 4;
  firing.window = {0, 4, 4, 8};
  const PopulationId hidden = g.add("hidden", {8}, If{std::move(firing)});
  Lif doubling{g.firing(2), g.decay(2), g.decay_shift(), Rounding::kFloor};
  g.join_dense(in, hidden);
  g.join_dense(hidden, g.add("out", {3}, std::move(doubling), true));
}

void convolution(Grower& g) {
  const PopulationId in = g.input({2, 6, 5});
  Firing firing = g.firing(1, 0.5);
  firing.threshold = g.list({4}, 0.5, 1.5);
  const PopulationId a = g.add("conv_1", {4, 3, 5}, If{std::move(firing)});
  const PopulationId b = g.add("conv_2", {4, 3, 3}, If{g.firing(0.75)});
  const PopulationId out = g.readout(3);
  Conv2d first{g.weights({4, 2, 3, 3})};
  first.stride = {2, 1};
  first.padding = {1, 1, 0, 1};
  Conv2d second{g.weights({4, 2, 3, 2})};
  second.padding = {1, 0, 1, 0};
  second.dilation = {1, 2};
  second.groups = 2;
  g.graph().connect(in, a, std::move(first));
  g.graph().connect(a, b, std::move(second));
  g.join_dense(b, out);
}

void pooling(Grower& g) {
  const PopulationId in = g.input({3, 4, 4});
  const PopulationId a = g.add("cells", {3, 4, 4}, If{g.firing(0.5)});
  const PopulationId pool = g.add("pool", {3, 2, 2}, Relay{});
  g.graph().connect(in, a, OneToOne{g.weights({}, 0.5, 1)});
  SumPool2d sum;
  sum.kernel = {2, 2};
  sum.stride = {2, 2};
  g.graph().connect(a, pool, sum);
  g.join_dense(pool, g.readout(4));
}

/// The windows overlap and reach into the padding; the second pool hears sums that may be negative.
void max_pooling(Grower& g) {
  const PopulationId in = g.input({3, 5, 4});
  const PopulationId cells = g.add("cells", {3, 5, 4}, If{g.firing(0.5)});
  const PopulationId spikes = g.add("largest_spikes", {3, 3, 2}, Relay{});
  const PopulationId sums = g.add("sums", {2, 3, 2}, Relay{});
  const PopulationId after = g.add("after", {2, 2, 2}, If{g.firing(0.5)});
  g.graph().connect(in, cells, OneToOne{g.weights({}, 0.5, 1)});
  g.graph().connect(cells, spikes,
                    MaxPool2d{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}});
  g.graph().connect(spikes, sums, Conv2d{g.weights({2, 3, 1, 1})});
  g.graph().connect(sums, after, MaxPool2d{.kernel = {2, 1}, .weight = g.scalar(0.5)});
  g.join_dense(after, g.readout(4));
}

/// Trains with the most significant bit first are compared in base 2, while they last.
void max_pooling_of_radix(Grower& g) {
  const PopulationId in = g.input({2, 4, 4}, false);
  Firing firing = g.firing(0.25);
  firing.radix_bits = 4;
  firing.window = {0, 4, 4, 8};
  const PopulationId hidden = g.add("hidden", {2, 4, 4}, If{std::move(firing)});
  const PopulationId pool = g.add("pool", {2, 2, 2}, Relay{});
  g.graph().connect(in, hidden, OneToOne{g.weights({2}, 0.5, 1)});
  g.graph().connect(hidden, pool,
                    MaxPool2d{.kernel = {2, 2},
                              .stride = {2, 2},
                              .padding = {0, 0, 0, 0},
                              .weight = {},
                              .base = 2,
                              .begin = 4,
                              .end = 8});
  g.join_dense(pool, g.readout(3));
}

void shortcut(Grower& g) {
  const PopulationId in = g.input({8});
  const PopulationId a = g.add("first", {8}, If{g.firing(0.5)});
  const PopulationId b = g.add("second", {8}, If{g.firing(0.5)});
  g.join_dense(in, a);
  g.join_dense(a, b);
  g.graph().connect(a, b, OneToOne{g.weights({8})});
  g.join_dense(b, g.readout(3));
}

void listed_synapses(Grower& g) {
  const PopulationId in = g.input({5});
  const PopulationId hidden = g.add("hidden", {6}, If{g.firing(0.5)});
  Sparse sparse;
  sparse.row_begin = Tensor::from<std::int64_t>({6}, {0, 2, 2, 5, 6, 9});
  sparse.targets = Tensor::from<std::int32_t>({9}, {0, 3, 1, 2, 5, 4, 0, 1, 5});
  sparse.weight = g.weights({9});
  g.graph().connect(in, hidden, std::move(sparse));
  g.join_dense(hidden, g.readout(3));
}

void recurrent(Grower& g) {
  const PopulationId in = g.input({5});
  const PopulationId a = g.add("a", {6}, If{g.firing(0.75)});
  const PopulationId b = g.add("b", {4}, If{g.firing(0.5)});
  g.join_dense(in, a);
  g.join_dense(a, a, 1);
  g.join_dense(a, b, 2);
  g.join_dense(b, a, 3);
  g.join_dense(b, g.readout(3));
}

void two_outputs(Grower& g) {
  const PopulationId left = g.input({4});
  const PopulationId right = g.input({3});
  const PopulationId hidden = g.add("hidden", {6}, If{g.firing(0.5)}, true);
  g.join_dense(left, hidden);
  g.join_dense(right, hidden);
  g.join_dense(hidden, g.readout(2));
}

void names_in_utf8(Grower& g) {
  const PopulationId in = g.input({3});
  g.graph()[in].name = "größe";
  const PopulationId hidden = g.add("神经元", {4}, If{g.firing(0.5)});
  g.join_dense(in, hidden);
  g.join_dense(hidden, g.add("ответ", {2}, Li{}, true));
}

void empty(Grower&) {}

struct Exhibit {
  const char* name;
  const char* subject;
  void (*grow)(Grower&);
};
constexpr Exhibit kExhibits[] = {
    {"empty", "no population at all", empty},
    {"one_neuron", "a single synapse", one_neuron},
    {"dense", "three dense layers and a readout", dense},
    {"per_neuron", "thresholds, biases and first potentials of each neuron", parameters_per_neuron},
    {"events", "an input with values of its own for every step", events},
    {"leaky", "leaky neurons and a leaky readout", leaky},
    {"synaptic_current", "neurons with a synaptic current", synaptic_current},
    {"hard_reset", "membranes that fall to a value", hard_reset},
    {"bursts_and_signs", "several spikes per step, negative spikes, bounded counts",
     bursts_and_signs},
    {"two_windows", "a layer that first integrates and then fires", two_windows},
    {"radix", "thresholds that halve from step to step", radix},
    {"convolution", "strides, paddings, dilations and groups", convolution},
    {"pooling", "a pool whose sums pass through a relay", pooling},
    {"max_pooling", "the largest trains of windows, of spikes and of sums", max_pooling},
    {"max_pooling_of_radix", "the largest of trains with the most significant bit first",
     max_pooling_of_radix},
    {"shortcut", "two projections between the same populations", shortcut},
    {"listed_synapses", "synapses in a list", listed_synapses},
    {"recurrent", "loops with delays of one to three steps", recurrent},
    {"two_outputs", "two inputs and two outputs", two_outputs},
    {"names", "names outside ASCII", names_in_utf8},
};

ZooGraph grown(const Exhibit& exhibit, Arithmetic arithmetic) {
  Grower grower(exhibit.name, exhibit.subject, arithmetic);
  exhibit.grow(grower);
  return grower.done();
}

/// Rows [first, first + count) of the outermost axis.
Tensor rows_of(const Tensor& whole, std::uint64_t first, std::uint64_t count) {
  Shape shape = whole.shape();
  NT_CHECK(first + count <= static_cast<std::uint64_t>(shape.front()), "no such samples");
  const std::size_t row_bytes = whole.bytes() / static_cast<std::size_t>(shape.front());
  shape.front() = static_cast<std::int64_t>(count);
  auto owner = std::make_shared<const Tensor>(whole);
  return Tensor(
      whole.dtype(), std::move(shape),
      std::make_shared<const Buffer>(whole.data() + first * row_bytes, count * row_bytes, owner));
}

}  // namespace

const std::vector<ZooGraph>& zoo() {
  static const std::vector<ZooGraph> graphs = [] {
    std::vector<ZooGraph> all;
    for (const Exhibit& exhibit : kExhibits)
      for (const Arithmetic arithmetic : {Arithmetic::kFloat32, Arithmetic::kInteger})
        all.push_back(grown(exhibit, arithmetic));
    return all;
  }();
  return graphs;
}

ZooGraph million_synapses(Arithmetic arithmetic) {
  Grower grower("million_synapses", "a thousand neurons on a thousand", arithmetic);
  grower.exhibit().steps = 4;
  const PopulationId in = grower.input({1000});
  grower.join_dense(in, grower.add("out", {1000}, If{grower.firing(4)}, true));
  return grower.done();
}

const ZooGraph& zoo_graph(std::string_view name) {
  const auto found = std::ranges::find(zoo(), name, &ZooGraph::name);
  NT_CHECK(found != zoo().end(), "the zoo has no such graph");
  return *found;
}

ZooGraph part_of(const ZooGraph& whole, std::uint64_t first, std::uint64_t count) {
  ZooGraph part = whole;
  part.samples = count;
  for (ZooStimulus& stimulus : part.stimuli) stimulus.value = rows_of(stimulus.value, first, count);
  return part;
}

ZooGraph silenced(const ZooGraph& whole) {
  ZooGraph quiet = whole;
  for (ZooStimulus& stimulus : quiet.stimuli) {
    auto zeros = std::make_shared<const std::vector<std::byte>>(stimulus.value.bytes());
    stimulus.value = Tensor(stimulus.value.dtype(), stimulus.value.shape(),
                            std::make_shared<const Buffer>(zeros->data(), zeros->size(), zeros));
  }
  return quiet;
}

}  // namespace neurotool::conformance
