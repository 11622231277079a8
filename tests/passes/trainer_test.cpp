// The trainer itself, where the build has one: gradients against finite differences, the numbers it
// writes back, time steps, determinism, cancelling.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>

#include "base/parallel.hpp"
#include "eval/tensor_eval.hpp"
#include "frontend/frontend.hpp"
#include "frontend/onnx/export.hpp"
#include "passes/networks.hpp"
#include "passes/train/tune.hpp"
#include "passes/train_tools.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

using test::Network;
using test::run_passes;
using train::BatchView;
using train::Recipe;
using train::TrainerApi;

/// Two layers that know nothing yet.
Model untrained() {
  Network net({2, 4, 4}, 5);
  net.conv("conv1", 2, 6, 1, 0.2).relu("relu1").pool("pool").add("flatten", Flatten{});
  net.gemm("fc1", 24, 8, 0.2).relu("relu2").gemm("fc2", 8, 3, 0.3);
  return net.finish("untrained");
}

// Before the tests that load one: what is loaded stays.
TEST(NoTrainer, IsAClearMessage) {
  const test::MemorySamples train = test::labelled_images(100);
  const char* before = ::getenv("NEUROTOOL_TRAINER");
  const std::string kept = before ? before : "";
  ::setenv("NEUROTOOL_TRAINER", "/nowhere/neurotool_trainer.so", 1);
  EXPECT_FALSE(train::has_trainer());
  Model model = untrained();
  const auto run = run_passes(model, "infer_shapes,tune_qcfs{epochs=1,batch=10}", nullptr, &train);
  before ? ::setenv("NEUROTOOL_TRAINER", kept.c_str(), 1) : ::unsetenv("NEUROTOOL_TRAINER");
  ASSERT_FALSE(run.result.has_value());
  EXPECT_EQ(run.result.error().code, "train.no-trainer");
  EXPECT_THAT(run.result.error().message, testing::HasSubstr("has no trainer"));
  EXPECT_THAT(run.result.error().help, testing::HasSubstr("libtorch-dev"));
}

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
#ifdef NEUROTOOL_TRAINER_FILE
    ::setenv("NEUROTOOL_TRAINER", NEUROTOOL_TRAINER_FILE, 1);
#endif
    // Two threads that wait for each other on a busy machine take longer than one.
    set_thread_count(1);
    if (!train::has_trainer()) GTEST_SKIP() << "this build has no trainer (libtorch-dev)";
    const auto api = train::trainer_api();
    ASSERT_TRUE(api.has_value()) << to_string(api.error());
    api_ = *api;
  }

  train::Trainer* create(const train::NetworkPlan& plan, const Recipe& recipe) {
    const train::PlanView view(plan);
    train::Trainer* trainer = api_->create(&view.get(), &recipe, message());
    EXPECT_NE(trainer, nullptr) << text_.data();
    return trainer;
  }
  train::Message message() { return {text_.data(), text_.size()}; }

  const TrainerApi* api_ = nullptr;
  std::array<char, 256> text_{};
};

training::TrainingPlan plan_of(const Model& model) {
  Diagnostics diagnostics;
  auto plan = training::plan_training(model, diagnostics);
  EXPECT_TRUE(plan.has_value()) << to_string(plan.error());
  return *std::move(plan);
}

/// x[3] -> fc1 -> relu -> fc2 -> logits[2].
Model small_mlp() {
  Network net({3});
  net.gemm("fc1", 3, 4, 0.8).relu("relu").gemm("fc2", 4, 2, 0.9);
  return net.finish("small");
}

/// The same network in double precision, with the steps of the activation frozen where they are for
/// the base parameters, so that differences see what a straight-through gradient claims.
struct Reference {
  std::vector<std::vector<double>> parameters;  ///< in the order of the plan
  std::vector<std::vector<double>> base;
  std::vector<double> samples;
  std::vector<int> labels;
  int levels = 4, steps = 4;
  std::size_t threshold = 0, w1 = 0, b1 = 0, w2 = 0, b2 = 0;

  double current(const std::vector<std::vector<double>>& p, std::size_t n, std::size_t o) const {
    double z = p[b1][o];
    for (std::size_t i = 0; i < 3; ++i) z += p[w1][o * 3 + i] * samples[n * 3 + i];
    return z;
  }
  double floor_shift(std::size_t n, std::size_t o) const {
    const double z0 = current(base, n, o), l0 = base[threshold][o];
    const double z = current(parameters, n, o), l = parameters[threshold][o];
    const double q0 = std::clamp(std::floor(z0 * levels / l0 + 0.5) / levels, 0.0, 1.0);
    if (z0 <= 0) return 0;
    if (z0 >= l0) return l;
    return l * (z / l + (q0 - z0 / l0));
  }
  double spiking(std::size_t n, std::size_t o) const {
    const double z0 = current(base, n, o), t0 = base[threshold][o];
    const double z = current(parameters, n, o), t = parameters[threshold][o];
    double v0 = t0 / 2, v = t / 2, sum = 0;
    for (int step = 0; step < steps; ++step) {
      v0 += z0;
      v += z;
      const double u0 = v0 / t0 - 1, u = v / t - 1;
      const double bend = 3.14159265358979323846 * u0;
      const double spike0 = v0 >= t0 ? 1 : 0;
      sum += t * (spike0 + (u - u0) / (1 + bend * bend));
      v0 -= spike0 * t0;
      v -= spike0 * t0;  // the reset is a constant
    }
    return sum / steps;
  }
  double loss(bool through_time) const {
    double total = 0;
    for (std::size_t n = 0; n < labels.size(); ++n) {
      std::array<double, 2> logits{parameters[b2][0], parameters[b2][1]};
      for (std::size_t o = 0; o < 4; ++o) {
        const double a = through_time ? spiking(n, o) : floor_shift(n, o);
        for (std::size_t c = 0; c < 2; ++c) logits[c] += parameters[w2][c * 4 + o] * a;
      }
      const double both = std::exp(logits[0]) + std::exp(logits[1]);
      total += std::log(both) - logits[static_cast<std::size_t>(labels[n])];
    }
    return total / static_cast<double>(labels.size());
  }
};

