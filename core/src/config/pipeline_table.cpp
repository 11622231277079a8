// The sections and keys of a pipeline file, each said once.
#include "config/pipeline_table.hpp"

#include <array>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "base/check.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

constexpr double kOpen = std::numeric_limits<double>::infinity();
constexpr std::array<std::pair<std::string_view, RunMode>, 3> kModes{
    {{"plan", RunMode::kPlan}, {"compile", RunMode::kCompile}, {"simulate", RunMode::kSimulate}}};

// How each member type is stored in an option, and read back from one.

template <class T>
struct Member {
  static constexpr OptionType kType = detail::OptionTraits<T>::kType;
  using Stored = typename detail::OptionTraits<T>::Stored;
  static T from(const OptionValue& value, const fs::path&) {
    return static_cast<T>(std::get<Stored>(value));
  }
  static OptionValue to(const T& value, const fs::path&) {
    return OptionValue(static_cast<Stored>(value));
  }
};

template <>
struct Member<fs::path> {
  static constexpr OptionType kType = OptionType::kText;
  static fs::path from(const OptionValue& value, const fs::path& folder) {
    const fs::path given = std::get<std::string>(value);
    if (given.empty() || given.is_absolute()) return given;
    return (folder / given).lexically_normal();
  }
  static OptionValue to(const fs::path& value, const fs::path& folder) {
    if (value.empty()) return std::string();
    const fs::path base = folder.empty() ? fs::path(".") : folder;
    // Between a relative and an absolute path there is no way that text alone can tell.
    const fs::path relative = value.lexically_proximate(base);
    return (value.is_absolute() == base.is_absolute() ? relative : value).generic_string();
  }
};

template <>
struct Member<RunMode> {
  static constexpr OptionType kType = OptionType::kChoice;
  static RunMode from(const OptionValue& value, const fs::path&) {
    for (const auto& [name, mode] : kModes) {
      if (name == std::get<std::string>(value)) return mode;
    }
    NT_CHECK(false, "a checked choice is one of the modes");
  }
  static OptionValue to(RunMode mode, const fs::path&) { return std::string(mode_name(mode)); }
};

struct RowBuilder : PipelineRow {
  RowBuilder range(double minimum, double maximum) && {
    info.bounded = true;
    info.minimum = minimum;
    info.maximum = maximum;
    return std::move(*this);
  }
  RowBuilder choices(std::vector<std::string> words) && {
    info.type = OptionType::kChoice;
    info.choices = std::move(words);
    return std::move(*this);
  }
  RowBuilder required() && {
    info.required = true;
    return std::move(*this);
  }
};

/// `access` gives the Located member of a PipelineConfig, const or not.
template <class Access>
RowBuilder row(std::string key, Access access, std::string summary) {
  using T = std::remove_cvref_t<decltype(access(std::declval<PipelineConfig&>()).value)>;
  RowBuilder made;
  made.info = {.key = std::move(key), .type = Member<T>::kType, .summary = std::move(summary)};
  made.set = [access](PipelineConfig& config, const CheckedOption& option, const fs::path& folder) {
    access(config).value = Member<T>::from(option.value, folder);
    access(config).at = option.at;
  };
  made.get = [access](const PipelineConfig& config, const fs::path& folder) {
    return Member<T>::to(access(config).value, folder);
  };
  made.where = [access](const PipelineConfig& config) { return access(config).at; };
  made.info.fallback = made.get(PipelineConfig{}, {});
  return made;
}

/// A row for a file that the run reads.
template <class Access>
RowBuilder input_file(std::string key, Access access, std::string summary) {
  RowBuilder made = row(std::move(key), access, std::move(summary));
  made.input_file = [access](const PipelineConfig& config) { return &access(config); };
  return made;
}

PipelineRow version_row() {
  RowBuilder made;
  made.info = {.key = "version",
               .type = OptionType::kInt,
               .summary = "Version of the file format, always 1.",
               .fallback = std::int64_t{kPipelineVersion}};
  made.set = [](PipelineConfig&, const CheckedOption&, const fs::path&) {};
  made.get = [](const PipelineConfig&, const fs::path&) {
    return OptionValue(std::int64_t{kPipelineVersion});
  };
  return std::move(made).range(kPipelineVersion, kPipelineVersion).required();
}

