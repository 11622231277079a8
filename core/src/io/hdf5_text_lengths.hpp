// How long variable-length texts of a file claim to be. The library allocates and clears that much
// before it looks for them. Only for io/hdf5*.cpp; call under the lock.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "io/hdf5_library.hpp"

namespace neurotool {

/// Of a data set of `count` variable-length texts, without reading any; nothing where the library
/// refuses.
std::optional<std::vector<std::uint32_t>> text_lengths(const Handle& set, std::size_t count);
/// Of an attribute of one.
std::optional<std::uint32_t> text_length(const Handle& attribute);

}  // namespace neurotool
