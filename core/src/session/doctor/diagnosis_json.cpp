// The object `doctor` of report.json, described in docs/doctor.md.
#include "session/doctor/diagnosis.hpp"

namespace neurotool {
namespace {

Json accuracy_json(const Accuracy& accuracy) {
  return Json::Object{
      {"correct", accuracy.correct}, {"samples", accuracy.samples}, {"share", accuracy.share()}};
}

Json layer_json(const LayerDiagnosis& layer) {
  return Json::Object{{"population", layer.population},
                      {"node", layer.node},
                      {"neurons", layer.neurons},
                      {"channels", layer.channels},
                      {"dead_channels", layer.dead_channels},
                      {"saturated_channels", layer.saturated_channels},
                      {"clipped_share", layer.clipped_share},
                      {"inherited", layer.inherited},
                      {"clipping", layer.clipping},
                      {"quantization", layer.quantization},
                      {"unevenness", layer.unevenness},
                      {"over_fired", layer.over_fired},
                      {"under_fired", layer.under_fired},
                      {"cosine", layer.cosine},
                      {"alone", accuracy_json(layer.alone)},
                      {"up_to_here", accuracy_json(layer.up_to_here)}};
}

Json advice_json(const Advice& advice) {
  return Json::Object{{"setting", advice.setting},
                      {"reason", advice.reason},
                      {"tried", advice.tried ? accuracy_json(*advice.tried) : Json(nullptr)},
                      {"refused", advice.refused.empty() ? Json(nullptr) : Json(advice.refused)}};
}

}  // namespace

Json diagnosis_json(const Diagnosis& diagnosis) {
  Json layers = Json::array(), unseen = Json::array(), advice = Json::array();
  for (const LayerDiagnosis& layer : diagnosis.layers) layers.push_back(layer_json(layer));
  for (const std::string& reason : diagnosis.unseen) unseen.push_back(reason);
  for (const Advice& item : diagnosis.advice) advice.push_back(advice_json(item));
  return Json::Object{{"samples", diagnosis.samples},
                      {"steps", diagnosis.steps},
                      {"float_accuracy", accuracy_json(diagnosis.float_accuracy)},
                      {"accuracy", accuracy_json(diagnosis.spiking_accuracy)},
                      {"layers", std::move(layers)},
                      {"unseen", std::move(unseen)},
                      {"advice", std::move(advice)}};
}

}  // namespace neurotool
