// Tensors as the bytes of an .npz file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/npy.hpp"
#include "support/zip.hpp"

namespace neurotool::test {

inline std::string npz_bytes(const std::vector<std::pair<std::string, Tensor>>& arrays) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& [name, tensor] : arrays) files.emplace_back(name + ".npy", format_npy(tensor));
  return stored_zip(files);
}

}  // namespace neurotool::test
