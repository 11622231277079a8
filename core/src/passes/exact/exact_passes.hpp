// The passes that make an exact spiking network and prove it, for the registry.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

PassEntry exact_entry();
PassEntry certify_entry();

}  // namespace neurotool
