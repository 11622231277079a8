// Weights that a model keeps in files beside it. A model file comes from strangers: it may name
// regular files inside its own folder and nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool::from_onnx {

class ExternalFolder {
 public:
  explicit ExternalFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// `bytes` bytes from `offset` of the file `location`. Refused (onnx.external-data): absolute
  /// paths, "..", links that leave the folder, anything but a regular file, and ranges that the
  /// file does not have. Nothing is allocated before the range is checked.
  Result<std::shared_ptr<const Buffer>> read(const std::string& location, std::uint64_t offset,
                                             std::uint64_t bytes) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace neurotool::from_onnx