class GradientTest : public TrainerTest, public testing::WithParamInterface<train::Activation> {};

TEST_P(GradientTest, AgreesWithFiniteDifferencesInTheStraightThroughSense) {
  const bool through_time = GetParam() == train::Activation::kSpiking;
  const Model model = small_mlp();
  training::TrainingPlan plan = plan_of(model);
  plan.network.parameters[plan.sites[0].parameter].data = {0.7f, 0.9f, 1.1f, 0.6f};
  Reference reference;
  RandomStream random(3, "test", "gradient");
  std::vector<float> samples;
  std::vector<std::int32_t> labels;
  for (int n = 0; n < 5; ++n) {
    for (int i = 0; i < 3; ++i) samples.push_back(static_cast<float>(random.normal()));
    labels.push_back(n % 2);
    reference.labels.push_back(n % 2);
  }
  reference.samples.assign(samples.begin(), samples.end());
  for (const auto& parameter : plan.network.parameters) {
    reference.parameters.emplace_back(parameter.data.begin(), parameter.data.end());
  }
  reference.base = reference.parameters;
  reference.threshold = plan.sites[0].parameter;
  const auto& nodes = plan.network.nodes;
  reference.w1 = static_cast<std::size_t>(nodes[0].parameters[0]);
  reference.b1 = static_cast<std::size_t>(nodes[0].parameters[1]);
  reference.w2 = static_cast<std::size_t>(nodes[2].parameters[0]);
  reference.b2 = static_cast<std::size_t>(nodes[2].parameters[1]);

  train::Trainer* trainer = create(plan.network, {.activation = GetParam(), .threshold_rate = 1});
  const BatchView batch{samples.data(), labels.data(), 5};
  train::StepResult result;
  ASSERT_TRUE(api_->evaluate(trainer, &batch, &result, message())) << text_.data();
  EXPECT_NEAR(result.loss, reference.loss(through_time), 1e-5);
  for (std::size_t p = 0; p < plan.network.parameters.size(); ++p) {
    std::vector<float> gradient(plan.network.parameters[p].data.size());
    ASSERT_TRUE(
        api_->gradient(trainer, &batch, static_cast<std::int32_t>(p), gradient.data(), message()))
        << text_.data();
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      constexpr double kStep = 1e-5;
      double& number = reference.parameters[p][i];
      const double before = number;
      number = before + kStep;
      const double above = reference.loss(through_time);
      number = before - kStep;
      const double below = reference.loss(through_time);
      number = before;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 2e-5) << p << ' ' << i;
    }
  }
  api_->destroy(trainer);
}

INSTANTIATE_TEST_SUITE_P(Both, GradientTest,
                         testing::Values(train::Activation::kFloorShift,
                                         train::Activation::kSpiking),
                         [](const auto& tested) {
                           return tested.param == train::Activation::kSpiking ? "Spiking"
                                                                              : "FloorShift";
                         });

std::vector<float> evaluate(const Model& model, const test::MemorySamples& samples) {
  const TensorEvaluator evaluator(model.tensor());
  const Tensor batch = samples.batch(0, samples.size()).value();
  const auto outputs = evaluator.run({&batch, 1});
  EXPECT_TRUE(outputs.has_value()) << to_string(outputs.error());
  const auto logits = outputs->at(0).as<float>();
  return {logits.begin(), logits.end()};
}

TEST_F(TrainerTest, ComputesWhatTheGraphComputesAfterWriteBack) {
  Model model = test::residual_network();
  ASSERT_TRUE(run_passes(model, "infer_shapes").result.has_value());
  training::TrainingPlan plan = plan_of(model);
  for (const auto& site : plan.sites) {
    for (float& threshold : plan.network.parameters[site.parameter].data) threshold = 1.5f;
  }
  const test::MemorySamples samples = test::labelled_images(16);
  train::Trainer* trainer = create(plan.network, {.levels = 6});
  const Tensor batch = samples.batch(0, 16).value();
  const BatchView view{batch.as<float>().data(), samples.labels().data(), 16};
  std::vector<float> logits(16 * 3);
  ASSERT_TRUE(api_->forward(trainer, &view, logits.data(), message())) << text_.data();
  api_->destroy(trainer);
  write_back(model.tensor(), plan, {}, 6);
  model.tensor().compact();
  const std::vector<float> found = evaluate(model, samples);
  ASSERT_EQ(found.size(), logits.size());
  // Rounding can put a value on the other side of a step; nearly all agree to the last digits.
  std::size_t equal = 0;
  for (std::size_t i = 0; i < found.size(); ++i) equal += std::abs(found[i] - logits[i]) < 1e-4;
  EXPECT_GE(equal, found.size() - 6);
}

