// The table of the trainer's library: stochastic gradient descent with momentum on a Network. Every
// function limits libtorch to the recipe's threads and lets no exception out.
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/types.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "train/torch/network.hpp"

namespace neurotool::train {

struct Trainer {
  Trainer(const NetworkView& view, const Recipe& given)
      : recipe(given), network(view, given), velocity(network.parameters().size()) {}
  Recipe recipe;
  Network network;
  std::vector<at::Tensor> velocity;  ///< by parameter; undefined until its first step
};

namespace {

class ThreadLimit {
 public:
  explicit ThreadLimit(std::int32_t threads) : before_(at::get_num_threads()) {
    at::set_num_threads(std::max(threads, 1));
  }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;
  ~ThreadLimit() { at::set_num_threads(before_); }

 private:
  int before_;
};

void tell(Message message, std::string_view text) {
  if (message.text == nullptr || message.capacity == 0) return;
  // libtorch adds where in its sources the exception was thrown.
  text = text.substr(0, text.find('\n'));
  const std::size_t count = std::min(text.size(), message.capacity - 1);
  std::memcpy(message.text, text.data(), count);
  message.text[count] = '\0';
}

/// What `body` returns, or nothing when it throws; the message then says what.
template <class Body>
auto guarded(std::int32_t threads, Message message, const Body& body) -> decltype(body()) {
  try {
    const ThreadLimit limit(threads);
    return body();
  } catch (const c10::Error& problem) {
    tell(message, problem.what_without_backtrace());
  } catch (const std::exception& problem) {
    tell(message, problem.what());
  } catch (...) {
    tell(message, "an exception of unknown type");
  }
  return {};
}

struct Judged {
  at::Tensor loss;
  std::int64_t correct = 0;
};

Judged judge(Trainer& trainer, const BatchView& batch, bool follow) {
  const at::Tensor logits = trainer.network.run(trainer.network.samples_of(batch), follow);
  const at::Tensor labels =
      at::from_blob(const_cast<std::int32_t*>(batch.labels), {batch.count}, at::kInt).to(at::kLong);
  return {at::cross_entropy_loss(logits, labels),
          at::argmax(logits.detach(), 1).eq(labels).sum().item<std::int64_t>()};
}

StepResult result_of(const Judged& judged) {
  return {.loss = judged.loss.item<double>(), .correct = judged.correct};
}

void forget_gradients(Trainer& trainer) {
  for (auto& parameter : trainer.network.parameters()) parameter.stored.mutable_grad().reset();
}

double gradient_norm(Trainer& trainer) {
  double sum = 0;
  for (const auto& parameter : trainer.network.parameters()) {
    if (!parameter.stored.grad().defined()) continue;
    const double norm = parameter.stored.grad().norm().item<double>();
    sum += norm * norm;
  }
  return std::sqrt(sum);
}

/// The derivative of ½ value² by what is stored: weight decay for thresholds too.
at::Tensor decay_of(const Trainer& trainer, const Network::Parameter& parameter) {
  if (parameter.role != ParameterRole::kThreshold) return parameter.stored;
  if (trainer.recipe.activation == Activation::kSpiking) return (2 * parameter.stored).exp();
  return at::softplus(parameter.stored, 1, 20) * at::sigmoid(parameter.stored);
}

void descend(Trainer& trainer, double rate) {
  const at::NoGradGuard guard;
  const Recipe& recipe = trainer.recipe;
  const double norm = recipe.clip_norm > 0 ? gradient_norm(trainer) : 0;
  const double factor = norm > recipe.clip_norm ? recipe.clip_norm / norm : 1;
  auto& parameters = trainer.network.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor& stored = parameters[i].stored;
    if (!stored.grad().defined()) continue;
    const at::Tensor gradient =
        stored.grad() * factor + decay_of(trainer, parameters[i]) * recipe.weight_decay;
    at::Tensor& velocity = trainer.velocity[i];
    velocity = velocity.defined() ? velocity * recipe.momentum + gradient : gradient;
    const bool is_threshold = parameters[i].role == ParameterRole::kThreshold;
    stored.sub_(velocity * (is_threshold ? rate * recipe.threshold_rate : rate));
  }
}

Trainer* create(const NetworkView* network, const Recipe* recipe, Message message) {
  return guarded(recipe->threads, message,
                 [&] { return std::make_unique<Trainer>(*network, *recipe); })
      .release();
}

void destroy(Trainer* trainer) { delete trainer; }

int step(Trainer* trainer, const BatchView* batch, double rate, StepResult* result,
         Message message) {
  return guarded(trainer->recipe.threads, message, [&] {
    forget_gradients(*trainer);
    const Judged judged = judge(*trainer, *batch, true);
    *result = result_of(judged);
    if (!std::isfinite(result->loss)) throw std::domain_error("the loss is not finite");
    judged.loss.backward();
    descend(*trainer, rate);
    return 1;
  });
}

int evaluate(Trainer* trainer, const BatchView* batch, StepResult* result, Message message) {
  return guarded(trainer->recipe.threads, message, [&] {
    const at::NoGradGuard guard;
    *result = result_of(judge(*trainer, *batch, false));
    return 1;
  });
}

int forward(Trainer* trainer, const BatchView* batch, float* logits, Message message) {
  return guarded(trainer->recipe.threads, message, [&] {
    const at::NoGradGuard guard;
    const at::Tensor found =
        trainer->network.run(trainer->network.samples_of(*batch), false).contiguous();
    std::memcpy(logits, found.data_ptr<float>(), found.nbytes());
    return 1;
  });
}

int gradient(Trainer* trainer, const BatchView* batch, std::int32_t parameter, float* out,
             Message message) {
  return guarded(trainer->recipe.threads, message, [&] {
    forget_gradients(*trainer);
    judge(*trainer, *batch, false).loss.backward();
    const auto& wanted = trainer->network.parameters().at(static_cast<std::size_t>(parameter));
    at::Tensor found = wanted.stored.grad();
    if (!found.defined()) throw std::invalid_argument("the parameter has no gradient");
    if (wanted.role == ParameterRole::kThreshold) {
      const at::NoGradGuard guard;
      // Chain rule backwards: by the threshold instead of what is stored.
      found =
          found / (trainer->recipe.activation == Activation::kSpiking ? wanted.stored.exp()
                                                                      : at::sigmoid(wanted.stored));
    }
    found = found.contiguous();
    std::memcpy(out, found.data_ptr<float>(), found.nbytes());
    forget_gradients(*trainer);
    return 1;
  });
}

int read(Trainer* trainer, std::int32_t parameter, float* out, Message message) {
  return guarded(trainer->recipe.threads, message, [&] {
    const at::NoGradGuard guard;
    const at::Tensor found =
        trainer->network.value_of(static_cast<std::size_t>(parameter)).contiguous();
    std::memcpy(out, found.data_ptr<float>(), found.nbytes());
    return 1;
  });
}

int write(Trainer* trainer, std::int32_t parameter, const float* values, Message message) {
  return guarded(trainer->recipe.threads, message, [&] {
    const auto place = static_cast<std::size_t>(parameter);
    const at::Tensor& stored = trainer->network.parameters().at(place).stored;
    trainer->network.set(place,
                         at::from_blob(const_cast<float*>(values), stored.sizes(), at::kFloat));
    return 1;
  });
}

constexpr TrainerApi kTable{.version = kTrainerVersion,
                            .engine = "libtorch " TORCH_VERSION,
                            .create = create,
                            .destroy = destroy,
                            .step = step,
                            .evaluate = evaluate,
                            .forward = forward,
                            .gradient = gradient,
                            .read = read,
                            .write = write};

}  // namespace
}  // namespace neurotool::train

extern "C" __attribute__((visibility("default"))) const neurotool::train::TrainerApi*
neurotool_trainer() {
  return &neurotool::train::kTable;
}
