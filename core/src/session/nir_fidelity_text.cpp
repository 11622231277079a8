// The numbers of a fidelity check for people and for programs.
#include <fmt/format.h>

#include <cmath>

#include "base/text.hpp"
#include "session/nir_fidelity.hpp"

namespace neurotool {
namespace {

std::string whole(std::int64_t value) { return with_thousands(static_cast<std::uint64_t>(value)); }

std::vector<std::string> row_of(const FidelityLayer& layer) {
  return {layer.population, whole(layer.spikes), whole(layer.reader_spikes),
          whole(layer.mismatches)};
}

Json layer_json(const FidelityLayer& layer) {
  return Json::Object{{"population", layer.population}, {"node", layer.node},
                      {"spikes", layer.spikes},         {"reader_spikes", layer.reader_spikes},
                      {"either", layer.either},         {"mismatches", layer.mismatches}};
}

}  // namespace

std::string short_number(double value) { return fmt::format("{:.3g}", value); }

FidelityText fidelity_text(const Fidelity& fidelity) {
  FidelityText text;
  text.headline = fmt::format("{} samples of {} steps in {}", whole(fidelity.samples),
                              fidelity.steps, fidelity.reader);
  text.rows.push_back({"population", "spikes", "in the reader", "mismatches"});
  for (const FidelityLayer& layer : fidelity.layers) text.rows.push_back(row_of(layer));
  if (fidelity.layers.size() > 1) text.rows.push_back(row_of(fidelity.total()));
  text.readouts =
      fmt::format("{} of {} samples in another class, largest difference of a readout {}",
                  whole(fidelity.other_classes), whole(fidelity.samples),
                  short_number(fidelity.readout_difference));
  return text;
}

Json fidelity_json(const Fidelity& fidelity) {
  Json layers = Json::array();
  for (const FidelityLayer& layer : fidelity.layers) layers.push_back(layer_json(layer));
  const double difference = fidelity.readout_difference;
  return Json::Object{
      {"reader", fidelity.reader},
      {"samples", fidelity.samples},
      {"steps", fidelity.steps},
      {"mismatch_percent", fidelity.mismatch_percent()},
      {"other_classes", fidelity.other_classes},
      {"readout_difference", std::isfinite(difference) ? Json(difference) : Json(nullptr)},
      {"layers", std::move(layers)}};
}

}  // namespace neurotool
