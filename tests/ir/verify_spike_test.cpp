// For each invariant of a spiking graph, the ways to break it and what verify says then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <set>

#include "ir/verify.hpp"
#include "support/graphs.hpp"

namespace neurotool {
namespace {

using test::small_cnn;
using test::small_integer_mlp;
using test::small_mlp;
using test::spike_model;

struct Case {
  std::string_view invariant;
  std::string_view message;  ///< a part of it
  std::function<SpikeGraph()> make;
};

/// A broken copy of a good graph.
std::function<SpikeGraph()> with(SpikeGraph (*make)(), std::function<void(SpikeGraph&)> change) {
  return [=] {
    SpikeGraph graph = make();
    change(graph);
    return graph;
  };
}

Firing& firing(SpikeGraph& graph, std::string_view name) {
  return *firing_of(graph[graph.find(name)].neuron);
}

template <class Kind>
Kind& kind(SpikeGraph& graph, std::size_t projection) {
  return std::get<Kind>(graph.projections[projection].connectivity);
}

Sparse sparse(std::vector<std::int64_t> begin, std::vector<std::int32_t> targets) {
  Sparse made;
  const auto rows = std::ssize(begin), synapses = std::ssize(targets);
  made.row_begin = Tensor::from({rows}, std::move(begin));
  made.targets = Tensor::from({synapses}, std::move(targets));
  made.weight = Tensor::from({synapses}, std::vector<float>(static_cast<std::size_t>(synapses)));
  return made;
}

/// The small network with its pool replaced; the window is that of the pool.
auto with_max_pool(MaxPool2d pool) {
  pool.kernel = pool.stride = {2, 2};
  return with(small_cnn, [pool](SpikeGraph& g) { g.projections[1].connectivity = pool; });
}

/// The small network with a coded input.
auto with_encoder(Encoder encoder, bool held = false) {
  return with(small_cnn, [=](SpikeGraph& g) {
    Input input;
    input.held = held;
    input.encoder = encoder;
    g.populations[0].neuron = input;
  });
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"unique-names", "two populations are named 'image'",
       with(small_mlp, [](SpikeGraph& g) { g.populations[1].name = "image"; })},
      {"unique-names", "two projections are named 'image_to_hidden'",
       with(small_mlp, [](SpikeGraph& g) { g.projections[1].name = "image_to_hidden"; })},
      {"names", "'1st' is no name for a population",
       with(small_mlp, [](SpikeGraph& g) { g.populations[0].name = "1st"; })},
      {"names", "'a/b' is no name for a projection",
       with(small_mlp, [](SpikeGraph& g) { g.projections[0].name = "a/b"; })},
      {"names", "'' is no name for a population",
       with(small_mlp, [](SpikeGraph& g) { g.populations[0].name = ""; })},
      {"references", "names population number 7 of 3",
       with(small_mlp, [](SpikeGraph& g) { g.projections[1].source = {7}; })},
      {"references", "names the removed population 'hidden'",
       with(small_mlp, [](SpikeGraph& g) { g.populations[1].removed = true; })},
      {"population-shapes", "has shape [0], which is not 1 to 2147483647 neurons",
       with(small_mlp, [](SpikeGraph& g) { g.populations[0].shape = {0}; })},
      {"population-shapes", "has shape []",
       with(small_mlp, [](SpikeGraph& g) { g.populations[0].shape = {}; })},
      {"population-shapes", "has shape [65536,65536]",
       with(small_mlp,
            [](SpikeGraph& g) {
              g.populations[0].shape = {65536, 65536};
            })},
      {"edge-shapes", "a dense weight [3,2] does not fit a source [5]",
       with(small_mlp, [](SpikeGraph& g) { g.populations[0].shape = {5}; })},
      {"edge-shapes", "a dense weight [2,3] does not fit a target [4]",
       with(small_mlp, [](SpikeGraph& g) { g.populations[2].shape = {4}; })},
      {"edge-shapes", "a conv2d from [1,4,4] makes [2,3,3], not [2,2,2]",
       with(small_cnn,
            [](SpikeGraph& g) {
              kind<Conv2d>(g, 0).stride = {1, 1};
            })},
      {"edge-shapes", "a window of 3 does not fit into the padded extent 2 of axis 1",
       with(small_cnn,
            [](SpikeGraph& g) {
              kind<SumPool2d>(g, 1).kernel = {3, 2};
            })},
      {"edge-shapes", "sum_pool2d weight of shape [3] fits neither [] nor [2]",
       with(small_cnn,
            [](SpikeGraph& g) {
              kind<SumPool2d>(g, 1).weight = Tensor::from<float>({3}, {1, 1, 1});
            })},
      {"edge-shapes", "a max_pool2d of kernel [2,2] would have windows of padding alone",
       with(small_cnn,
            [](SpikeGraph& g) {
              g.projections[1].connectivity =
                  MaxPool2d{.kernel = {2, 2}, .stride = {2, 2}, .padding = {2, 0, 0, 0}};
            })},
      {"settings", "an encoder belongs to a coded input that is given step by step",
       with_encoder({.coding = Coding::kPoisson}, true)},
      {"settings", "full_scale = -1 is not above 0",
       with_encoder({.coding = Coding::kRate, .full_scale = -1})},
      {"settings", "least_change = -0.5 is below 0",
       with_encoder({.coding = Coding::kDelta, .least_change = -0.5f})},
      {"settings", "0 planes with coding bitplane; bitplane has 1 to 16, others 0",
       with_encoder({.coding = Coding::kBitplane})},
      {"settings", "coding ttfs spreads one value over all steps, and takes no frames",
       with_encoder({.coding = Coding::kLatency, .takes_frames = true})},
      {"settings", "1 channels do not hold 2 for each channel of a sample",
       with_encoder({.coding = Coding::kRate, .splits_signs = true})},
      {"settings", "base 3 is neither 1 nor 2", with_max_pool({.base = 3})},
      {"settings", "a pool from step 4 to step 4 never works",
       with_max_pool({.begin = 4, .end = 4})},
      {"settings", "a pool of base 2 needs an end", with_max_pool({.base = 2})},
      {"settings", "a pool of base 2 works for 25 steps, and at most 24 are possible",
       with_max_pool({.base = 2, .begin = 1, .end = 26})},
      {"edge-shapes", "8 neurons cannot go one to one to 2",
       with(small_cnn, [](SpikeGraph& g) { g.projections[3].target = {2}; })},
      {"edge-shapes", "a one_to_one weight [3] does not fit a target [2,2,2]",
       with(small_cnn,
            [](SpikeGraph& g) {
              kind<OneToOne>(g, 3).weight = Tensor::from<float>({3}, {1, 1, 1});
            })},
      {"edge-shapes", "row_begin does not rise from 0 to the 2 synapses",
       with(small_mlp,
            [](SpikeGraph& g) {
              g.projections[0].connectivity = sparse({0, 3, 2}, {0, 1});
            })},
      {"edge-shapes", "the targets of source neuron 0 do not rise within 0 to 2",
       with(small_mlp,
            [](SpikeGraph& g) {
              g.projections[0].connectivity = sparse({0, 2, 2}, {1, 1});
            })},
      {"edge-shapes", "the targets of source neuron 1 do not rise within 0 to 2",
       with(small_mlp,
            [](SpikeGraph& g) {
              g.projections[0].connectivity = sparse({0, 1, 2}, {1, 3});
            })},
      {"edge-shapes", "needs row_begin i64[3]",
       with(small_mlp, [](SpikeGraph& g) { g.projections[0].connectivity = Sparse{}; })},
      {"delays", "the cycle 'conv' has no delay",
       with(small_cnn, [](SpikeGraph& g) { g.projections[3].delay_steps = 0; })},
      {"delays", "the cycle 'conv' -> 'pool' has no delay",
       with(small_cnn,
            [](SpikeGraph& g) {
              g.connect({2}, {1}, build::dense(8, 2, std::vector<float>(16, 1.0f)));
            })},
      {"roles", "leads into the input 'image', whose values come from outside",
       with(small_mlp,
            [](SpikeGraph& g) {
              g.connect({1}, {0}, build::dense(2, 3, std::vector<float>(6, 1.0f)), 1);
            })},
      {"roles", "leaves 'readout' (li), which never fires",
       with(small_mlp,
            [](SpikeGraph& g) {
              g.connect({2}, {1}, build::dense(3, 2, std::vector<float>(6, 1.0f)), 1);
            })},
      {"roles", "ends at port 1 of 'hidden' (if), which has port 0 only",
       with(small_mlp, [](SpikeGraph& g) { g.projections[0].target_port = 1; })},
      {"outputs", "none of the 3 populations is an output",
       with(small_mlp, [](SpikeGraph& g) { g.populations[2].output = false; })},
      {"outputs", "no input leads to the output 'readout'",
       with(small_mlp, [](SpikeGraph& g) { g.remove(ProjectionId{1}); })},
      {"required-parameters", "population 'hidden' (if) has no threshold",
       with(small_mlp, [](SpikeGraph& g) { firing(g, "hidden").threshold = {}; })},
      {"required-parameters", "population 'hidden' (cuba_lif) has no current_decay",
       with(small_mlp,
            [](SpikeGraph& g) {
              CubaLif cuba{.firing = firing(g, "hidden")};
              cuba.decay = Tensor::scalar(0.5f);
              g.populations[1].neuron = cuba;
            })},
      {"thresholds", "element 0 of the threshold of 'hidden' is 0, not above 0",
       with(small_mlp,
            [](SpikeGraph& g) { firing(g, "hidden").threshold = Tensor::scalar(0.0f); })},
      {"thresholds", "element 1 of the threshold of 'conv' is -1, not above 0",
       with(small_cnn,
            [](SpikeGraph& g) {
              firing(g, "conv").threshold = Tensor::from<float>({2}, {1, -1});
            })},
      {"thresholds", "leaves 32 bits in a train of 8 bits",
       with(small_integer_mlp,
            [](SpikeGraph& g) {
              firing(g, "hidden").threshold = Tensor::scalar(std::int32_t{1} << 24);
              firing(g, "hidden").radix_bits = 8;
            })},
      {"parameter-shapes", "threshold of 'conv' has shape [3], which is none of [], [2], [2,2,2]",
       with(small_cnn,
            [](SpikeGraph& g) {
              firing(g, "conv").threshold = Tensor::from<float>({3}, {1, 1, 1});
            })},
      {"parameter-shapes", "payload_value of 'conv' has shape [2,2,2], which is none of [], [2]",
       with(small_cnn,
            [](SpikeGraph& g) {
              g.populations[1].payload_value =
                  Tensor::from<float>({2, 2, 2}, std::vector<float>(8, 1));
            })},
      {"parameter-shapes", "bias of 'readout' has shape [1]",
       with(small_mlp,
            [](SpikeGraph& g) { g.populations[2].bias = Tensor::from<float>({1}, {1}); })},
      {"element-types", "threshold of 'hidden' is i32, not f32, in float32 arithmetic",
       with(
           small_mlp,
           [](SpikeGraph& g) { firing(g, "hidden").threshold = Tensor::scalar(std::int32_t{1}); })},
      {"element-types", "weight of 'image_to_hidden' is i64, not i8, i16 or i32, in integer",
       with(small_integer_mlp,
            [](SpikeGraph& g) {
              auto& weight = kind<Dense>(g, 0).weight;
              weight = weight.converted(DType::kInt64);
            })},
      {"element-types", "membrane_value of 'readout' is i32, not f32 or f64",
       with(small_integer_mlp,
            [](SpikeGraph& g) {
              g.populations[2].membrane_value = Tensor::scalar(std::int32_t{1});
            })},
      {"quantisation", "element 3 is 64, outside the -64 to 63 of 7 bits",
       with(small_integer_mlp,
            [](SpikeGraph& g) {
              auto& weight = kind<Dense>(g, 0).weight;
              weight = weight.with_quantization({.scales = {1}, .zero_point = 0, .bits = 7});
            })},
      {"quantisation", "2 scales fit neither 1 nor 3 channels",
       with(small_integer_mlp,
            [](SpikeGraph& g) {
              auto& weight = kind<Dense>(g, 0).weight;
              weight = weight.with_quantization({.scales = {1, 2}});
            })},
      {"quantisation", "a scale is not a finite number above 0",
       with(small_integer_mlp,
            [](SpikeGraph& g) {
              auto& weight = kind<Dense>(g, 0).weight;
              weight = weight.with_quantization({.scales = {0}});
            })},
      {"quantisation", "9 bits are not stored as i8",
       with(small_integer_mlp,
            [](SpikeGraph& g) {
              auto& weight = kind<Dense>(g, 0).weight;
              weight = weight.with_quantization({.scales = {1}, .zero_point = 0, .bits = 9});
            })},
      {"finite", "element 2 of weight of 'image_to_hidden' is nan",
       with(small_mlp,
            [](SpikeGraph& g) {
              const float nan = std::numeric_limits<float>::quiet_NaN();
              kind<Dense>(g, 0) = build::dense(3, 2, std::vector<float>{0, 0, nan, 0, 0, 0});
            })},
      {"finite", "element 0 of bias of 'hidden' is inf",
       with(small_mlp,
            [](SpikeGraph& g) {
              g.populations[1].bias = Tensor::scalar(std::numeric_limits<float>::infinity());
            })},
      {"finite", "a step lasts nan seconds",
       with(small_mlp,
            [](SpikeGraph& g) { g.dt_seconds = std::numeric_limits<double>::quiet_NaN(); })},
      {"real-values", "element 0 of payload_value of 'hidden' is 0",
       with(small_mlp,
            [](SpikeGraph& g) { g.populations[1].payload_value = Tensor::scalar(0.0f); })},
      {"settings", "a step emits 1 to 1",
       with(small_mlp, [](SpikeGraph& g) { firing(g, "hidden").emission.min_per_step = 1; })},
      {"settings", "a net count of 0 to -1 leaves out 0",
       with(small_mlp, [](SpikeGraph& g) { firing(g, "hidden").emission.max_total = -1; })},
      {"settings", "has no step",
       with(small_mlp, [](SpikeGraph& g) { firing(g, "hidden").window.fire_end = 0; })},
      {"settings", "radix_bits = 25 is more than 24",
       with(small_mlp, [](SpikeGraph& g) { firing(g, "hidden").radix_bits = 25; })},
      {"settings", "a reset_value is given, but the reset subtracts",
       with(small_mlp,
            [](SpikeGraph& g) { firing(g, "hidden").reset_value = Tensor::scalar(0.0f); })},
      {"settings", "decay_shift = 1 is more than 0",
       with(small_mlp,
            [](SpikeGraph& g) { std::get<Li>(g.populations[2].neuron).decay_shift = 1; })},
      {"settings", "bits = 8 is more than 0",
       with(small_mlp, [](SpikeGraph& g) { std::get<Input>(g.populations[0].neuron).bits = 8; })},
      {"settings", "an input has no current that a bias could join",
       with(small_mlp, [](SpikeGraph& g) { g.populations[0].bias = Tensor::scalar(1.0f); })},
      {"settings", "a delay of 65536 steps is more than 65535",
       with(small_mlp, [](SpikeGraph& g) { g.projections[0].delay_steps = 65536; })},
      {"settings", "shift = 1 is more than 0",
       with(small_mlp, [](SpikeGraph& g) { g.projections[0].shift = 1; })},
  };
  return all;
}

