// report.md: what report.json says, in the order in which people read. Names come from models and
// plugins, so they are escaped before they stand in a table.
#include <fmt/format.h>

#include "base/text.hpp"
#include "session/report_rows.hpp"

namespace neurotool {
namespace {

/// Text that cannot end a table cell or start markup.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : escape_control(text)) {
    if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '_' || c == '<' || c == '[') {
      result += '\\';
    }
    result += c;
  }
  return result;
}

std::string line(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& content : cells) text += " " + content + " |";
  return text + "\n";
}

/// `alignment`: one letter per column, 'l' or 'r'.
std::string head(const std::vector<std::string>& names, std::string_view alignment) {
  std::string text = line(names) + "|";
  for (const char side : alignment) text += side == 'r' ? " --: |" : " :-- |";
  return text + "\n";
}

std::string whole(std::int64_t value) { return with_thousands(static_cast<std::uint64_t>(value)); }

std::string number_or_dash(const std::optional<double>& value) {
  return value ? count_text(*value) : "–";
}

std::string results_section(const Report& report) {
  std::string text = "## Results\n\n" + head({"", "", "", "origin"}, "lrll");
  for (const ReportRow& row : headline(report)) {
    text += line({row.label, row.value, cell(row.unit),
                  row.origin ? std::string(origin_name(*row.origin)) : ""});
  }
  if (report.provisional) {
    text += "\nThresholds are provisional: no calibration data was seen.\n";
  }
  return text + "\n";
}

std::string expectations_section(const Report& report) {
  if (report.expectations.empty()) return {};
  std::string text = "## Expectations\n\n" + head({"expected", "found", ""}, "lrl");
  for (const ExpectationResult& item : report.expectations) {
    text += line({fmt::format("{} {} {}", cell(item.metric), cell(item.comparison),
                              number_text(item.wanted)),
                  number_text(item.found), item.met ? "met" : "**not met**"});
  }
  return text + "\n";
}

std::string populations_section(const Report& report, bool has_chart) {
  if (report.populations.empty()) return {};
  std::string text = "## Populations\n\n";
  if (has_chart) text += "![Events per neuron and sample](events.svg)\n\n";
  for (const Figure& figure : report.figures) {
    text += fmt::format("![{}]({})\n\n", figure.caption, figure.file);
  }
  text += head({"population", "model", "shape", "neurons", "synapses in", "events per neuron",
                "synaptic operations", "from"},
               "lllrrrrl");
  for (const PopulationReport& row : report.populations) {
    std::string origins;
    for (const std::string& origin : row.origins) {
      origins += (origins.empty() ? "" : ", ") + cell(origin);
    }
    text += line({cell(row.name), cell(row.model), cell(row.shape), whole(row.neurons),
                  whole(row.synapses_in), number_or_dash(row.events_per_neuron),
                  number_or_dash(row.synaptic_operations), origins});
  }
  return text + "\nEvents and operations are per sample.\n\n";
}

std::string passes_section(const Report& report) {
  if (report.passes.empty()) return {};
  std::string text = "## Passes\n\n" + head({"pass", "options", "changed", "nodes"}, "lllr");
  for (const PassReport& pass : report.passes) {
    std::string options;
    for (const auto& [key, value] : pass.options) {
      options +=
          fmt::format("{}{}: {}", options.empty() ? "" : ", ", cell(key), cell(value_text(value)));
    }
    text += line({cell(pass.name), options,
                  !pass.ran      ? "did not run"
                  : pass.changed ? "yes"
                                 : "no",
                  fmt::format("{} → {}", pass.nodes_before, pass.nodes_after)});
  }
  if (!report.facts.empty()) {
    text += "\n" + head({"pass", "subject", "fact", "value"}, "lllr");
    for (const PassFact& fact : report.facts) {
      text += line({cell(fact.pass), cell(fact.subject), cell(fact.name), number_text(fact.value)});
    }
  }
  return text + "\n";
}

