// report.json: schema 1, described in docs/report.md. Keys keep their order and are always there;
// what is not known is null.
#include "base/text.hpp"
#include "session/report_rows.hpp"

namespace neurotool {
namespace {

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json strings(const std::vector<std::string>& items) {
  Json list = Json::array();
  for (const std::string& item : items) list.push_back(item);
  return list;
}

struct OptionJson {
  template <class T>
  Json operator()(const T& value) const {
    return Json(value);
  }
  template <class T>
  Json operator()(const std::vector<T>& values) const {
    Json list = Json::array();
    for (const T value : values) list.push_back(value);
    return list;
  }
};

Json metric_json(std::string_view name, Json value, std::string_view unit, Origin origin,
                 double limit = 0) {
  return Json::Object{{"name", name},
                      {"value", std::move(value)},
                      {"unit", unit},
                      {"origin", origin_name(origin)},
                      {"limit", limit > 0 ? Json(limit) : Json(nullptr)}};
}

Json accuracy_json(const std::optional<Accuracy>& accuracy) {
  if (!accuracy) return nullptr;
  return Json::Object{
      {"correct", accuracy->correct}, {"samples", accuracy->samples}, {"share", accuracy->share()}};
}

Json neurobench_json(const std::optional<neurobench::Metrics>& metrics) {
  return metrics ? neurobench::to_json(*metrics) : Json(nullptr);
}

Json metrics_json(const Report& report) {
  Json list = Json::array();
  if (report.float_accuracy) {
    list.push_back(
        metric_json("float_accuracy", report.float_accuracy->share(), "1", Origin::kMeasured));
  }
  if (report.tensor_accuracy) {
    list.push_back(
        metric_json("tensor_accuracy", report.tensor_accuracy->share(), "1", Origin::kMeasured));
  }
  if (report.spiking_accuracy) {
    list.push_back(
        metric_json("accuracy", report.spiking_accuracy->share(), "1", Origin::kSimulated));
  }
  if (const auto gap = accuracy_gap(report)) {
    list.push_back(metric_json("gap", *gap, "percentage points", Origin::kSimulated));
  }
  for (const Metric& metric : report.metrics) {
    list.push_back(
        metric_json(metric.name, metric.value, metric.unit, metric.origin, metric.limit));
  }
  return list;
}

Json files_json(const Report& report) {
  Json list = Json::array();
  for (const InputFileReport& file : report.files) {
    list.push_back(Json::Object{{"role", file.role}, {"name", file.name}, {"sha256", file.sha256}});
  }
  return list;
}

Json populations_json(const Report& report) {
  Json list = Json::array();
  for (const PopulationReport& row : report.populations) {
    list.push_back(Json::Object{{"name", row.name},
                                {"model", row.model},
                                {"shape", row.shape},
                                {"neurons", row.neurons},
                                {"synapses_in", row.synapses_in},
                                {"origins", strings(row.origins)},
                                {"events_per_neuron", or_null(row.events_per_neuron)},
                                {"events_per_neuron_step", or_null(row.events_per_neuron_step)},
                                {"synaptic_operations", or_null(row.synaptic_operations)}});
  }
  return list;
}

Json passes_json(const Report& report) {
  Json list = Json::array();
  for (const PassReport& pass : report.passes) {
    Json options = Json::object();
    for (const auto& [key, value] : pass.options) options[key] = std::visit(OptionJson{}, value);
    list.push_back(Json::Object{{"name", pass.name},
                                {"options", std::move(options)},
                                {"ran", pass.ran},
                                {"changed", pass.changed},
                                {"nodes_before", pass.nodes_before},
                                {"nodes_after", pass.nodes_after},
                                {"neurons_after", pass.neurons_after},
                                {"synapses_after", pass.synapses_after}});
  }
  return list;
}

Json facts_json(const Report& report) {
  Json list = Json::array();
  for (const PassFact& fact : report.facts) {
    list.push_back(Json::Object{{"pass", fact.pass},
                                {"subject", fact.subject},
                                {"name", fact.name},
                                {"value", fact.value}});
  }
  return list;
}

Json expectations_json(const Report& report) {
  Json list = Json::array();
  for (const ExpectationResult& item : report.expectations) {
    list.push_back(Json::Object{{"metric", item.metric},
                                {"comparison", item.comparison},
                                {"wanted", item.wanted},
                                {"found", item.found},
                                {"met", item.met}});
  }
  return list;
}

/// Positions in pipeline files are left out: they say where someone typed, not what was found.
Json diagnostics_json(const Report& report) {
  Json list = Json::array();
  for (const Diagnostic& item : report.diagnostics) {
    const auto* node = std::get_if<ModelNode>(&item.at);
    list.push_back(Json::Object{{"severity", severity_word(item.severity)},
                                {"code", item.code},
                                {"node", node ? text_or_null(node->node) : Json(nullptr)},
                                {"message", item.message},
                                {"help", text_or_null(item.help)}});
  }
  return list;
}

Json timing_json(const Timing& timing) {
  Json stages = Json::array();
  for (const auto& [name, seconds] : timing.stages) {
    stages.push_back(Json::Object{{"stage", name}, {"seconds", seconds}});
  }
  Json passes = Json::array();
  for (const PassTiming& pass : timing.passes) {
    passes.push_back(Json::Object{{"pass", pass.pass},
                                  {"seconds", pass.seconds},
                                  {"peak_memory_bytes", pass.peak_memory_bytes}});
  }
  return Json::Object{{"origin", origin_name(Origin::kMeasured)},
                      {"total_seconds", timing.total_seconds},
                      {"threads", timing.threads},
                      {"stages", std::move(stages)},
                      {"passes", std::move(passes)}};
}

}  // namespace

Json report_json(const Report& report) {
  return Json::Object{
      {"schema", kReportSchema},
      {"title", report.title},
      {"tool", Json::Object{{"name", "neurotool"}, {"version", report.tool_version}}},
      {"target", Json::Object{{"name", text_or_null(report.target)},
                              {"version", text_or_null(report.target_version)}}},
      {"files", files_json(report)},
      {"run", Json::Object{{"data", text_or_null(report.data_name)},
                           {"samples", report.samples},
                           {"steps", report.steps},
                           {"seed", report.seed}}},
      {"network", Json::Object{{"neurons", report.neurons},
                               {"spiking_neurons", report.spiking_neurons},
                               {"synapses", report.synapses},
                               {"provisional", report.provisional}}},
      {"float_accuracy", accuracy_json(report.float_accuracy)},
      {"tensor_accuracy", accuracy_json(report.tensor_accuracy)},
      {"accuracy", accuracy_json(report.spiking_accuracy)},
      {"agreement", or_null(report.agreement)},
      {"metrics", metrics_json(report)},
      {"populations", populations_json(report)},
      {"passes", passes_json(report)},
      {"facts", facts_json(report)},
      {"expectations", expectations_json(report)},
      {"neurobench", Json::Object{{"float", neurobench_json(report.neurobench_float)},
                                  {"spiking", neurobench_json(report.neurobench_spiking)}}},
      {"doctor", report.diagnosis ? diagnosis_json(*report.diagnosis) : Json(nullptr)},
      {"nir_export", report.nir_export ? nir_export_json(*report.nir_export) : Json(nullptr)},
      {"artifacts", strings(report.artifacts)},
      {"diagnostics", diagnostics_json(report)},
      {"timing", timing_json(report.timing)},
  };
}

}  // namespace neurotool
