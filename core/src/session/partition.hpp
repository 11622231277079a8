// Which nodes of a model file can become neurons, which would be left to the host, and which cannot
// be read at all: the same answers that the importer and the lowering give, node by node.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "frontend/load_options.hpp"
#include "ir/model.hpp"

namespace neurotool {

enum class NodePlace {
  kSpiking,      ///< becomes neurons or synapses
  kFolded,       ///< disappears into other nodes or constants before the network is lowered
  kHost,         ///< can be evaluated, and not as spikes
  kUnsupported,  ///< cannot be read
};
std::string_view place_name(NodePlace place);  ///< "spiking", "folded", "host", "unsupported"

struct PlacedNode {
  std::string node, op;
  NodePlace place = NodePlace::kSpiking;
  std::string reason, help;  ///< of host and unsupported
};

struct Partition {
  std::vector<PlacedNode> nodes;  ///< in the order of evaluation
  std::size_t count(NodePlace place) const;
};

/// `record` as load_model() filled it, also when it failed: then what could be read is judged by
/// its kind alone.
Partition partition_of(const Model* model, const ImportRecord& record);

Json to_json(const Partition& partition);

}  // namespace neurotool
