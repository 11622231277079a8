// What of the pipeline file and of a target's mapping goes into a NIR file, and into its check.
#include "session/nir_export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/text.hpp"
#include "session/stimulus.hpp"

namespace neurotool {
namespace {

using to_nir::Profile;

std::string word_or_none(const Located<std::string>& word) {
  return word.value == "auto" ? std::string() : word.value;
}

std::string_view default_reader(Profile profile) {
  switch (profile) {
    case Profile::kPlain:
      return "spikingjelly";
    case Profile::kNative:
      return "nir_ode";
    case Profile::kNorse:
      return "norse";
    case Profile::kHard:
      return "snntorch";
  }
  return {};
}

/// metadata/neurotool/v_init of the file, which is what the adapters read.
std::map<std::string, Tensor, std::less<>> initial_potentials(const nir::Graph& file) {
  std::map<std::string, Tensor, std::less<>> found;
  const nir::MetadataEntry* own = file.metadata.find("neurotool");
  const auto* tree = own ? std::get_if<nir::Metadata>(&own->value) : nullptr;
  const nir::MetadataEntry* starts = tree ? tree->find("v_init") : nullptr;
  const auto* nodes = starts ? std::get_if<nir::Metadata>(&starts->value) : nullptr;
  if (nodes == nullptr) return found;
  for (const nir::MetadataEntry& entry : nodes->entries) {
    if (const auto* value = std::get_if<Tensor>(&entry.value)) found.emplace(entry.key, *value);
  }
  return found;
}

/// The node that stands for a population; empty where it has none, such as a relay.
std::string node_of(const SpikeGraph& graph, const to_nir::Exported& exported,
                    const std::string& population) {
  const auto layer =
      std::ranges::find(exported.layers, population, &to_nir::ExportedLayer::population);
  if (layer != exported.layers.end()) return layer->node;
  const auto is = [&](const Result<PopulationId>& id) {
    return id && graph[*id].name == population;
  };
  if (is(only_input(graph))) return exported.input;
  return is(only_output(graph)) ? exported.output : std::string();
}

void annotate(nir::Node& node, std::span<const Placement> places) {
  nir::Metadata& tree = nir::subtree(node.metadata, "neurotool");
  const Placement& first = places.front();
  const bool one_core = std::ranges::all_of(places, [&](const Placement& place) {
    return place.chip == first.chip && place.core == first.core;
  });
  if (one_core) {
    nir::set(tree, "chip", nir::int_tensor(first.chip));
    nir::set(tree, "core", nir::int_tensor(first.core));
    return;
  }
  std::vector<std::int64_t> rows;
  for (const Placement& place : places) {
    rows.insert(rows.end(),
                {static_cast<std::int64_t>(place.first_neuron),
                 static_cast<std::int64_t>(place.neuron_count), place.chip, place.core});
  }
  const auto count = static_cast<std::int64_t>(places.size());
  nir::set(tree, "placement", Tensor::from<std::int64_t>({count, 4}, std::move(rows)));
}

}  // namespace

NirReading nir_reading(const PipelineConfig& config) {
  const NirModelConfig& nir = config.model_nir;
  return {.preset = word_or_none(nir.preset),
          .time_unit = word_or_none(nir.time_unit),
          .integrator = word_or_none(nir.integrator),
          .compare = word_or_none(nir.compare),
          .reset = word_or_none(nir.reset),
          .v_init = word_or_none(nir.v_init),
          .input = word_or_none(nir.input),
          .dt_seconds = nir.dt.value,
          .at = nir_reading_place(config)};
}

Location nir_reading_place(const PipelineConfig& config) {
  const NirModelConfig& nir = config.model_nir;
  for (const auto* word : {&nir.preset, &nir.time_unit, &nir.integrator, &nir.compare, &nir.reset,
                           &nir.v_init, &nir.input}) {
    if (word->value != "auto") return word->at;
  }
  return nir.dt.value > 0 ? nir.dt.at : Location();
}

bool NirExportReport::faithful() const {
  return !check ||
         (check->mismatch_percent() <= limit_percent && check->class_percent() <= limit_percent);
}

nir::Discretization reader_of(const nir::Graph& file, const to_nir::Exported& exported,
                              const NirExportConfig& config) {
  const Profile profile = to_nir::profile_named(config.profile.value).value_or(Profile::kPlain);
  const std::string name =
      config.check.value == "auto" ? std::string(default_reader(profile)) : config.check.value;
  nir::Discretization reader = *nir::preset(name);
  reader.dt = exported.dt_seconds;
  const bool soft = exported.resets_by_subtraction;
  // from_nir(…, reset_method=reset_subtract), which norse takes for CubaLIF nodes.
  if (name == "norse" && soft) reader.reset = nir::ResetRule::kSubtract;
  if (profile != Profile::kPlain) return reader;
  // import_from_nir(…, dt=1.0), because r of an IF is 1; a file of leaky neurons has its own step.
  const bool integrates = std::ranges::any_of(file.nodes, [](const nir::Node& node) {
    return std::holds_alternative<nir::IF>(node.primitive);
  });
  if (name == "spikingjelly" && integrates) reader.dt = 1;
  const bool has_adapter = name == "spikingjelly" || name == "sinabs";
  if (!(config.adapter.value && has_adapter) && name != "neurotool") return reader;
  if (has_adapter) reader.name += " with its adapter";
  reader.reset = soft ? nir::ResetRule::kSubtract : nir::ResetRule::kValue;
  reader.spikes = nir::SpikeCount::kSingle;
  reader.clamp_low = nir::ClampLow::kNone;
  if (!has_adapter && exported.fires_above) reader.compare = nir::Compare::kAbove;
  reader.v_init = nir::InitialPotential::kByNode;
  reader.v_init_by_node = initial_potentials(file);
  return reader;
}

void annotate_mapping(const SpikeGraph& graph, const TargetDescription& target,
                      std::span<const Placement> placements, to_nir::Exported& exported) {
  nir::Metadata& own = nir::subtree(exported.graph.metadata, "neurotool");
  nir::set(own, "target", target.name);
  nir::set(own, "target_version", target.plugin_version);
  std::map<std::string, std::vector<Placement>> by_population;
  for (const Placement& place : placements) by_population[place.population].push_back(place);
  for (const auto& [population, places] : by_population) {
    const std::string name = node_of(graph, exported, population);
    if (nir::Node* node = exported.graph.find(name)) annotate(*node, places);
  }
}

std::string nir_export_verdict(const NirExportReport& report) {
  return fmt::format("{} % of the spikes differ, at most {} % may",
                     short_number(report.check->mismatch_percent()),
                     number_text(report.limit_percent));
}

std::string nir_export_text(const NirExportReport& report) {
  const std::string profile = fmt::format("profile {}", report.profile);
  std::string text = report.file.empty()
                         ? fmt::format("NIR file not written, {}\n", profile)
                         : fmt::format("NIR file artifacts/{}, {}\n", report.file, profile);
  if (!report.check) return text + "not checked against a reader\n";
  const FidelityText check = fidelity_text(*report.check);
  text += check.headline + "\n" + align_columns(check.rows, {false, true, true, true});
  return text + nir_export_verdict(report) + "; " + check.readouts + "\n";
}

Json nir_export_json(const NirExportReport& report) {
  return Json::Object{
      {"file", report.file.empty() ? Json(nullptr) : Json("artifacts/" + report.file)},
      {"profile", report.profile},
      {"dt_seconds", report.dt_seconds},
      {"limit_percent", report.limit_percent},
      {"faithful", report.check ? Json(report.faithful()) : Json(nullptr)},
      {"check", report.check ? fidelity_json(*report.check) : Json(nullptr)}};
}

}  // namespace neurotool
