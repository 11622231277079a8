// Checks every record against the graph and the request, copies it, and sorts at the end.
#include "target/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

#include "target/tensor_copy.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMostName = 256;

Error misbehaved(std::string message) {
  return error("target.misbehaved", {}, std::move(message),
               "this is a bug in the plugin; tell its author");
}

/// Names of metrics in the order that people expect: core.2 before core.10.
bool natural_less(std::string_view a, std::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto number = [&](std::string_view text) {
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    return text.substr(0, digits);
  };
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      const std::string_view x = number(a), y = number(b);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      a.remove_prefix(x.size());
      b.remove_prefix(y.size());
    } else {
      if (a.front() != b.front()) return a.front() < b.front();
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  return a.size() < b.size();
}

auto place_of(const SpikeRecord& record) {
  return std::tuple(record.sample, record.population.index, record.step);
}
auto place_of(const ValueRecord& record) {
  return std::tuple(record.sample, record.population.index, record.step,
                    std::string_view(record.variable));
}

template <class Record>
std::string place_text(const Record& record, const SpikeGraph& graph) {
  return fmt::format("sample {}, step {} of '{}'", record.sample, record.step,
                     graph[record.population].name);
}

}  // namespace

Results::Results(const SpikeGraph& graph, const SimulateRequest* request, bool device,
                 ResultLimits limits)
    : graph_(graph), request_(request), device_(device), limits_(limits) {}

Result<> Results::add(const nt_metric& pushed) {
  const auto name = text_of(pushed.name, kMostName);
  const auto unit = text_of(pushed.unit, 64);
  if (!name || !is_dotted_name(*name)) {
    return misbehaved(
        fmt::format("a metric is called '{}'; names are lower-case words joined by dots",
                    message_of(pushed.name, kMostName)));
  }
  if (!unit || unit->empty()) return misbehaved(fmt::format("metric '{}' has no unit", *name));
  if (pushed.origin < NT_MEASURED || pushed.origin > NT_MODELLED) {
    return misbehaved(
        fmt::format("metric '{}' has no origin: it is neither measured, simulated nor "
                    "modelled",
                    *name));
  }
  if (pushed.origin == NT_MEASURED && !device_) {
    return misbehaved(fmt::format(
        "metric '{}' claims to be measured, but nothing ran on a device (nt.device)", *name));
  }
  if (!std::isfinite(pushed.value) || !std::isfinite(pushed.limit) || pushed.limit < 0) {
    return misbehaved(fmt::format("metric '{}' is {} of {}, which is no number to report", *name,
                                  pushed.value, pushed.limit));
  }
  const std::lock_guard lock(mutex_);
  if (metrics_.size() >= limits_.metrics) {
    return error("target.too-much", {},
                 fmt::format("the target pushes more than {} metrics", limits_.metrics));
  }
  metrics_.push_back({.name = *name,
                      .unit = *unit,
                      .value = pushed.value,
                      .limit = pushed.limit,
                      .origin = static_cast<Origin>(pushed.origin)});
  return {};
}

Result<> Results::add(const nt_placement& pushed) {
  if (pushed.population >= graph_.populations.size()) {
    return misbehaved(fmt::format("a placement names population {} of {}", pushed.population,
                                  graph_.populations.size()));
  }
  const Population& population = graph_.populations[pushed.population];
  const auto neurons = static_cast<std::uint64_t>(population.size());
  if (pushed.first_neuron > neurons || pushed.neuron_count > neurons - pushed.first_neuron) {
    return misbehaved(fmt::format("a placement of {} neurons from {} of '{}', which has {}",
                                  pushed.neuron_count, pushed.first_neuron, population.name,
                                  neurons));
  }
  const std::lock_guard lock(mutex_);
  if (placements_.size() >= limits_.placements) {
    return error("target.too-much", {},
                 fmt::format("the target pushes more than {} placements", limits_.placements));
  }
  placements_.push_back({pushed.population,
                         {.population = population.name,
                          .first_neuron = pushed.first_neuron,
                          .neuron_count = pushed.neuron_count,
                          .chip = pushed.chip,
                          .core = pushed.core}});
  return {};
}

Result<> Results::check_place(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
                              std::string_view variable) const {
  if (population >= graph_.populations.size()) {
    return misbehaved(fmt::format("'{}' of population {} of {}", variable, population,
                                  graph_.populations.size()));
  }
  const std::string& name = graph_.populations[population].name;
  const bool asked = std::ranges::any_of(request_->probes, [&](const Probe& probe) {
    return probe.population.index == population && probe.variable == variable;
  });
  if (!asked) {
    return misbehaved(
        fmt::format("'{}' of '{}' was pushed, but no probe asked for it", variable, name));
  }
  if (sample >= request_->samples) {
    return misbehaved(fmt::format("'{}' of '{}' for sample {} of a batch of {}", variable, name,
                                  sample, request_->samples));
  }
  if (step >= std::max<std::uint64_t>(request_->steps, 1)) {
    return misbehaved(fmt::format("'{}' of '{}' for step {} of a run of {} steps", variable, name,
                                  step, request_->steps));
  }
  return {};
}

