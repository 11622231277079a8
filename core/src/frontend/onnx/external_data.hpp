// Weights that a model keeps in files beside it. A model file comes from strangers: it may name
// regular files inside its own folder and nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool::from_onnx {

class ExternalFolder {
 public:
  explicit ExternalFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// `bytes` bytes from `offset` of the file `location`. Refused (onnx.external-data): absolute
  /// paths, "..", links that leave the folder, anything but a regular file, and ranges that the
  /// file does not have, and more than twice a file's size in ranges that differ. Nothing is
  /// allocated before the range is checked.
  Result<std::shared_ptr<const Buffer>> read(const std::string& location, std::uint64_t offset,
                                             std::uint64_t bytes) const;

 private:
  /// A file by device and number, and a range of it.
  using Part = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;

  std::filesystem::path folder_;
  // What has been read: equal ranges share one buffer.
  mutable std::map<Part, std::shared_ptr<const Buffer>> parts_;
  mutable std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> read_;
};

}  // namespace neurotool::from_onnx