TEST(VerifySpike, AcceptsGoodGraphs) {
  EXPECT_EQ(test::violations(spike_model(small_mlp())), std::vector<std::string>{});
  EXPECT_EQ(test::violations(spike_model(small_integer_mlp())), std::vector<std::string>{});
  EXPECT_EQ(test::violations(spike_model(small_cnn())), std::vector<std::string>{});
}

TEST(VerifySpike, NamesWhatIsBroken) {
  for (const Case& broken : cases()) {
    Diagnostics diagnostics;
    verify(spike_model(broken.make()), diagnostics);
    const std::string code = "verify." + std::string(broken.invariant);
    const auto found = diagnostics.all();
    const bool hit = std::ranges::any_of(found, [&](const Diagnostic& d) {
      return d.code == code && d.message.find(broken.message) != std::string::npos;
    });
    std::string all;
    for (const Diagnostic& d : found) all += to_string(d);
    EXPECT_TRUE(hit) << code << ": " << broken.message << "\nfound:\n" << all;
  }
}

TEST(VerifySpike, EveryInvariantHasACase) {
  std::set<std::string_view> tested;
  for (const Case& broken : cases()) tested.insert(broken.invariant);
  for (const Invariant& invariant : invariants()) {
    if (invariant.level == Level::kSpike) {
      EXPECT_TRUE(tested.contains(invariant.name)) << invariant.name;
    }
  }
}

