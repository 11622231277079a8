// What a frontend makes and passes change: a graph of one of the two levels.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "ir/spike_graph.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool {

enum class Level { kTensor, kSpike };

/// An extent of an input that the model file leaves open.
struct FreeExtent {
  std::string input;
  int axis = 0;
  std::string name;  ///< "batch"; empty where the file has none
};

struct Model {
  std::string name;
  std::string path;    ///< the file it came from, for messages; may be empty
  std::variant<TensorGraph, SpikeGraph> graph;
  std::vector<FreeExtent> free_extents = {};  ///< as the frontend found them; for messages

  Level level() const { return graph.index() == 0 ? Level::kTensor : Level::kSpike; }
  TensorGraph& tensor() { return std::get<TensorGraph>(graph); }
  const TensorGraph& tensor() const { return std::get<TensorGraph>(graph); }
  SpikeGraph& spike() { return std::get<SpikeGraph>(graph); }
  const SpikeGraph& spike() const { return std::get<SpikeGraph>(graph); }
};

std::string_view level_name(Level level);  ///< "tensor", "spike"

}  // namespace neurotool
