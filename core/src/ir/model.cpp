// The words for the two levels.
#include "ir/model.hpp"

namespace neurotool {

std::string_view level_name(Level level) { return level == Level::kTensor ? "tensor" : "spike"; }

}  // namespace neurotool