PipelineSection data_section(std::string path, std::string summary,
                             DataConfig PipelineConfig::*data) {
  const auto member = [data](auto field) {
    return [ data, field ](auto& config) -> auto& { return config.*data.*field; };
  };
  return {.info = {.path = std::move(path), .summary = std::move(summary)},
          .rows = {input_file("images", member(&DataConfig::images),
                              "The file with the samples; plain or gzip.")
                       .required(),
                   input_file("labels", member(&DataConfig::labels),
                              "The file with the labels, where the samples' file does not hold "
                              "them."),
                   row("format", member(&DataConfig::format),
                       "The files' format; auto looks at their content.")
                       .choices({"auto", "idx", "cifar10", "npy", "npz"}),
                   row("array", member(&DataConfig::array), "Name of the samples inside an npz."),
                   row("label_array", member(&DataConfig::label_array),
                       "Name of the labels inside an npz."),
                   row("first", member(&DataConfig::first), "Number of samples to skip.")
                       .range(0, kOpen),
                   row("count", member(&DataConfig::count),
                       "Number of samples to use; 0 means up to the end.")
                       .range(0, kOpen)},
          .data = data};
}

PipelineSection preprocess_section() {
  const auto member = [](auto field) {
    return [field](auto& config) -> auto& { return config.preprocess.*field; };
  };
  return {.info = {.path = "data.preprocess",
                   .summary = "From stored values to the model's input: (stored / divide - mean) / "
                              "std, per channel."},
          .rows = {row("divide", member(&PreprocessConfig::divide), "Divides every stored value.")
                       .range(1e-6, 1e9),
                   row("mean", member(&PreprocessConfig::mean),
                       "Subtracted after that: one number, or one per channel."),
                   row("std", member(&PreprocessConfig::std),
                       "Divides after that: one number, or one per channel.")
                       .range(1e-6, 1e9)}};
}

PipelineSection target_section() {
  const auto member = [](auto field) {
    return [field](auto& config) -> auto& { return config.*field; };
  };
  return {
      .info = {.path = "target",
               .summary = "What the network is made for and runs on; 'target: cpu' gives the name "
                          "alone.",
               .shorthand = "name"},
      .rows = {row("name", member(&PipelineConfig::target),
                   "Name of the target; 'neurotool targets' lists them.")
                   .required(),
               row("version", member(&PipelineConfig::target_version),
                   "Versions of the plugin that will do, such as \">=1.2\"."),
               row("sha256", member(&PipelineConfig::target_sha256),
                   "SHA-256 that the plugin's file must have: 64 hexadecimal digits.")}};
}

PipelineSection run_section() {
  const auto member = [](auto field) {
    return [field](auto& config) -> auto& { return config.*field; };
  };
  std::vector<std::string> modes;
  for (const auto& [name, mode] : kModes) modes.emplace_back(name);
  return {
      .info = {.path = "run", .summary = "How far to go, and for how long."},
      .rows = {row("mode", member(&PipelineConfig::mode),
                   "How far to go: check everything, compile too, or simulate too.")
                   .choices(std::move(modes)),
               row("steps", member(&PipelineConfig::steps),
                   "Time steps per sample; 0 means what the passes chose.")
                   .range(0, 1e6),
               row("batch", member(&PipelineConfig::batch), "Samples handed to the target at once.")
                   .range(1, 65536),
               row("seed", member(&PipelineConfig::seed),
                   "Seed of everything random in passes and target.")
                   .range(0, kOpen)}};
}

RowBuilder expectation(std::string key, std::string summary) {
  RowBuilder made;
  made.info = {.key = std::move(key),
               .type = OptionType::kText,
               .summary = std::move(summary),
               .fallback = std::string()};
  return made;
}

PipelineSection expect_section() {
  return {.info = {.path = "report.expect",
                   .summary = "What the run must reach, such as accuracy: \">= 0.97\"; exit code 1 "
                              "when it does not.",
                   .shape = SectionShape::kExpectations},
          .rows = {expectation("accuracy", "Share of test samples that the spikes label correctly.")
                       .range(0, 1),
                   expectation("float_accuracy",
                               "Share of test samples that the model labels correctly before "
                               "conversion.")
                       .range(0, 1),
                   expectation("tensor_accuracy",
                               "The same after passes that quantise, prune or train it.")
                       .range(0, 1),
                   expectation("gap", "float_accuracy less accuracy, in percentage points.")
                       .range(-100, 100)}};
}