TEST_F(TrainerTest, TimeStepsMatter) {
  Model model = test::residual_network();
  ASSERT_TRUE(run_passes(model, "infer_shapes").result.has_value());
  const training::TrainingPlan plan = plan_of(model);
  const test::MemorySamples samples = test::labelled_images(8);
  const Tensor batch = samples.batch(0, 8).value();
  const BatchView view{batch.as<float>().data(), samples.labels().data(), 8};
  const auto logits_of = [&](std::int32_t steps) {
    train::Trainer* trainer =
        create(plan.network, {.activation = train::Activation::kSpiking, .steps = steps});
    std::vector<float> logits(8 * 3);
    EXPECT_TRUE(api_->forward(trainer, &view, logits.data(), message())) << text_.data();
    api_->destroy(trainer);
    return logits;
  };
  const auto distance = [](const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(double{a[i]} - double{b[i]});
    return sum;
  };
  const auto one = logits_of(1), four = logits_of(4), many = logits_of(256), more = logits_of(512);
  EXPECT_GT(distance(one, many), 10 * distance(many, more)) << "membranes persist over the steps";
  EXPECT_GT(distance(one, four), 1e-3);
}

double accuracy_of(const Model& model, const test::MemorySamples& samples) {
  const std::vector<float> logits = evaluate(model, samples);
  double correct = 0;
  for (std::size_t i = 0; i < samples.labels().size(); ++i) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(3 * i);
    correct += std::max_element(row, row + 3) - row == samples.labels()[i];
  }
  return correct / static_cast<double>(samples.labels().size());
}

TEST_F(TrainerTest, TuningLearns) {
  const test::MemorySamples train = test::labelled_images(600),
                            other = test::labelled_images(200, 9);
  Model model = untrained();
  const auto run = run_passes(
      model, "infer_shapes,tune_qcfs{epochs=12,batch=20,learning_rate=0.05,held_out=0.1}", nullptr,
      &train);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_GT(run.fact("network", "held_out_accuracy").value_or(0), 0.9);
  EXPECT_GT(accuracy_of(model, other), 0.9);
}

TEST_F(TrainerTest, TuningThroughTimeLearnsToo) {
  const test::MemorySamples train = test::labelled_images(600);
  Model model = untrained();
  const auto run = run_passes(
      model, "infer_shapes,tune_bptt{steps=3,epochs=12,batch=20,learning_rate=0.05,held_out=0.1}",
      nullptr, &train);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_GT(run.fact("network", "held_out_accuracy").value_or(0), 0.9);
}

TEST_F(TrainerTest, TheSameSeedGivesTheSameNetwork) {
  const test::MemorySamples train = test::labelled_images(100);
  const auto tuned = [&](const char* seed) {
    Model model = untrained();
    const auto run = run_passes(
        model, std::string("infer_shapes,tune_qcfs{epochs=2,batch=10,seed=") + seed + "}", nullptr,
        &train);
    EXPECT_TRUE(run.result.has_value());
    return write_onnx(model).value();
  };
  EXPECT_EQ(tuned("4"), tuned("4"));
  EXPECT_NE(tuned("4"), tuned("5"));
}

TEST_F(TrainerTest, ACancelledPassChangesNothing) {
  const test::MemorySamples train = test::labelled_images(100);
  Model model = untrained();
  ASSERT_TRUE(run_passes(model, "infer_shapes").result.has_value());
  const std::string before = write_onnx(model).value();
  Diagnostics diagnostics;
  test::StopAfter progress(12);
  Context context{.diagnostics = diagnostics, .progress = progress, .training = &train};
  const auto result =
      training::tune(model, context, {.pass = "tune_qcfs", .options = {.batch = 10}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, "pass.cancelled");
  EXPECT_EQ(write_onnx(model).value(), before);
  EXPECT_FALSE(context.tuned.has_value());
}

TEST_F(TrainerTest, ATunedNetworkReadsBackFromOnnx) {
  const test::MemorySamples train = test::labelled_images(100);
  Model model = untrained();
  ASSERT_TRUE(run_passes(model, "infer_shapes,tune_qcfs{epochs=1,batch=10}", nullptr, &train)
                  .result.has_value());
  const test::TempFolder folder;
  Diagnostics diagnostics;
  const auto back = load_model(folder.write("tuned.onnx", write_onnx(model).value()), diagnostics);
  ASSERT_TRUE(back.has_value()) << to_string(back.error());
  EXPECT_EQ(evaluate(*back, train), evaluate(model, train));
}

}  // namespace
}  // namespace neurotool
