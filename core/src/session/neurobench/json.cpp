// The harness's result object: flat, its spelling of keys, and ours beside it under one key.
#include "session/neurobench/metrics.hpp"

namespace neurotool::neurobench {

Json to_json(const Metrics& metrics) {
  Json object = Json::Object{{"Footprint", metrics.footprint},
                             {"ParameterCount", metrics.parameters},
                             {"ConnectionSparsity", metrics.connection_sparsity}};
  if (metrics.accuracy) object["ClassificationAccuracy"] = *metrics.accuracy;
  if (metrics.activation_sparsity) object["ActivationSparsity"] = *metrics.activation_sparsity;
  if (!metrics.activation_sparsity_by_layer.empty()) {
    Json by_layer = Json::object();
    for (const auto& [name, share] : metrics.activation_sparsity_by_layer) by_layer[name] = share;
    object["ActivationSparsityByLayer"] = std::move(by_layer);
  }
  if (metrics.operations) {
    object["SynapticOperations"] =
        Json::Object{{"Effective_MACs", metrics.operations->effective_macs},
                     {"Effective_ACs", metrics.operations->effective_acs},
                     {"Dense", metrics.operations->dense}};
  }
  if (metrics.membrane_updates) object["MembraneUpdates"] = *metrics.membrane_updates;
  Json ours = Json::Object{{"Footprint_deployed", metrics.footprint_deployed},
                           {"samples", metrics.samples}};
  if (metrics.graded_operations) ours["Effective_graded_ops"] = *metrics.graded_operations;
  object["neurotool"] = std::move(ours);
  return object;
}

}  // namespace neurotool::neurobench
