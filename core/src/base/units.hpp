// Quantities with units in pipeline files: "10 ms", "4 KiB".
#pragma once

#include <optional>
#include <string_view>

namespace neurotool {

/// Reads "10 ms", "4KiB" or a plain number, in the base unit `unit` ("s", "byte", "J", "Hz").
/// Nothing when the text is no number or its unit does not belong to `unit`.
std::optional<double> parse_quantity(std::string_view text, std::string_view unit);

}  // namespace neurotool