PipelineSection report_section() {
  const auto directory = [](auto& config) -> auto& { return config.report_directory; };
  return {.info = {.path = "report", .summary = "What is written about the run, and where."},
          .rows = {row("directory", directory,
                       "Folder for the report; without it nothing is written.")}};
}

PipelineSection doctor_section() {
  const auto samples = [](auto& config) -> auto& { return config.doctor_samples; };
  const auto trials = [](auto& config) -> auto& { return config.doctor_trials; };
  return {.info = {.path = "report.doctor",
                   .summary = "Where accuracy goes, layer by layer, and what may help."},
          .rows = {row("samples", samples,
                       "Test samples to examine, from the first on; 0 for no examination.")
                       .range(0, 1e6),
                   row("trials", trials, "Try each piece of advice on the same samples.")}};
}

PipelineSection neurobench_section() {
  const auto samples = [](auto& config) -> auto& { return config.neurobench_samples; };
  return {.info = {.path = "report.neurobench",
                   .summary = "The metrics of the NeuroBench harness, beside the others."},
          .rows = {row("samples", samples,
                       "Test samples that activity is counted on, from the first on; 0 for sizes "
                       "only.")
                       .range(0, 1e6)}};
}

PipelineSection model_section() {
  const auto path = [](auto& config) -> auto& { return config.model; };
  const auto reference = [](auto& config) -> auto& { return config.model_reference; };
  return {.info = {.path = "model",
                   .summary = "The trained network; 'model: FILE' gives the path alone.",
                   .required = true,
                   .shorthand = "path"},
          .rows = {input_file("path", path, "The trained network (ONNX, NIR, Lava), or a snapshot.")
                       .required(),
                   input_file("reference", reference,
                              "An npz of inputs and what the network makes of them, to check the "
                              "import against.")}};
}

PipelineSection model_nir_section() {
  const auto member = [](auto field) {
    return [field](auto& config) -> auto& { return config.model_nir.*field; };
  };
  using Nir = NirModelConfig;
  return {
      .info = {.path = "model.nir",
               .summary = "How a NIR file becomes steps; what is left at auto the file decides, "
                          "and the run reports."},
      .rows = {row("preset", member(&Nir::preset),
                   "The simulator whose reading of the file is meant.")
                   .choices({"auto", "norse", "snntorch", "snntorch_1_0", "spikingjelly", "sinabs",
                             "rockpool", "lava", "spyx", "nir_ode", "neurotool"}),
               row("dt", member(&Nir::dt), "Seconds per step; 0 means what the file says.")
                   .range(0, 1e3),
               row("time_unit", member(&Nir::time_unit), "What the file's time constants are in.")
                   .choices({"auto", "s", "ms", "step"}),
               row("integrator", member(&Nir::integrator), "How a step solves the equations.")
                   .choices({"auto", "euler", "exact", "norm_free", "decay"}),
               row("compare", member(&Nir::compare),
                   "Which membrane fires: above the threshold (gt), or at it too (ge).")
                   .choices({"auto", "gt", "ge"}),
               row("reset", member(&Nir::reset), "What a spike does to the membrane.")
                   .choices({"auto", "zero", "value", "subtract"}),
               row("v_init", member(&Nir::v_init), "Where membranes start.")
                   .choices({"auto", "zero", "v_leak", "v_reset"}),
               row("input", member(&Nir::input),
                   "Whether samples hold one value per neuron, or one per neuron and step.")
                   .choices({"auto", "held", "steps"})},
      .only_given = true};
}

