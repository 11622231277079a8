// Networks of ours as NIR files under the rules of each simulator, as a table.
#pragma once

namespace neurotool {

/// Prints it; false where a profile is not exact in the simulator that it is made for.
bool print_ours();

}  // namespace neurotool
