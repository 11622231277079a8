// The diagnosis for people: a table of layers, what stands out, and what to try.
#include <fmt/format.h>

#include "base/text.hpp"
#include "session/doctor/diagnosis.hpp"

namespace neurotool {
namespace {

std::string percent(double share) { return fmt::format("{:.1f}", 100 * share); }

std::vector<std::string> layer_row(const LayerDiagnosis& layer) {
  return {layer.population,
          percent(layer.inherited),
          percent(layer.clipping),
          percent(layer.quantization),
          percent(layer.unevenness),
          fmt::format("{} / {}", percent(layer.over_fired), percent(layer.under_fired)),
          fmt::format("{} / {}", layer.dead_channels, layer.channels),
          fmt::format("{} / {}", layer.saturated_channels, layer.channels),
          fmt::format("{:.4f}", layer.cosine),
          percent(layer.alone.share()),
          percent(layer.up_to_here.share())};
}

const std::vector<std::string> kColumns{
    "layer",         "inherited",          "clipping", "quantisation", "unevenness", "over / under",
    "dead channels", "saturated channels", "cosine",   "alone",        "up to here"};

std::string advice_line(const Advice& advice, const Diagnosis& diagnosis) {
  std::string line = fmt::format("--set {}", advice.setting);
  if (advice.tried) {
    const double gain = 100 * (advice.tried->share() - diagnosis.spiking_accuracy.share());
    line += fmt::format(": {} % on these samples ({}{:.1f} points)", percent(advice.tried->share()),
                        gain < 0 ? "" : "+", gain);
  } else if (!advice.refused.empty()) {
    line += fmt::format(": could not be tried, {}", escape_control(advice.refused));
  }
  return line;
}

std::string headline_text(const Diagnosis& diagnosis) {
  return fmt::format("{} samples, T = {}: float {} %, spiking {} %", diagnosis.samples,
                     diagnosis.steps, percent(diagnosis.float_accuracy.share()),
                     percent(diagnosis.spiking_accuracy.share()));
}

}  // namespace

std::string diagnosis_text(const Diagnosis& diagnosis) {
  std::string text = headline_text(diagnosis) + "\n\n";
  std::vector<std::vector<std::string>> rows{kColumns};
  for (const LayerDiagnosis& layer : diagnosis.layers) rows.push_back(layer_row(layer));
  std::vector<bool> right(kColumns.size(), true);
  right[0] = false;
  text += align_columns(rows, right);
  text +=
      "\nerrors in % of the layer's activation (root mean square); alone, up to here: accuracy in "
      "%\nwith this layer spiking under a constant current, and with all layers up to it as they "
      "ran\n";
  for (const std::string& reason : diagnosis.unseen) {
    text += fmt::format("not examined: {}\n", escape_control(reason));
  }
  if (diagnosis.advice.empty()) return text + "\nno setting of this pipeline promises more\n";
  text += "\nmost likely to help:\n";
  for (const Advice& advice : diagnosis.advice) {
    text += fmt::format("  {}\n      {}\n", advice_line(advice, diagnosis), advice.reason);
  }
  return text;
}

std::string diagnosis_markdown(const Diagnosis& diagnosis) {
  std::string text =
      "## Doctor\n\n" + headline_text(diagnosis) + ".\n\n![Errors of each layer](doctor.svg)\n\n|";
  for (const std::string& name : kColumns) text += " " + name + " |";
  text += "\n|";
  for (std::size_t i = 0; i < kColumns.size(); ++i) text += i == 0 ? " :-- |" : " --: |";
  text += "\n";
  for (const LayerDiagnosis& layer : diagnosis.layers) {
    text += "|";
    for (const std::string& cell : layer_row(layer)) text += " " + escape_control(cell) + " |";
    text += "\n";
  }
  text +=
      "\nErrors are root mean squares in % of the layer's activation; *alone* and *up to here* are "
      "accuracies in %. docs/doctor.md defines each.\n\n";
  for (const std::string& reason : diagnosis.unseen) {
    text += fmt::format("- not examined: {}\n", escape_control(reason));
  }
  for (const Advice& advice : diagnosis.advice) {
    text += fmt::format("- `{}`; {}\n", advice_line(advice, diagnosis), advice.reason);
  }
  return text + "\n";
}

}  // namespace neurotool