Result<> Results::reserve(std::uint64_t bytes) {
  if (bytes > limits_.bytes - bytes_) {
    return error(
        "target.too-much", {},
        fmt::format("the spikes and values of one call hold more than {} bytes", limits_.bytes),
        "ask for fewer probes, or make the batch smaller");
  }
  bytes_ += bytes;
  return {};
}

Result<> Results::add_spikes(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
                             const std::uint32_t* neurons, const std::int32_t* payloads,
                             std::size_t count) {
  NT_TRY_VOID(check_place(sample, population, step, "spikes"));
  const Population& from = graph_.populations[population];
  const auto size = static_cast<std::uint64_t>(from.size());
  if (count > size || (count > 0 && neurons == nullptr)) {
    return misbehaved(
        fmt::format("{} spikes of '{}', which has {} neurons", count, from.name, size));
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (neurons[i] >= size) {
      return misbehaved(
          fmt::format("a spike of neuron {} of '{}', which has {}", neurons[i], from.name, size));
    }
    if (i > 0 && neurons[i] <= neurons[i - 1]) {
      return misbehaved(fmt::format("spikes of '{}' name neuron {} after {}; indices ascend",
                                    from.name, neurons[i], neurons[i - 1]));
    }
    if (payloads != nullptr && payloads[i] == 0) {
      return misbehaved(fmt::format("a spike of '{}' with payload 0, which is none", from.name));
    }
  }
  if (count == 0) return {};
  SpikeRecord record{
      .sample = sample, .step = step, .population = {population}, .neurons = {}, .payloads = {}};
  record.neurons.assign(neurons, neurons + count);
  if (payloads != nullptr) record.payloads.assign(payloads, payloads + count);
  const std::lock_guard lock(mutex_);
  NT_TRY_VOID(reserve(sizeof record + count * (payloads != nullptr ? 8 : 4)));
  spikes_.push_back(std::move(record));
  return {};
}

Result<> Results::add_values(std::uint64_t sample, std::uint32_t population, nt_str variable,
                             std::uint64_t step, const nt_tensor* value) {
  const std::string name = message_of(variable, kMostName);
  NT_TRY_VOID(check_place(sample, population, step, name));
  const Population& from = graph_.populations[population];
  if (value == nullptr) return misbehaved(fmt::format("'{}' of '{}' at NULL", name, from.name));
  auto copy = copied_tensor(*value, from.shape);
  if (!copy) return misbehaved(fmt::format("'{}' of '{}' {}", name, from.name, copy.error()));
  ValueRecord record{.sample = sample,
                     .step = step,
                     .population = {population},
                     .variable = name,
                     .value = *std::move(copy)};
  const std::lock_guard lock(mutex_);
  NT_TRY_VOID(reserve(sizeof record + record.value.bytes()));
  values_.push_back(std::move(record));
  return {};
}

Result<> Results::order() {
  const std::lock_guard lock(mutex_);
  std::ranges::stable_sort(metrics_, natural_less, &Metric::name);
  const auto same_metric = std::ranges::adjacent_find(metrics_, {}, &Metric::name);
  if (same_metric != metrics_.end()) {
    return misbehaved(fmt::format("metric '{}' was pushed twice", same_metric->name));
  }
  std::ranges::stable_sort(placements_, {}, [](const Placed& placed) {
    return std::tuple(placed.population, placed.placement.first_neuron, placed.placement.chip,
                      placed.placement.core);
  });
  const auto by_place = [](const auto& a, const auto& b) { return place_of(a) < place_of(b); };
  const auto same_place = [](const auto& a, const auto& b) { return place_of(a) == place_of(b); };
  std::ranges::sort(spikes_, by_place);
  std::ranges::sort(values_, by_place);
  if (const auto twice = std::ranges::adjacent_find(spikes_, same_place); twice != spikes_.end()) {
    return misbehaved("spikes were pushed twice for " + place_text(*twice, graph_));
  }
  if (const auto twice = std::ranges::adjacent_find(values_, same_place); twice != values_.end()) {
    return misbehaved(
        fmt::format("'{}' was pushed twice for {}", twice->variable, place_text(*twice, graph_)));
  }
  return {};
}

std::vector<Placement> Results::take_placements() {
  std::vector<Placement> all;
  all.reserve(placements_.size());
  for (Placed& placed : placements_) all.push_back(std::move(placed.placement));
  placements_.clear();
  return all;
}

}  // namespace neurotool
