// The listing of a compiled network: canonical assembly with the names of layers and neurons.
#pragma once

#include <string>

#include "map/sample.hpp"

namespace neurotool::spikecore {

/// Assembles to the same object as print_object(): names stand in comments.
std::string annotated_listing(const Deployment& deployment);

/// Symbols and layers as YAML: which slots of which core are which neurons.
std::string layer_map(const Deployment& deployment);

}  // namespace neurotool::spikecore