std::string nir_section(const Report& report) {
  if (!report.nir_export) return {};
  const NirExportReport& made = *report.nir_export;
  std::string text = "## NIR file\n\n";
  text += made.file.empty() ? "Not written" : "`artifacts/" + escape_control(made.file) + "`";
  text += fmt::format(", profile {}.", cell(made.profile));
  if (!made.check) return text + " Not checked against a reader.\n\n";
  const FidelityText check = fidelity_text(*made.check);
  text += " " + cell(check.headline) + ":\n\n" + head(check.rows.front(), "lrrr");
  for (std::size_t i = 1; i < check.rows.size(); ++i) {
    std::vector<std::string> cells = check.rows[i];
    cells.front() = cell(cells.front());
    text += line(cells);
  }
  return text + fmt::format("\n{} {}; {}.\n\n", made.faithful() ? "Faithful:" : "**Not faithful:**",
                            nir_export_verdict(made), check.readouts);
}

/// Everything with a name that the table on top does not show.
std::string metrics_section(const Report& report) {
  if (report.metrics.empty()) return {};
  std::string text = "## All metrics\n\n" + head({"name", "value", "unit", "origin"}, "lrll");
  for (const Metric& metric : report.metrics) {
    std::string value = number_text(metric.value);
    if (metric.limit > 0) value += " of " + number_text(metric.limit);
    text += line(
        {cell(metric.name), value, cell(metric.unit), std::string(origin_name(metric.origin))});
  }
  return text + "\n";
}

std::string files_section(const Report& report) {
  std::string text = "## Inputs\n\n" + head({"", "file", "sha256"}, "lll");
  for (const InputFileReport& file : report.files) {
    text += line({file.role, cell(file.name), "`" + file.sha256 + "`"});
  }
  text += fmt::format("\nneurotool {}, seed {}. `pipeline.lock.yaml` repeats this run.\n\n",
                      cell(report.tool_version), report.seed);
  if (report.artifacts.empty()) return text;
  text += "Artifacts:\n\n";
  for (const std::string& name : report.artifacts) text += "- " + cell(name) + "\n";
  return text + "\n";
}

std::string diagnostics_section(const Report& report) {
  if (report.diagnostics.empty()) return {};
  std::string text = "## Warnings and notes\n\n";
  for (const Diagnostic& item : report.diagnostics) {
    text += fmt::format("- {} `{}`: {}\n", severity_word(item.severity), escape_control(item.code),
                        cell(item.message));
  }
  return text + "\n";
}

constexpr std::string_view kOrigins = R"(## What the origins mean

- **measured**: read from something that ran: the float network and wall time on this computer, or
  a device where the target drives one.
- **simulated**: counted by a simulator of the spiking network; not a measurement of a chip.
- **modelled**: computed from a description, such as sizes or energy per operation; nothing ran.

)";

std::string time_section(const Timing& timing) {
  std::string text = fmt::format(
      "## Time\n\nMeasured on this computer with {} {}; the only section that differs between two "
      "equal runs.\n\n",
      timing.threads, timing.threads == 1 ? "thread" : "threads");
  text += head({"stage", "time"}, "lr");
  for (const auto& [name, seconds] : timing.stages) {
    text += line({cell(name), seconds_text(seconds)});
  }
  return text + line({"total", seconds_text(timing.total_seconds)});
}

}  // namespace

std::string report_markdown(const Report& report) {
  std::string text = fmt::format("# {}\n\n", cell(report_title(report)));
  if (!report.data_name.empty()) {
    text += fmt::format("{} samples of {}.\n\n", with_thousands(report.samples),
                        cell(report.data_name));
  }
  text += results_section(report);
  text += expectations_section(report);
  text += populations_section(report, !report_chart(report).empty());
  if (report.diagnosis) text += diagnosis_markdown(*report.diagnosis);
  text += nir_section(report);
  text += diagnostics_section(report);
  text += passes_section(report);
  text += metrics_section(report);
  text += files_section(report);
  text += kOrigins;
  return text + time_section(report.timing);
}

}  // namespace neurotool
