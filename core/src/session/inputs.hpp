// What a session reads: the model, the data sets that belong to it, and their hashes.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "config/pipeline.hpp"
#include "frontend/load_options.hpp"
#include "frontend/nir_reading.hpp"
#include "ir/model.hpp"
#include "ir/samples.hpp"
#include "session/report.hpp"

namespace neurotool {

/// A trained network or a snapshot, told apart by content. Findings go to `diagnostics`; errors
/// carry a note that says where the pipeline names the file. Errors: model.*, onnx.*, snapshot.*.
Result<Model> read_model(const std::filesystem::path& path, const Location& named_at,
                         Diagnostics& diagnostics, const LoadOptions& options = {},
                         const NirReading& nir = {});
/// Refuses keys of model.nir where the model is no NIR file. Error: run.model-nir.
Result<> check_nir_reading(const PipelineConfig& config);
/// What the pipeline says about the model's free extents.
LoadOptions load_options(const PipelineConfig& config);

/// The shape of one sample: the model's only input without its batch axis; of a spiking model whose
/// input is not held, steps come first. Errors: run.inputs, run.input-shape.
Result<Shape> sample_shape(const Model& model, std::int64_t steps);

/// Opens data.test, data.calibration or data.train. Errors: data.*, with a note that says where it
/// is named.
Result<std::unique_ptr<SampleSource>> open_samples(const DataConfig& data,
                                                   const PreprocessConfig& preprocess,
                                                   const Shape& shape);

/// Name and hash of the files of `config`, data files only if `with_data`. Errors: file.*.
Result<std::vector<InputFileReport>> describe_files(const PipelineConfig& config, bool with_data);

}  // namespace neurotool
