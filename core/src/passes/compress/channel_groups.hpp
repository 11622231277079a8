// Which channels of a network must go together: the rows of the layers that make them, the columns
// of those that read them, and everything that additions, depthwise convolutions, concatenations
// and pads tie to them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/tensor_graph.hpp"

namespace neurotool::compress {

/// A set of channels that live and die together.
struct ChannelGroup {
  /// A layer makes this channel as one of its outputs.
  struct Row {
    OpId op;
    std::size_t output;
  };
  std::vector<Row> rows;
  /// Why it stays whatever its importance: the op that cannot be followed, or "" .
  std::string locked_by;
};

class ChannelGroups {
 public:
  explicit ChannelGroups(const TensorGraph& graph);

  const std::vector<ChannelGroup>& groups() const { return groups_; }
  /// The group of each element of a value's axis 1 (features behind a flatten); none where the
  /// value has no channels that can be followed.
  const std::optional<std::vector<std::size_t>>& channels(ValueId id) const {
    return groups_of_[id.index];
  }

 private:
  ChannelGroups() = default;
  friend class ChannelWalk;
  std::vector<ChannelGroup> groups_;
  std::vector<std::optional<std::vector<std::size_t>>> groups_of_;
};

/// Takes the channels of these groups out of the graph: rows, columns, biases, pads, group counts.
/// No removed group is locked, and no layer loses all of its outputs. Shapes of values are inferred
/// anew.
void remove_channels(TensorGraph& graph, const ChannelGroups& groups,
                     const std::vector<bool>& removed);

}  // namespace neurotool::compress
