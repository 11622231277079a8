// The step that writes the network for other programs, and says what they will make of it.
#include <fmt/format.h>

#include <algorithm>

#include "base/files.hpp"
#include "io/nir/data.hpp"
#include "io/nir/nir_file.hpp"
#include "session/execution.hpp"
#include "session/findings.hpp"
#include "session/nir_export.hpp"

namespace neurotool {

Result<> Execution::export_nir() {
  const NirExportConfig& wanted = config_.export_nir;
  if (std::holds_alternative<std::monostate>(wanted.profile.at)) return {};
  clock_.stage("export");
  if (!graph_) {
    return error("run.not-spiking", wanted.profile.at,
                 "the passes leave a tensor graph, and a NIR file holds a spiking network",
                 "add a pass that lowers it, such as 'qcfs'");
  }
  if (!folder_.wanted()) {
    return error("run.no-report-folder", wanted.profile.at,
                 "the NIR file goes into the report folder, and there is none",
                 "set report.directory");
  }
  const to_nir::ExportOptions options{
      .profile = to_nir::profile_named(wanted.profile.value).value_or(to_nir::Profile::kPlain),
      .dt_seconds = wanted.dt.value,
      .producer = "neurotool " + options_.tool_version,
      .at = wanted.profile.at};
  NT_TRY(const to_nir::Exported exported, to_nir::export_graph(*graph_, options, diagnostics_));
  nir::Document document;
  document.version = std::string(nir::kNewestVersion);
  document.graph = exported.graph;
  NT_TRY(const std::string bytes,
         nir::write(document, diagnostics_, {.max_nir_version = wanted.max_nir_version.value}));
  NT_TRY(const std::filesystem::path folder, folder_.folder("artifacts"));
  NT_TRY_VOID(write_file_atomic(folder / wanted.file.value, bytes));
  result_.report.artifacts.push_back("artifacts/" + wanted.file.value);
  if (!test_) return {};
  if (wanted.with_data.value) {
    NT_TRY(const nir::GraphData data,
           recorded_data(*graph_, exported, *test_, wanted.samples.value, result_.report.steps));
    const std::string name = std::filesystem::path(wanted.file.value).stem().string() + ".data.nir";
    NT_TRY_VOID(nir::write_data(folder / name, data));
    result_.report.artifacts.push_back("artifacts/" + name);
  }
  if (wanted.check.value == "none") return {};
  NT_TRY(const Fidelity fidelity,
         measure_fidelity(*graph_, exported, reader_of(exported, wanted), *test_,
                          wanted.samples.value, result_.report.steps, clock_));
  for (PassFact& fact : fidelity_facts(fidelity)) result_.report.facts.push_back(std::move(fact));
  for (Diagnostic& finding : fidelity_findings(fidelity, wanted)) {
    diagnostics_.report(std::move(finding));
  }
  return {};
}

}  // namespace neurotool
