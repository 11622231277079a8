// The steps that write the network as a file for other programs: lowered before anything long runs,
// so that what cannot be expressed is refused at once. A NIR file is checked and written when the
// target's mapping is known; one whose reader does something else than the limit allows is not
// written.
#include <fmt/format.h>

#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "io/netx/netx.hpp"
#include "io/nir/nir_file.hpp"
#include "session/execution.hpp"
#include "session/findings.hpp"

namespace neurotool {
namespace {

Result<std::string> nir_bytes(const to_nir::Exported& exported, const NirExportConfig& wanted,
                              Diagnostics& diagnostics) {
  nir::Document document;
  document.version = std::string(nir::kNewestVersion);
  document.graph = exported.graph;
  return nir::write(document, diagnostics, {.max_nir_version = wanted.max_nir_version.value});
}

std::string count(std::int64_t value) { return with_thousands(static_cast<std::uint64_t>(value)); }

Error unfaithful(const Fidelity& check, const NirExportConfig& limit) {
  const bool spikes = check.mismatch_percent() > limit.max_mismatches.value;
  const FidelityLayer all = check.total();
  const std::string counts =
      spikes ? fmt::format("{} of {} spikes differ, {} %", count(all.mismatches), count(all.either),
                           short_number(check.mismatch_percent()))
             : fmt::format("{} of {} samples get another class, {} %", check.other_classes,
                           check.samples, short_number(check.class_percent()));
  Error found = error(
      "nir.fidelity",
      limit.max_mismatches.at == Location() ? limit.profile.at : limit.max_mismatches.at,
      fmt::format("{}, where export.nir.max_mismatches allows {} %; the file is not written",
                  counts, number_text(limit.max_mismatches.value)),
      "choose another profile, name the simulator that the file is for in export.nir.check, or "
      "raise the limit");
  found.notes.push_back({{}, "the file was run with " + check.reader});
  for (const FidelityLayer& layer : check.layers) {
    if (layer.mismatches == 0) continue;
    found.notes.push_back(
        {{},
         fmt::format("'{}' is the first population that differs, {} of {} spikes", layer.population,
                     count(layer.mismatches), count(layer.either))});
    break;
  }
  return found;
}

/// Whether the file of export.FORMAT can be named so, in a report folder that is wanted.
Result<> check_file(std::string_view format, const Located<std::string>& file, bool has_folder,
                    const Location& section = {}) {
  if (!has_folder) {
    return error(
        "run.no-report-folder", section == Location() ? file.at : section,
        fmt::format("the file of export.{} goes into the report folder, and there is none", format),
        "set report.directory");
  }
  const std::filesystem::path name = file.value;
  if (!name.empty() && name == name.filename() && name != "." && name != "..") return {};
  return error("run.export-file", file.at,
               fmt::format("export.{}.file is '{}', expected a name without folders", format,
                           escape_control(file.value)),
               "the file goes into the folder 'artifacts' of the report");
}

}  // namespace

Result<> Execution::check_export_request() {
  if (exports_netx()) NT_TRY_VOID(check_file("netx", config_.export_netx.file, folder_.wanted()));
  if (!exports_nir()) return {};
  const NirExportConfig& wanted = config_.export_nir;
  NT_TRY_VOID(check_file("nir", wanted.file, folder_.wanted(), wanted.profile.at));
  const bool needs_samples = wanted.check.value != "none" || wanted.with_data.value;
  if (!needs_samples || config_.test.given) return {};
  return error("run.no-data", wanted.profile.at,
               "export.nir runs test samples to check the file, and there is no test data",
               "add 'data: { test: { images: FILE } }', or set export.nir.check to none");
}

Result<> Execution::prepare_export() {
  if (exports_nir() || exports_netx()) clock_.stage("prepare export");
  if (exports_netx()) {
    NT_TRY(const netx::Network network, netx::from_graph(*graph_, diagnostics_));
    NT_TRY(netx_bytes_, netx::write(network));
  }
  if (!exports_nir()) return {};
  const NirExportConfig& wanted = config_.export_nir;
  NT_TRY(
      exported_,
      to_nir::export_graph(
          *graph_,
          {.profile = to_nir::profile_named(wanted.profile.value).value_or(to_nir::Profile::kPlain),
           .dt_seconds = wanted.dt.value,
           .producer = "neurotool " + options_.tool_version,
           .at = wanted.profile.at,
           .without_pooling = wanted.max_nir_version.value == "1.0.5"},
          diagnostics_));
  // What this version of nir cannot hold is known now, too.
  NT_TRY_VOID(nir_bytes(*exported_, wanted, diagnostics_));
  return {};
}

Result<> Execution::export_nir() {
  if (!exported_) return {};
  clock_.stage("export");
  const NirExportConfig& wanted = config_.export_nir;
  if (program_) {
    annotate_mapping(*graph_, target_->description(), program_->compiled().placements, *exported_);
  }
  NT_TRY(const std::string bytes, nir_bytes(*exported_, wanted, diagnostics_));
  NirExportReport report{.file = {},
                         .profile = wanted.profile.value,
                         .dt_seconds = exported_->dt_seconds,
                         .limit_percent = wanted.max_mismatches.value,
                         .check = {}};
  if (wanted.check.value != "none") {
    NT_TRY(const nir::Document file, nir::read(bytes, wanted.file.value, diagnostics_));
    NT_TRY(report.check,
           measure_fidelity(fidelity_run(), file.graph, reader_of(file.graph, *exported_, wanted),
                            diagnostics_, clock_));
  }
  if (report.faithful()) {
    report.file = wanted.file.value;
    NT_TRY_VOID(write_artifacts(bytes));
  } else {
    report_once(diagnostics_, unfaithful(*report.check, wanted));
  }
  result_.report.nir_export = std::move(report);
  return {};
}

Result<> Execution::export_netx() {
  if (!exports_netx()) return {};
  const Located<std::string>& file = config_.export_netx.file;
  return write_artifact(file.value, netx_bytes_, "export.netx.file", file.at);
}

Result<> Execution::write_artifacts(const std::string& bytes) {
  const auto write = [&](const std::string& name, std::string_view content) {
    return write_artifact(name, content, "export.nir.file", config_.export_nir.file.at);
  };
  const std::string& name = config_.export_nir.file.value;
  NT_TRY_VOID(write(name, bytes));
  if (!config_.export_nir.with_data.value) return {};
  NT_TRY(const nir::GraphData data, recorded_data(fidelity_run()));
  NT_TRY(const std::string recorded, nir::write_data(data));
  return write(std::filesystem::path(name).stem().string() + ".data.nir", recorded);
}

FidelityRun Execution::fidelity_run() const {
  return {.graph = *graph_,
          .exported = *exported_,
          .data = *test_,
          .samples = config_.export_nir.samples.value,
          .steps = result_.report.steps,
          .seed = config_.seed.value};
}

Result<> Execution::write_artifact(const std::string& name, std::string_view bytes,
                                   std::string_view wanted, const Location& at) {
  NT_TRY(const std::filesystem::path folder, folder_.folder("artifacts"));
  if (std::filesystem::exists(folder / name)) {
    return error("run.export-file", at, fmt::format("an artifact '{}' is written already", name),
                 fmt::format("choose another {}", wanted));
  }
  NT_TRY_VOID(write_file_atomic(folder / name, bytes));
  result_.report.artifacts.push_back(name);
  return {};
}

}  // namespace neurotool
