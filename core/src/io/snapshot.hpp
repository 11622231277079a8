// A Model to HDF5 and back: what --dump-ir can leave and --from can start from.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "ir/model.hpp"

namespace neurotool {

/// 2: neurons say how they compare, and every tensor is stored as what it is.
inline constexpr int kSnapshotVersion = 2;

Result<> write_snapshot(const Model& model, const std::filesystem::path& path);
/// A model that verify accepts. Errors: snapshot.format, snapshot.version, snapshot.inconsistent.
Result<Model> read_snapshot(const std::filesystem::path& path);

}  // namespace neurotool
