// The pipeline file as plain data with locations. The reader knows the shape of the file; what a
// pass or a target accepts is checked by those who know (passes/pipeline, target), on the nodes
// kept here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/schema.hpp"
#include "config/yaml.hpp"

namespace neurotool {

inline constexpr int kPipelineVersion = 1;

/// A value and where it was given; std::monostate = the default.
template <class T>
struct Located {
  T value{};
  Location at;
};

struct PassConfig {
  std::string name;
  Location at;
  yaml::Node options;  ///< a mapping, or kNull
};

/// One entry under `data:`. Paths are already resolved against the pipeline file's folder.
struct DataConfig {
  bool given = false;
  Location at;
  Located<std::filesystem::path> images, labels;  ///< labels.value empty: none given
  Located<std::string> format{"auto", {}};        ///< auto | idx | cifar10 | npy | npz
  Located<std::string> array{"x", {}}, label_array{"y", {}};
  Located<std::int64_t> first, count;  ///< count 0: to the end
};

struct PreprocessConfig {
  Located<double> divide{1.0, {}};
  Located<std::vector<double>> mean, std;
};

/// What a NIR file leaves open; "auto": chosen by the file, and reported.
struct NirModelConfig {
  Located<std::string> preset{"auto", {}}, time_unit{"auto", {}}, integrator{"auto", {}};
  Located<std::string> compare{"auto", {}}, reset{"auto", {}}, v_init{"auto", {}};
  Located<std::string> input{"auto", {}};
  Located<double> dt;  ///< seconds; 0: chosen by the file
};

/// The network as a NIR file, after the passes.
struct NirExportConfig {
  Located<std::string> profile;  ///< empty: no file is asked for
  Located<std::string> file{"model.nir", {}};
  Located<std::string> max_nir_version{"1.0.8", {}};
  Located<double> dt;  ///< seconds; 0: the profile's
  Located<bool> with_data{false, {}};
  Located<std::string> check{"auto", {}};  ///< a preset of eval/nir, "auto" or "none"
  Located<bool> adapter{true, {}};         ///< check with tools/nir_adapters in place
  Located<std::int64_t> samples{8, {}};
  Located<double> max_mismatches{0, {}};  ///< percent of spikes, and of samples in class
};

/// The network as a Lava network file (.net), after the passes.
struct NetxExportConfig {
  Located<std::string> file;  ///< empty: no file is asked for
};

enum class RunMode { kPlan, kCompile, kSimulate };

/// One line of `report: expect:`, such as accuracy ">= 0.97".
struct Expectation {
  std::string metric;      ///< accuracy | float_accuracy | gap
  std::string comparison;  ///< one of >=, >, <=, <, ==
  double value = 0;
  Location at;
};

/// One line of `model: dims:`, such as seq: 16.
struct BoundDim {
  std::string name;
  std::int64_t extent = 0;
  Location at;
};

struct PipelineConfig {
  std::filesystem::path file;  ///< empty when built from the command line
  std::string file_sha256;
  Located<std::filesystem::path> model;
  Located<std::filesystem::path> model_reference;  ///< empty: nothing to check the model against
  std::vector<BoundDim> model_dims;
  NirModelConfig model_nir;
  NirExportConfig export_nir;
  NetxExportConfig export_netx;
  DataConfig test, calibration, train;
  PreprocessConfig preprocess;
  std::vector<PassConfig> passes;
  Located<std::string> target;                         ///< empty: no target; only plan
  Located<std::string> target_version, target_sha256;  ///< only narrow the choice; may be empty
  yaml::Node target_options;
  Located<RunMode> mode{RunMode::kSimulate, {}};
  Located<std::int64_t> steps;          ///< 0 = what the passes chose
  Located<std::int64_t> batch{64, {}};  ///< samples handed to the target at once
  Located<std::uint64_t> seed{1, {}};
  Located<std::filesystem::path> report_directory;  ///< empty: no folder is written
  Located<std::int64_t> doctor_samples;  ///< test samples that the doctor looks at; 0: none
  Located<bool> doctor_trials{true, {}};
  Located<std::int64_t> neurobench_samples{32, {}};  ///< that activity is counted on; 0: none
  std::vector<Expectation> expect;
};

struct Override {
  std::uint32_t number = 0;  ///< 1 for the first --set
  std::string path, value;   ///< "run.steps", "16"; "passes.qcfs.steps" reaches a pass
};

/// Parses "PATH=VALUE". Errors: config.set-syntax.
Result<Override> parse_override(std::string_view text, std::uint32_t number);
/// Applies overrides to the document; the changed nodes carry an OverrideArgument location. Keys
/// that are missing on the way are made, and left to the schema to accept or refuse. Errors:
/// config.set-syntax (the value is no YAML), config.set-path.
Result<> apply_overrides(yaml::Node& document, const std::vector<Override>& overrides);

/// Reads, overrides and checks a pipeline file. All findings go to `diagnostics`; the returned
/// error is the first.
Result<PipelineConfig> read_pipeline(const std::filesystem::path& path,
                                     const std::vector<Override>& overrides,
                                     Diagnostics& diagnostics);

/// The same pipeline as a document with every default filled in. Paths are written relative to
/// `folder`, where the document will be stored. The nodes of values say where they were given.
yaml::Node to_yaml(const PipelineConfig& config, const std::filesystem::path& folder);

enum class SectionShape {
  kOptions,        ///< a mapping of `rows` and of the sections below it
  kPassList,       ///< passes: a list of names or one-key mappings
  kTargetOptions,  ///< a mapping that the target checks
  kExpectations,   ///< a mapping of `rows` to comparisons such as ">= 0.97"; bounds are of the
                   ///< number
  kDims,           ///< a mapping of names that the model knows to extents
};

/// The sections and their rows, from which help, docs and schema are printed. Parents come first.
struct SectionInfo {
  std::string path{};  ///< "" (the file itself), "run", "data.test", …
  std::string summary{};
  SectionShape shape = SectionShape::kOptions;
  bool required = false;
  std::string shorthand{};  ///< "name": `target: cpu` means `target: { name: cpu }`
  std::vector<OptionInfo> rows{};
};
const std::vector<SectionInfo>& pipeline_sections();

/// JSON Schema of the whole file. Passes and targets are given by name with their rows.
struct NamedRows {
  std::string name, summary;
  std::vector<OptionInfo> rows;
};
Json pipeline_json_schema(const std::vector<NamedRows>& passes,
                          const std::vector<NamedRows>& targets);

}  // namespace neurotool
