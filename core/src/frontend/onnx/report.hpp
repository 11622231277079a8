// Findings about one model file: who says where. The first error is what the import returns.
//
// Nodes that cannot be read for the same reason are one finding with many places: a network with
// forty layers of an unknown kind says so once and names all forty. The list is complete; where it
// is longer than anyone reads, it ends in a number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/diagnostic.hpp"

namespace neurotool::from_onnx {

class Report {
 public:
  /// Places of one finding that are named; the others are counted.
  static constexpr std::size_t kMostPlaces = 200;
  /// Kinds of unreadable nodes that get a finding of their own; the others share the last one.
  static constexpr std::size_t kMostKinds = 12;

  Report(std::string path, Diagnostics& sink) : path_(std::move(path)), sink_(sink) {}

  const std::string& path() const { return path_; }
  std::size_t errors() const { return errors_; }
  bool has_errors() const { return errors_ > 0; }
  /// Only after has_errors().
  const Error& first_error() const { return first_; }
  /// Of the error that was reported last; only after has_errors().
  const Error& last_error() const { return last_; }

  Location file() const { return FilePosition{.path = path_}; }
  Location node(std::string_view name) const {
    return ModelNode{.path = path_, .node = std::string(name)};
  }

  void error(std::string_view code, Location at, std::string message, std::string help = {}) {
    add(neurotool::error(code, std::move(at), std::move(message), std::move(help)));
  }
  void warning(std::string_view code, Location at, std::string message, std::string help = {}) {
    keep(neurotool::warning(code, std::move(at), std::move(message), std::move(help)));
  }
  void note(std::string_view code, Location at, std::string message, std::string help = {}) {
    keep(neurotool::note(code, std::move(at), std::move(message), std::move(help)));
  }
  void add(Error error);

  /// Hands everything to the sink, in the order of reporting. Once, at the end.
  void flush();

 private:
  struct Item {
    Diagnostic diagnostic;
    std::size_t more_places = 0;  ///< beyond those in its notes
    bool is_kind = false;         ///< of nodes that cannot be read
  };

  void keep(Diagnostic diagnostic, bool is_kind = false);
  void share_last_finding();

  std::string path_;
  Diagnostics& sink_;
  std::vector<Item> items_;
  std::unordered_map<std::string, std::size_t> kinds_;  ///< by code, message and help
  std::size_t errors_ = 0;
  Error first_, last_;
};

}  // namespace neurotool::from_onnx
