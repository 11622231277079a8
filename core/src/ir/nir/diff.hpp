// Two NIR graphs side by side: which nodes and edges only one has, and how far parameters are
// apart. Whether they compute the same is another question, answered by running both.
#pragma once

#include <string>
#include <vector>

#include "ir/nir/nir.hpp"

namespace neurotool::nir {

struct Difference {
  enum class Kind { kOnlyFirst, kOnlySecond, kType, kForm, kValue, kMetadata };
  Kind kind = Kind::kValue;
  std::string place;  ///< "fc/weight", "edge a -> b", "block/fc"
  std::string first, second;
  double absolute = 0, relative = 0;  ///< largest difference of two elements; only for kValue
};
std::string_view kind_word(Difference::Kind kind);

/// All differences by place. A v_reset of zeros equals an absent one, a w_in of ones too; the
/// element type and a scalar for a whole shape are differences of form, as far as the values agree.
std::vector<Difference> diff(const Graph& first, const Graph& second);

}  // namespace neurotool::nir
