// Findings about one model file: who says where. The first error is kept: it is what
// the import returns.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/diagnostic.hpp"

namespace neurotool::from_onnx {

class Report {
 public:
  Report(std::string path, Diagnostics& sink) : path_(std::move(path)), sink_(sink) {}

  const std::string& path() const { return path_; }
  bool has_errors() const { return errors_ > 0; }
  /// Only after has_errors().
  const Error& first_error() const { return first_; }

  Location file() const { return FilePosition{.path = path_}; }
  Location node(std::string_view name) const {
    return ModelNode{.path = path_, .node = std::string(name)};
  }

  void error(std::string_view code, Location at, std::string message, std::string help = {}) {
    add(neurotool::error(code, std::move(at), std::move(message), std::move(help)));
  }
  void warning(std::string_view code, Location at, std::string message, std::string help = {}) {
    sink_.report(neurotool::warning(code, std::move(at), std::move(message), std::move(help)));
  }
  void add(Error error) {
    if (errors_++ == 0) first_ = error;
    sink_.report(std::move(error));
  }

 private:
  std::string path_;
  Diagnostics& sink_;
  std::size_t errors_ = 0;
  Error first_;
};

}  // namespace neurotool::from_onnx
