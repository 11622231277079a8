// A strict reader on top of yaml-cpp: one way to say each thing, and a position for everything.
// Only yaml.cpp and yaml_syntax.cpp see yaml-cpp. What it refuses beyond YAML: duplicate keys,
// tags, merge keys, numbers with leading zeros, more than 1000 nodes out of aliases, more than 64
// levels, more than 1 MiB, and bytes that are no UTF-8 text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace neurotool::yaml {

enum class Kind { kNull, kScalar, kSequence, kMapping };

/// A node as data. Mappings keep the order of the file.
struct Node {
  struct Entry;
  Kind kind = Kind::kNull;
  std::string scalar;          ///< the text of a scalar
  bool quoted = false;         ///< a quoted scalar is text, whatever it looks like
  std::vector<Node> items;     ///< of a sequence
  std::vector<Entry> entries;  ///< of a mapping
  Location at;                 ///< FilePosition, or OverrideArgument for a value from --set

  const Node* find(std::string_view key) const;
  const Entry* find_entry(std::string_view key) const;
};
struct Node::Entry {
  std::string key;
  Location key_at;
  Node value;
};

/// Parses one document. All findings go to `diagnostics`; on an error the result is the first.
Result<Node> parse(std::string_view text, const std::string& path, Diagnostics& diagnostics);

/// Scalars by the rules above; the error (config.type; config.range for a number that 64 bits do
/// not hold) says what was found and expected. `what` names the value in the message
/// ("passes[2].quantize.weight_bits").
Result<bool> as_bool(const Node& node, std::string_view what);
Result<std::int64_t> as_int(const Node& node, std::string_view what);
Result<double> as_real(const Node& node, std::string_view what);
Result<std::string> as_text(const Node& node, std::string_view what);

/// The node as YAML text, for lock files and reproducers; parses back to an equal node. Text that
/// needs quotes gets them. Scalars and keys are UTF-8.
std::string dump(const Node& node);

}  // namespace neurotool::yaml
