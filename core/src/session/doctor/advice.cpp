// A table of rules: which error, which option of which pass, which value. A rule applies where its
// error is among the largest, the pipeline has the pass, the pass has the option, and the option
// does not have the value yet.
#include "session/doctor/advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/text.hpp"
#include "passes/registry.hpp"

namespace neurotool::doctor {
namespace {

enum class Cause { kUnevenness, kQuantization, kClipping, kDead };
constexpr std::array kCauses{Cause::kUnevenness, Cause::kQuantization, Cause::kClipping,
                             Cause::kDead};

/// A layer with this share of dead channels is worth a word.
constexpr double kDeadShare = 0.05;
constexpr std::int64_t kMostSteps = 4096;

constexpr std::string_view kLowering;  // whichever makes the neurons
constexpr std::string_view kLevels = "quantize_activations", kExact = "exact";

struct Rule {
  Cause cause;
  std::string_view pass;
  std::string_view option;
  std::string_view value;  ///< "": the number that stands there times `factor` plus `more`
  int factor = 1, more = 0;
  std::string_view unless = {};  ///< a value of the option with which the rule is pointless
};

constexpr std::array kRules{
    Rule{Cause::kUnevenness, kLowering, "neuron", "signed", 1, 0, "signed_burst"},
    Rule{Cause::kUnevenness, kLowering, "neuron", "signed_burst"},
    Rule{Cause::kUnevenness, kLowering, "bias_iterations", "3"},
    Rule{Cause::kUnevenness, kLowering, "steps", "", 2},
    // Exact networks know no timing: their counts differ from the ideal where weights are rounded.
    Rule{Cause::kUnevenness, kExact, "weight_bits", "", 1, 2},
    Rule{Cause::kUnevenness, kExact, "input_bits", "", 1, 2},
    Rule{Cause::kQuantization, kLowering, "steps", "", 2},
    Rule{Cause::kQuantization, kLowering, "granularity", "channel"},
    Rule{Cause::kQuantization, kLevels, "granularity", "channel"},
    Rule{Cause::kQuantization, kLevels, "bias_correction", "true"},
    Rule{Cause::kQuantization, kLevels, "bits", "", 1, 1},
    Rule{Cause::kQuantization, kLevels, "method", "mmse"},
    Rule{Cause::kClipping, kLowering, "method", "mmse"},
    Rule{Cause::kClipping, kLowering, "samples", "", 4},
    Rule{Cause::kClipping, kLevels, "method", "percentile"},
    Rule{Cause::kClipping, kLevels, "bits", "", 1, 1},
    Rule{Cause::kDead, kLowering, "samples", "", 4},
    Rule{Cause::kDead, kLevels, "samples", "", 4},
};

/// How much of the trouble one cause is: root mean square over the layers.
double size_of(Cause cause, const Diagnosis& diagnosis) {
  double squares = 0, dead = 0, channels = 0;
  for (const LayerDiagnosis& layer : diagnosis.layers) {
    const double error = cause == Cause::kUnevenness     ? layer.unevenness
                         : cause == Cause::kQuantization ? layer.quantization
                                                         : layer.clipping;
    squares += error * error;
    dead += static_cast<double>(layer.dead_channels);
    channels += static_cast<double>(layer.channels);
  }
  if (cause == Cause::kDead) return channels > 0 ? dead / channels : 0;
  return std::sqrt(squares /
                   static_cast<double>(std::max<std::size_t>(diagnosis.layers.size(), 1)));
}

std::string reason_text(const Rule& rule, double size) {
  switch (rule.cause) {
    case Cause::kUnevenness:
      if (rule.pass == kExact) {
        return fmt::format(
            "rounded weights and corrected biases move counts: {:.1f} % in a mean layer",
            100 * size);
      }
      return fmt::format("spikes arrive unevenly: {:.1f} % of the activation in a mean layer",
                         100 * size);
    case Cause::kQuantization:
      return fmt::format("activations are rounded to few counts: {:.1f} % in a mean layer",
                         100 * size);
    case Cause::kClipping:
      return fmt::format("large activations are cut off: {:.1f} % in a mean layer", 100 * size);
    case Cause::kDead:
      return fmt::format("{:.1f} % of the channels never fire", 100 * size);
  }
  check_failed(__FILE__, __LINE__, "cause", "no such cause");
}

/// The pass that a rule speaks of, or nothing. The exact lowering has rules of its own.
std::optional<std::size_t> pass_of(const Rule& rule, const PipelineConfig& config) {
  for (std::size_t i = 0; i < config.passes.size(); ++i) {
    const PassEntry* entry = find_pass(config.passes[i].name);
    if (entry == nullptr) continue;
    const bool lowers = entry->info.from != entry->info.to;
    if (rule.pass.empty() ? lowers : entry->info.name == rule.pass) return i;
  }
  return std::nullopt;
}

yaml::Node* option_of(PassConfig& pass, std::string_view key) {
  for (yaml::Node::Entry& entry : pass.options.entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

/// The value that the rule wants in place of `now`; nothing when it would change nothing.
std::optional<std::string> wanted_value(const Rule& rule, const yaml::Node& now) {
  if (!rule.value.empty()) {
    const bool pointless =
        now.scalar == rule.value || (!rule.unless.empty() && now.scalar == rule.unless);
    return pointless ? std::nullopt : std::optional(std::string(rule.value));
  }
  const auto number = yaml::as_int(now, rule.option);
  if (!number || *number <= 0 || *number > kMostSteps / rule.factor) return std::nullopt;
  return std::to_string(*number * rule.factor + rule.more);
}

std::optional<Remedy> apply(const Rule& rule, const PipelineConfig& resolved) {
  const auto place = pass_of(rule, resolved);
  if (!place) return std::nullopt;
  Remedy remedy{.reason = {}, .setting = {}, .config = resolved};
  PassConfig& pass = remedy.config.passes[*place];
  yaml::Node* const option = option_of(pass, rule.option);
  if (option == nullptr || option->kind != yaml::Kind::kScalar) return std::nullopt;
  const auto value = wanted_value(rule, *option);
  if (!value) return std::nullopt;
  option->scalar = *value;
  option->quoted = false;
  remedy.setting = fmt::format("passes.{}.{}={}", pass.name, rule.option, *value);
  // The steps of the run that was examined would undo the change.
  if (rule.option == "steps" || !rule.pass.empty()) remedy.config.steps.value = 0;
  return remedy;
}

}  // namespace

std::vector<Remedy> remedies(const Diagnosis& diagnosis, const PipelineConfig& resolved,
                             std::size_t most) {
  std::vector<Remedy> found;
  std::vector<std::pair<double, Cause>> causes;
  for (const Cause cause : kCauses) {
    const double size = size_of(cause, diagnosis);
    if (size > (cause == Cause::kDead ? kDeadShare : 0)) causes.emplace_back(size, cause);
  }
  std::ranges::stable_sort(causes, std::greater<>(), &std::pair<double, Cause>::first);
  for (const auto& [size, cause] : causes) {
    for (const Rule& rule : kRules) {
      if (rule.cause != cause || found.size() >= most) continue;
      auto remedy = apply(rule, resolved);
      if (!remedy) continue;
      if (std::ranges::find(found, remedy->setting, &Remedy::setting) != found.end()) continue;
      remedy->reason = reason_text(rule, size);
      found.push_back(*std::move(remedy));
    }
  }
  return found;
}

void advise(Diagnosis& diagnosis, std::vector<Remedy> remedies, const Trial& trial) {
  for (Remedy& remedy : remedies) {
    Advice advice{.reason = std::move(remedy.reason),
                  .setting = std::move(remedy.setting),
                  .tried = {},
                  .refused = {}};
    if (trial) {
      if (auto reached = trial(remedy.config)) {
        advice.tried = *reached;
      } else {
        advice.refused = std::move(reached).error().message;
      }
    }
    diagnosis.advice.push_back(std::move(advice));
  }
  std::ranges::stable_sort(diagnosis.advice, std::greater<>(), [](const Advice& advice) {
    return advice.tried ? advice.tried->correct : -1;
  });
}

}  // namespace neurotool::doctor
