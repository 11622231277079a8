// One file to one Model. The format is told by content, never by the file's name.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "frontend/load_options.hpp"
#include "frontend/nir_reading.hpp"
#include "ir/model.hpp"

namespace neurotool {

/// Loads a model file. Every finding goes to `diagnostics` (all unsupported nodes at once, with
/// names); the returned error is the first. What a NIR file leaves open is `nir`'s to say; every
/// choice that is left to the file is a note. Codes: model.missing, model.unrecognised, onnx.*,
/// nir.*.
Result<Model> load_model(const std::filesystem::path& path, Diagnostics& diagnostics,
                         const LoadOptions& options = {}, const NirReading& nir = {});

}  // namespace neurotool
