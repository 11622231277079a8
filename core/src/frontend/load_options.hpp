// What a caller may say about a model file beside its path, and what it may want to know of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/diagnostic.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool {

/// A free extent that gets a number. `name` is the file's name for it ("seq"), or an axis of an
/// input where the file has none ("x[1]").
struct BoundExtent {
  std::string name;
  std::int64_t extent = 0;
  Location at;  ///< where that was said
};

/// One node of the model file, as the importer found it. Nodes of functions and of branches that
/// were inlined have the path of their callers before their names.
struct FileNode {
  std::string name, op, domain;
  std::int64_t opset = 0;
  std::string problem, help;  ///< why it could not be read, and the way out; empty when it could
};

/// Filled also when the import fails: `graph` is what could be read, and may have holes.
struct ImportRecord {
  std::vector<FileNode> nodes;
  TensorGraph graph;
};

struct LoadOptions {
  std::vector<BoundExtent> extents;
  ImportRecord* record = nullptr;  ///< may stay null
};

}  // namespace neurotool
