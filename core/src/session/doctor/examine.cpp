// Batch by batch: the float network, the target, the float network on the target's rates, and the
// float network with one layer, or the first layers, replaced.
#include "session/doctor/examine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "base/parallel.hpp"
#include "passes/lower/lowering.hpp"
#include "session/doctor/layer_sums.hpp"
#include "session/doctor/substitute.hpp"
#include "session/evaluate.hpp"
#include "session/stimulus.hpp"

namespace neurotool {
namespace {

using doctor::LayerSums;
using doctor::Response;
using doctor::SubstitutedNetwork;

constexpr std::int64_t kBatch = 32;  // bounds the memory of the activations

/// One layer under examination.
struct Layer {
  lower::Site site;
  PopulationId population;
  std::int64_t neurons = 0;
  LayerSums sums;
  LayerDiagnosis found;
};

/// What one batch did: rows by layer, [samples, neurons].
struct BatchValues {
  Tensor samples;
  std::span<const std::int32_t> labels;
  std::vector<Tensor> expected, before;  ///< float: activation and pre-activation
  std::vector<Tensor> counts, rates;     ///< of the target
};

/// Lets an interruption through to the target, and no fractions of its own back.
class OnlyCancels final : public Progress {
 public:
  explicit OnlyCancels(Progress& outer) : outer_(outer) {}
  void stage(std::string_view) override {}
  bool update(double, std::string_view activity) override { return outer_.update(-1, activity); }

 private:
  Progress& outer_;
};

void add_correct(Accuracy& accuracy, std::span<const std::int32_t> classes,
                 std::span<const std::int32_t> labels) {
  accuracy.samples += static_cast<std::int64_t>(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    accuracy.correct += classes[i] == labels[i] ? 1 : 0;
  }
}

class Examination {
 public:
  Examination(const Patient& patient, Diagnostics& diagnostics, Progress& progress)
      : patient_(patient), diagnostics_(diagnostics), progress_(progress) {}

  Result<Diagnosis> run();

 private:
  Result<> find_layers();
  Result<> examine_batch(std::int64_t first, std::int64_t count);
  Result<> run_float(BatchValues& batch);
  Result<> run_target(BatchValues& batch, std::int64_t first);
  Result<> take_counts(const RunResult& result, BatchValues& batch) const;
  Result<std::vector<float>> net_counts(const RunResult& result, const Layer& layer,
                                        std::size_t samples) const;
  std::vector<float> spelled_counts(const RunResult& result, const Layer& layer,
                                    std::size_t samples) const;
  Result<> compare(const BatchValues& batch);
  Result<> replace_layers(const BatchValues& batch);
  Tensor answer_to_float(const Layer& layer, const Tensor& before) const;
  Result<> check_progress(double inside);

