// An error in a file points into that file; the note behind it says which line of the pipeline sent
// us there.
#include "session/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "frontend/frontend.hpp"
#include "io/dataset.hpp"
#include "io/hdf5_tree.hpp"
#include "io/snapshot.hpp"
#include "ir/verify.hpp"
#include "session/nir_export.hpp"
#include "session/stimulus.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

/// HDF5 holds our snapshots as well as models. A snapshot says so in its last bytes; one that is
/// cut off has neither the graph of a NIR file nor the layers of a Lava network at its top.
bool is_snapshot(const fs::path& path) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n", kMark = "neurotool snapshot";
  constexpr std::streamoff kTail = 128;
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kSignature.size(), '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file || bytes != kSignature) return false;
  bytes.resize(kMark.size());
  file.seekg(-kTail, std::ios::end);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file && bytes == kMark) return true;
  const auto names = hdf5::top_names(path);
  return !names || std::ranges::none_of(*names, [](const std::string& name) {
    return name == "node" || name == "layer";
  });
}

Error with_note(Error error, const Location& at, std::string message) {
  if (!std::holds_alternative<std::monostate>(at) && at != error.at) {
    error.notes.push_back({at, std::move(message)});
  }
  return error;
}

/// A snapshot comes from outside: what breaks an invariant there is no bug of ours.
Result<Model> read_checked_snapshot(const fs::path& path) {
  NT_TRY(Model model, read_snapshot(path));
  Diagnostics findings;
  verify(model, findings);
  if (!findings.has_errors()) return model;
  const Error first = findings.first_error();
  return error("snapshot.inconsistent", FilePosition{.path = path.string()},
               fmt::format("the snapshot breaks the rule '{}': {}", first.code, first.message),
               "write it again with --dump-ir, or start from the model");
}

DataFormat format_of(const std::string& word) {
  if (word == "idx") return DataFormat::kIdx;
  if (word == "cifar10") return DataFormat::kCifar10;
  if (word == "npy") return DataFormat::kNpy;
  if (word == "npz") return DataFormat::kNpz;
  return DataFormat::kAuto;
}

std::string open_extents_help(const Model& model, const std::string& input) {
  std::string dims;
  for (const FreeExtent& free : model.free_extents) {
    if (free.axis == 0 || escape_control(free.input) != input) continue;
    const std::string name =
        free.name.empty() ? fmt::format("\"{}[{}]\"", free.input, free.axis) : free.name;
    dims += fmt::format("{}{}: N", dims.empty() ? "" : ", ", name);
  }
  if (dims.empty()) return "export the model with a fixed input size";
  return fmt::format("say how large it is, as 'model: {{ dims: {{ {} }} }}'", dims);
}

Result<Shape> tensor_sample_shape(const Model& model) {
  const TensorGraph& graph = model.tensor();
  const std::string help = "neurotool inspect " + model.path + " shows the inputs";
  if (graph.inputs.size() != 1) {
    return error(
        "run.inputs", ModelNode{model.path, graph.name},
        fmt::format("the network has {} inputs, a run needs exactly one", graph.inputs.size()),
        help);
  }
  const Value& input = graph[graph.inputs.front()];
  const Location at = ModelNode{model.path, input.name};
  if (!input.shape || input.shape->empty()) {
    return error("run.input-shape", at,
                 fmt::format("input '{}' has no shape with a batch axis", input.name), help);
  }
  if (std::ranges::count(*input.shape, 0) > 0) {
    return error("run.input-shape", at,
                 fmt::format("input '{}' has shape {}: an extent is 0, so that nothing goes in",
                             input.name, to_string(*input.shape)),
                 "export the model with a batch that is free, or of 1 sample");
  }
  Shape shape(input.shape->begin() + 1, input.shape->end());
  if (element_count(shape).value_or(0) > 0) return shape;
  return error("run.input-shape", at,
               fmt::format("input '{}' has shape {}: an extent other than the first is open",
                           input.name, to_string(*input.shape)),
               open_extents_help(model, input.name));
}