TEST(VerifySpike, EveryInvariantHasAPage) {
  const std::filesystem::path docs =
      std::filesystem::path(NEUROTOOL_TESTS_DIR) / ".." / "docs" / "diagnostics";
  for (const Invariant& invariant : invariants()) {
    EXPECT_TRUE(std::filesystem::exists(docs / ("verify." + std::string(invariant.name) + ".md")))
        << invariant.name;
    EXPECT_FALSE(invariant.summary.empty());
  }
}

TEST(VerifySpike, PointsAtThePopulationAndItsOrigins) {
  SpikeGraph graph = small_cnn();
  firing(graph, "conv").threshold = {};
  Model model = spike_model(graph);
  model.path = "net.onnx";
  Diagnostics diagnostics;
  verify(model, diagnostics);
  const Error found = diagnostics.first_error();
  EXPECT_EQ(found.at, Location(ModelNode{"", "conv"}));
  ASSERT_EQ(found.notes.size(), 2u);
  EXPECT_EQ(found.notes[0].at, Location(ModelNode{"net.onnx", "/features/0/Conv"}));
}

TEST(VerifySpike, SurvivesAGraphWithEverythingWrong) {
  SpikeGraph graph = small_cnn();
  for (Population& population : graph.populations) population.shape = {-3, 7};
  for (Projection& projection : graph.projections) projection.target = {99};
  graph.projections[0].connectivity = Sparse{};
  EXPECT_GE(test::violations(spike_model(graph)).size(), 8u);
}

}  // namespace
}  // namespace neurotool