  const Patient& patient_;
  Diagnostics& diagnostics_;
  Progress& progress_;
  PopulationId input_, output_;
  std::vector<Layer> layers_;
  Diagnosis found_;
  std::int64_t done_ = 0, batch_size_ = kBatch;
};

Result<> Examination::find_layers() {
  Diagnostics ignored;  // the lowering pass has already said all of it
  NT_TRY(const lower::Lowered lowered, lower::lower_graph(patient_.network, {}, {}, {}, ignored));
  for (const lower::Site& site : lowered.sites) {
    const PopulationId id = patient_.graph.find(site.population);
    if (!id.valid()) {
      found_.unseen.push_back(
          fmt::format("'{}' ({}): a later pass removed it", site.population, site.node));
      continue;
    }
    const Population& population = patient_.graph[id];
    if (patient_.graph.find(site.population + "_count").valid()) {
      found_.unseen.push_back(fmt::format("'{}' ({}): several populations share its levels",
                                          site.population, site.node));
      continue;
    }
    auto response = Response::of(population, patient_.steps, site.offset);
    if (!response) {
      found_.unseen.push_back(fmt::format("'{}' ({}): no staircase describes its '{}' neurons",
                                          site.population, site.node,
                                          model_name(population.neuron)));
      continue;
    }
    const double cap = site.cap.value_or(std::numeric_limits<double>::infinity());
    layers_.push_back(
        {.site = site,
         .population = id,
         .neurons = population.size(),
         .sums = LayerSums(*std::move(response), cap),
         .found = {
             .population = site.population, .node = site.node, .neurons = population.size()}});
  }
  if (!layers_.empty()) return {};
  return error(
      "doctor.no-layers", {},
      fmt::format("none of the {} layers can be compared with the float network",
                  lowered.sites.size()),
      "the doctor compares rectifiers with integrate-and-fire neurons, see docs/doctor.md");
}

Result<Diagnosis> Examination::run() {
  found_.samples = std::min(patient_.samples, patient_.data.size());
  found_.steps = patient_.steps;
  NT_TRY(input_, only_input(patient_.graph));
  NT_TRY(output_, only_output(patient_.graph));
  NT_TRY_VOID(find_layers());
  // A network exported for one batch size runs with that size and no other.
  const auto& shape = patient_.network[patient_.network.inputs.at(0)].shape;
  if (shape && !shape->empty() && shape->front() != kFreeDim) batch_size_ = shape->front();
  for (; done_ < found_.samples; done_ += batch_size_) {
    const std::int64_t count = std::min(batch_size_, found_.samples - done_);
    NT_TRY_VOID(examine_batch(done_, count));
  }
  for (Layer& layer : layers_) {
    layer.sums.finish(layer.found);
    found_.layers.push_back(std::move(layer.found));
  }
  return std::move(found_);
}

Result<> Examination::check_progress(double inside) {
  const double total = static_cast<double>(std::max<std::int64_t>(found_.samples, 1));
  const double batch = static_cast<double>(std::min(batch_size_, found_.samples - done_));
  const double fraction = (static_cast<double>(done_) + inside * batch) / total;
  if (progress_.update(std::min(fraction, 1.0), "comparing layers")) return {};
  return error("run.interrupted", {}, "interrupted during the examination");
}

Result<> Examination::examine_batch(std::int64_t first, std::int64_t count) {
  BatchValues batch;
  NT_TRY(batch.samples, patient_.data.batch(first, count));
  batch.labels = std::span(patient_.data.labels())
                     .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  NT_TRY_VOID(run_float(batch));
  NT_TRY_VOID(run_target(batch, first));
  NT_TRY_VOID(compare(batch));
  return replace_layers(batch);
}

Result<> Examination::run_float(BatchValues& batch) {
  std::vector<ValueId> watched;
  for (const Layer& layer : layers_) {
    watched.push_back(layer.site.value);
    watched.push_back(layer.site.activation);
  }
  std::map<ValueId, Tensor> seen;
  const TensorEvaluator evaluator(patient_.network);
  NT_TRY(const auto outputs,
         evaluator.run({&batch.samples, 1}, watched,
                       [&](ValueId id, const Tensor& value) { seen[id] = value; }));
  for (const Layer& layer : layers_) {
    batch.before.push_back(seen.at(layer.site.value));
    batch.expected.push_back(seen.at(layer.site.activation));
  }
  add_correct(found_.float_accuracy,
              largest_in_rows(outputs.front(), batch.samples.shape().front()), batch.labels);
  return {};
}

Result<> Examination::run_target(BatchValues& batch, std::int64_t first) {
  const std::int64_t count = batch.samples.shape().front();
  NT_TRY(BatchStimulus stimulus, make_stimulus(patient_.graph, input_, batch.samples, first,
                                               patient_.steps, patient_.seed));
  SimulateRequest request{.samples = static_cast<std::uint64_t>(count),
                          .steps = patient_.steps,
                          .seed = patient_.seed,
                          .stimuli = {},
                          .probes = {{output_, "readout"}}};
  request.stimuli.push_back(std::move(stimulus));
  for (const Layer& layer : layers_) {
    const bool digits = layer.sums.response().spells_digits();
    request.probes.push_back({layer.population, digits ? "spikes" : "readout"});
  }
  NT_TRY_VOID(check_progress(0.1));
  OnlyCancels inner(progress_);
  NT_TRY(const RunResult result, patient_.program.simulate(request, {diagnostics_, inner, {}}));
  NT_TRY(const auto classes, read_classes(result, patient_.graph, output_, count));
  add_correct(found_.spiking_accuracy, classes, batch.labels);
  return take_counts(result, batch);
}

Result<> Examination::take_counts(const RunResult& result, BatchValues& batch) const {
  const auto samples = static_cast<std::size_t>(batch.samples.shape().front());
  for (const Layer& layer : layers_) {
    std::vector<float> counts;
    if (layer.sums.response().spells_digits()) {
      counts = spelled_counts(result, layer, samples);
    } else {
      NT_TRY(counts, net_counts(result, layer, samples));
    }
    std::vector<float> rates(counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const auto neuron = static_cast<std::int64_t>(i) % layer.neurons;
      rates[i] = static_cast<float>(double{counts[i]} * layer.sums.response().step(neuron));
    }
    const Shape shape{static_cast<std::int64_t>(samples), layer.neurons};
    batch.counts.push_back(Tensor::from(shape, std::move(counts)));
    batch.rates.push_back(Tensor::from(shape, std::move(rates)));
  }
  return {};
}

Result<std::vector<float>> Examination::net_counts(const RunResult& result, const Layer& layer,
                                                   std::size_t samples) const {
  const auto neurons = static_cast<std::size_t>(layer.neurons);
  std::vector<float> counts(samples * neurons);
  std::size_t rows = 0;
  for (const ValueRecord& record : result.values) {
    if (record.population != layer.population || record.variable != "readout") continue;
    const auto sample = static_cast<std::size_t>(record.sample);
    if (sample >= samples || record.value.size() != layer.neurons) continue;
    ++rows;
    for (std::size_t n = 0; n < neurons; ++n) {
      counts[sample * neurons + n] =
          static_cast<float>(record.value.at(static_cast<std::int64_t>(n)));
    }
  }
  if (rows == samples) return counts;
  return error("target.misbehaved", {},
               fmt::format("the target sent {} readouts of '{}' for {} samples", rows,
                           layer.found.population, samples),
               "neurotool plugin check FILE tests a plugin");
}

/// The numbers that binary digits spell.
std::vector<float> Examination::spelled_counts(const RunResult& result, const Layer& layer,
                                               std::size_t samples) const {
  const auto neurons = static_cast<std::size_t>(layer.neurons);
  const Firing& firing = *firing_of(patient_.graph[layer.population].neuron);
  std::vector<float> counts(samples * neurons);
  for (const SpikeRecord& record : result.spikes) {
    const bool own = record.population == layer.population && record.sample < samples &&
                     record.step >= firing.window.fire_begin;
    const std::uint64_t digit = record.step - firing.window.fire_begin;
    if (!own || digit >= firing.radix_bits) continue;
    const auto worth = static_cast<float>(1U << (firing.radix_bits - 1 - digit));
    for (const std::uint32_t neuron : record.neurons) {
      if (neuron < neurons) counts[record.sample * neurons + neuron] += worth;
    }
  }
  return counts;
}

Result<> Examination::compare(const BatchValues& batch) {
  std::vector<ValueId> given, wanted;
  for (const Layer& layer : layers_) {
    given.push_back(layer.site.activation);
    wanted.push_back(layer.site.value);
  }
  const SubstitutedNetwork network(patient_.network, given, wanted);
  std::map<ValueId, Tensor> arriving;
  NT_TRY([[maybe_unused]] const auto outputs,
         network.run(batch.samples, batch.rates,
                     [&](ValueId id, const Tensor& value) { arriving[id] = value; }));
  parallel_for(layers_.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      Layer& layer = layers_[i];
      layer.sums.add(batch.expected[i].as<float>(), arriving.at(layer.site.value).as<float>(),
                     batch.counts[i].as<float>(), layer.neurons);
    }
  });
  return check_progress(0.4);
}

