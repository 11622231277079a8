// Does the imported network compute what it computed where it was trained? Compares our evaluation
// with reference values, of outputs and of everything in between that has a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "ir/model.hpp"

namespace neurotool {

/// |found - expected| may be `absolute` + `relative` · |expected|.
struct CheckTolerance {
  double absolute = 1e-4, relative = 1e-4;
};

/// Where a value is furthest from its reference.
struct ValueDifference {
  std::string value, node, op;     ///< the value, and the operation that makes it
  std::string index;               ///< "[0,3,1]"; of values of another shape, empty
  double expected = 0, found = 0;  ///< there
  double difference = 0;           ///< the largest absolute one; infinite for another shape
  std::string problem;             ///< of another shape: which
};

struct SelfCheck {
  std::size_t compared = 0, differ = 0;    ///< values
  std::optional<ValueDifference> first;    ///< that differs, in topological order
  std::optional<ValueDifference> largest;  ///< of all that were compared, within tolerance or not
  std::vector<std::string> unknown;        ///< arrays of the reference that name no value
  CheckTolerance tolerance;
};

/// `reference` is an npz with one array for each input of the network, and any number of others by
/// the names of values. Errors: data.*, model.reference-data, eval.*.
Result<SelfCheck> check_against(const Model& model, const std::filesystem::path& reference,
                                const CheckTolerance& tolerance);

/// One sentence: what was compared, or the first value that differs.
std::string to_string(const SelfCheck& check);
Json to_json(const SelfCheck& check);

}  // namespace neurotool