PipelineSection export_nir_section() {
  const auto member = [](auto field) {
    return [field](auto& config) -> auto& { return config.export_nir.*field; };
  };
  using Nir = NirExportConfig;
  return {
      .info = {.path = "export.nir",
               .summary = "The network as a NIR file among the report's artifacts, checked against "
                          "what its reader makes of it; 'nir: norse' gives the profile alone.",
               .shorthand = "profile"},
      .rows = {
          row("profile", member(&Nir::profile),
              "Which encoding stands for soft reset, v(0) and the comparison.")
              .choices({"plain", "native", "norse", "hard"})
              .required(),
          row("file", member(&Nir::file), "Name of the file."),
          row("max_nir_version", member(&Nir::max_nir_version),
              "Oldest nir package that must read the file.")
              .choices(
                  {"1.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5", "1.0.6", "1.0.7", "1.0.8"}),
          row("dt", member(&Nir::dt), "Seconds per step; 0 means the profile's.").range(0, 1e3),
          row("with_data", member(&Nir::with_data),
              "Also write the checked samples and what each layer should send, as NIRData."),
          row("check", member(&Nir::check),
              "The simulator whose reading the file is checked with; auto is the profile's.")
              .choices({"auto", "none", "norse", "snntorch", "snntorch_1_0", "spikingjelly",
                        "sinabs", "rockpool", "lava", "spyx", "nir_ode", "neurotool"}),
          row("adapter", member(&Nir::adapter),
              "Check spikingjelly and sinabs with their files of tools/nir_adapters."),
          row("samples", member(&Nir::samples), "Test samples to check with, from the first on.")
              .range(1, 1e6),
          row("max_mismatches", member(&Nir::max_mismatches),
              "Percent of the spikes, and of the samples in their class, that may differ; more is "
              "exit code 1, and no file.")
              .range(0, 100)}};
}

PipelineSection export_netx_section() {
  const auto file = [](auto& config) -> auto& { return config.export_netx.file; };
  return {.info = {.path = "export.netx",
                   .summary = "The network as Lava loads it among the report's artifacts; 'netx: "
                              "NAME.net' gives the name alone.",
                   .shorthand = "file"},
          .rows = {row("file", file, "Name of the file.").required()}};
}

std::vector<PipelineSection> make_table() {
  std::vector<PipelineSection> table;
  table.push_back({.info = {.path = "", .summary = "A pipeline file."}, .rows = {version_row()}});
  table.push_back(model_section());
  table.push_back({.info = {.path = "model.dims",
                            .summary = "Numbers for free extents of the model's inputs, by name; "
                                       "'neurotool inspect MODEL' lists them.",
                            .shape = SectionShape::kDims}});
  table.push_back(model_nir_section());
  table.push_back({.info = {.path = "data", .summary = "Samples and how they are prepared."}});
  table.push_back(
      data_section("data.test", "Samples that accuracy is measured on.", &PipelineConfig::test));
  table.push_back(data_section("data.calibration",
                               "Samples that passes choose thresholds with; never the test set.",
                               &PipelineConfig::calibration));
  table.push_back(data_section("data.train",
                               "Labelled samples that passes train with; never the test set.",
                               &PipelineConfig::train));
  table.push_back(preprocess_section());
  table.push_back({.info = {.path = "passes",
                            .summary = "What is done to the network, in this order; 'neurotool "
                                       "passes' lists them.",
                            .shape = SectionShape::kPassList}});
  table.push_back(target_section());
  table.push_back(
      {.info = {.path = "target.options",
                .summary = "Options of the target; 'neurotool targets NAME' lists them.",
                .shape = SectionShape::kTargetOptions}});
  table.push_back(run_section());
  table.push_back(
      {.info = {.path = "export", .summary = "Files of the network for other programs."}});
  table.push_back(export_nir_section());
  table.push_back(export_netx_section());
  table.push_back(report_section());
  table.push_back(doctor_section());
  table.push_back(neurobench_section());
  table.push_back(expect_section());
  for (PipelineSection& section : table) {
    for (const PipelineRow& row : section.rows) section.info.rows.push_back(row.info);
  }
  return table;
}

}  // namespace

const std::vector<PipelineSection>& pipeline_table() {
  static const std::vector<PipelineSection> table = make_table();
  return table;
}

const std::vector<SectionInfo>& pipeline_sections() {
  static const std::vector<SectionInfo> sections = [] {
    std::vector<SectionInfo> infos;
    for (const PipelineSection& section : pipeline_table()) infos.push_back(section.info);
    return infos;
  }();
  return sections;
}

std::string_view parent_section(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == path.npos ? std::string_view() : path.substr(0, dot);
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('.') + 1); }

std::string_view mode_name(RunMode mode) {
  for (const auto& [name, value] : kModes) {
    if (value == mode) return name;
  }
  return {};
}

}  // namespace neurotool