struct NamedFile {
  std::string role;
  const fs::path* path;
};

}  // namespace

Result<Model> read_model(const fs::path& path, const Location& named_at, Diagnostics& diagnostics,
                         const LoadOptions& options, const NirReading& nir) {
  Diagnostics own;
  Result<Model> model =
      is_snapshot(path) ? read_checked_snapshot(path) : load_model(path, own, options, nir);
  for (Diagnostic& item : own.all()) {
    const bool is_error = item.severity == Severity::kError;
    diagnostics.report(is_error ? with_note(std::move(item), named_at, "the model is named here")
                                : std::move(item));
  }
  if (!model) return with_note(std::move(model).error(), named_at, "the model is named here");
  return model;
}

Result<> check_nir_reading(const PipelineConfig& config) {
  const Location at = nir_reading_place(config);
  const bool is_nir = [&] {
    const auto names = hdf5::top_names(config.model.value);
    return names && std::ranges::find(*names, "node") != names->end();
  }();
  if (at == Location() || is_nir) return {};
  return error("run.model-nir", at,
               fmt::format("model.nir says how a NIR file is read, and '{}' is none",
                           config.model.value.filename().string()),
               "leave model.nir out");
}

LoadOptions load_options(const PipelineConfig& config) {
  LoadOptions options;
  for (const BoundDim& dim : config.model_dims) {
    options.extents.push_back({dim.name, dim.extent, dim.at});
  }
  return options;
}

Result<Shape> sample_shape(const Model& model, std::int64_t steps) {
  if (model.level() == Level::kTensor) return tensor_sample_shape(model);
  const SpikeGraph& graph = model.spike();
  NT_TRY(const PopulationId id, only_input(graph));
  const Input& input = std::get<Input>(graph[id].neuron);
  const Encoder& encoder = input.encoder;
  Shape shape = graph[id].shape;
  shape.front() /= encoder.copies();
  const bool coded = encoder.coding != Coding::kNone;
  if (coded ? encoder.takes_frames : !input.held) {
    shape.insert(shape.begin(), steps > 0 ? steps : std::int64_t{graph.steps});
  }
  return shape;
}

Result<std::unique_ptr<SampleSource>> open_samples(const DataConfig& data,
                                                   const PreprocessConfig& preprocess,
                                                   const Shape& shape) {
  DatasetSpec spec{.images = data.images.value,
                   .labels = {},
                   .format = format_of(data.format.value),
                   .array = data.array.value,
                   .label_array = data.label_array.value,
                   .first = data.first.value,
                   .count = data.count.value,
                   .preprocess = {.divide = preprocess.divide.value,
                                  .mean = preprocess.mean.value,
                                  .std = preprocess.std.value}};
  if (!data.labels.value.empty()) spec.labels = data.labels.value;
  auto source = open_dataset(spec, shape);
  if (!source) return with_note(std::move(source).error(), data.at, "the data is named here");
  return source;
}

Result<std::vector<InputFileReport>> describe_files(const PipelineConfig& config, bool with_data) {
  std::vector<NamedFile> files{{"model", &config.model.value},
                               {"model reference", &config.model_reference.value}};
  if (with_data) {
    files.push_back({"test images", &config.test.images.value});
    files.push_back({"test labels", &config.test.labels.value});
    files.push_back({"calibration images", &config.calibration.images.value});
    files.push_back({"calibration labels", &config.calibration.labels.value});
    files.push_back({"training images", &config.train.images.value});
    files.push_back({"training labels", &config.train.labels.value});
  }
  std::vector<InputFileReport> result;
  for (const NamedFile& file : files) {
    if (file.path->empty()) continue;
    NT_TRY(std::string hash, sha256_file(*file.path));
    result.push_back({file.role, file.path->filename().string(), std::move(hash)});
  }
  return result;
}

}  // namespace neurotool
