// A Model to HDF5 and back: what --dump-ir can leave and --from can start from.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "ir/model.hpp"

namespace neurotool {

inline constexpr int kSnapshotVersion = 1;

Result<> write_snapshot(const Model& model, const std::filesystem::path& path);
/// A model that verify accepts. Errors: snapshot.format, snapshot.version, snapshot.inconsistent.
Result<Model> read_snapshot(const std::filesystem::path& path);

}  // namespace neurotool