Tensor Examination::answer_to_float(const Layer& layer, const Tensor& before) const {
  const auto values = before.as<float>();
  std::vector<float> answer(values.size());
  const Response& response = layer.sums.response();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t neuron = static_cast<std::int64_t>(i) % layer.neurons;
    answer[i] =
        static_cast<float>(response.count(neuron, double{values[i]}) * response.step(neuron));
  }
  return Tensor::from(before.shape(), std::move(answer));
}

Result<> Examination::replace_layers(const BatchValues& batch) {
  const std::int64_t count = batch.samples.shape().front();
  std::vector<ValueId> given;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    const ValueId here[] = {layer.site.activation};
    const Tensor alone[] = {answer_to_float(layer, batch.before[i])};
    NT_TRY(const auto one, SubstitutedNetwork(patient_.network, here).run(batch.samples, alone));
    add_correct(layer.found.alone, largest_in_rows(one.front(), count), batch.labels);
    given.push_back(layer.site.activation);
    const std::span rates = std::span(batch.rates).first(i + 1);
    NT_TRY(const auto first_ones,
           SubstitutedNetwork(patient_.network, given).run(batch.samples, rates));
    add_correct(layer.found.up_to_here, largest_in_rows(first_ones.front(), count), batch.labels);
    NT_TRY_VOID(check_progress(0.4 + 0.6 * static_cast<double>(i + 1) /
                                         static_cast<double>(layers_.size())));
  }
  return {};
}

}  // namespace

Result<Diagnosis> examine(const Patient& patient, Diagnostics& diagnostics, Progress& progress) {
  return Examination(patient, diagnostics, progress).run();
}

}  // namespace neurotool
