// The names of one scope while its nodes are converted: the main graph, a branch of If, which sees
// the names around it, or the body of a function, which sees none but its own.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "ir/tensor_graph.hpp"

namespace neurotool::from_onnx {

class Scope {
 public:
  Scope() = default;
  /// `prefix` goes before the names of nodes; `value_prefix` before those of values.
  Scope(const Scope* outer, std::string prefix, std::string value_prefix)
      : outer_(outer), prefix_(std::move(prefix)), value_prefix_(std::move(value_prefix)) {}

  const std::string& prefix() const { return prefix_; }

  /// A name that is bound already stays as it is, and false comes back. An invalid id: an optional
  /// input that the caller left out.
  bool bind(const std::string& name, ValueId id) { return bound_.emplace(name, id).second; }
  /// What the name is bound to here or further out; nothing when it is unknown.
  std::optional<ValueId> find(const std::string& name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
      const auto found = scope->bound_.find(name);
      if (found != scope->bound_.end()) return found->second;
    }
    return std::nullopt;
  }

  /// A result of this scope is called what its caller calls it.
  void rename(const std::string& name, std::string caller_name) {
    renamed_.emplace(name, std::move(caller_name));
  }
  /// The name that a value of this scope has in the graph.
  std::string value_name(const std::string& name) const {
    const auto found = renamed_.find(name);
    return found == renamed_.end() ? value_prefix_ + name : found->second;
  }

 private:
  const Scope* outer_ = nullptr;
  std::string prefix_, value_prefix_;
  std::unordered_map<std::string, ValueId> bound_;
  std::unordered_map<std::string, std::string> renamed_;
};

}  // namespace neurotool::from_onnx
