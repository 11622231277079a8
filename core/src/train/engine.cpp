// Engine over the functions of the trainer's library.
#include "train/engine.hpp"

#include <array>
#include <string>
#include <utility>

#include "base/check.hpp"

namespace neurotool::train {
namespace {

/// Room for the sentence of a function that did not succeed.
class Answer {
 public:
  Message message() { return {text_.data(), text_.size()}; }
  Error error_of() const {
    std::string said(text_.data());
    if (said.empty()) said = "the trainer gives no reason";
    return error(
        "train.step", {}, "the trainer stopped: " + said,
        "a smaller learning_rate keeps the loss finite; a smaller batch needs less memory");
  }

 private:
  std::array<char, 512> text_{};
};

class LibraryEngine final : public Engine {
 public:
  LibraryEngine(const TrainerApi& api, Trainer* trainer, const NetworkPlan& plan)
      : api_(api), trainer_(trainer) {
    for (const NetworkParameter& parameter : plan.parameters) {
      sizes_.push_back(parameter.data.size());
    }
  }
  LibraryEngine(const LibraryEngine&) = delete;
  LibraryEngine& operator=(const LibraryEngine&) = delete;
  ~LibraryEngine() override { api_.destroy(trainer_); }

  Result<StepResult> step(const Batch& batch, double learning_rate) override {
    Answer answer;
    StepResult result;
    const BatchView view = view_of(batch);
    if (api_.step(trainer_, &view, learning_rate, &result, answer.message())) return result;
    return answer.error_of();
  }

  Result<StepResult> evaluate(const Batch& batch) override {
    Answer answer;
    StepResult result;
    const BatchView view = view_of(batch);
    if (api_.evaluate(trainer_, &view, &result, answer.message())) return result;
    return answer.error_of();
  }

  Result<std::vector<std::vector<float>>> read() override {
    std::vector<std::vector<float>> values;
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
      Answer answer;
      values.emplace_back(sizes_[i]);
      const auto place = static_cast<std::int32_t>(i);
      if (!api_.read(trainer_, place, values.back().data(), answer.message())) {
        return answer.error_of();
      }
    }
    return values;
  }

  Result<> write(const std::vector<std::vector<float>>& values) override {
    NT_CHECK(values.size() == sizes_.size(), "one list for each parameter");
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
      Answer answer;
      NT_CHECK(values[i].size() == sizes_[i], "as many values as the parameter has");
      const auto place = static_cast<std::int32_t>(i);
      if (!api_.write(trainer_, place, values[i].data(), answer.message())) {
        return answer.error_of();
      }
    }
    return {};
  }

 private:
  static BatchView view_of(const Batch& batch) {
    return {batch.samples.data(), batch.labels.data(),
            static_cast<std::int64_t>(batch.labels.size())};
  }

  const TrainerApi& api_;
  Trainer* trainer_;
  std::vector<std::size_t> sizes_;
};

}  // namespace

PlanView::PlanView(const NetworkPlan& plan) {
  for (const NetworkNode& node : plan.nodes) {
    nodes_.push_back({.kind = node.kind,
                      .values = node.values.data(),
                      .parameters = node.parameters.data(),
                      .ints = node.ints.data(),
                      .reals = node.reals.data(),
                      .value_count = node.values.size(),
                      .parameter_count = node.parameters.size(),
                      .int_count = node.ints.size(),
                      .real_count = node.reals.size()});
  }
  for (const NetworkParameter& parameter : plan.parameters) {
    parameters_.push_back({.role = parameter.role,
                           .data = parameter.data.data(),
                           .shape = parameter.shape.data(),
                           .rank = parameter.shape.size()});
  }
  view_ = {.nodes = nodes_.data(),
           .node_count = nodes_.size(),
           .parameters = parameters_.data(),
           .parameter_count = parameters_.size(),
           .sample_shape = plan.sample_shape.data(),
           .sample_rank = plan.sample_shape.size(),
           .output = plan.output};
}

Result<std::unique_ptr<Engine>> make_engine(const NetworkPlan& plan, const Recipe& recipe) {
  NT_TRY(const TrainerApi* api, trainer_api());
  const PlanView view(plan);
  Answer answer;
  Trainer* trainer = api->create(&view.get(), &recipe, answer.message());
  if (trainer == nullptr) return answer.error_of();
  return std::make_unique<LibraryEngine>(*api, trainer, plan);
}

}  // namespace neurotool::train
