// Element types of HDF5 data sets and ours, in both directions. Only for io/hdf5*.cpp; call under
// the lock.
#pragma once

#include <optional>
#include <string>

#include "io/hdf5_library.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

/// How to read the numbers of a stored type: into what, and what they are then.
struct NumberType {
  DType dtype = DType::kFloat32;
  Handle in_memory;
};

/// Nothing when the stored type holds no numbers. Enumerations of FALSE and TRUE over int8 are
/// bool; half-precision numbers of either kind stay what they are; odd widths go to the next wider
/// type.
std::optional<NumberType> number_type(hid_t stored);

/// The type to store elements in, little-endian; bool as h5py does.
Handle type_to_store(DType dtype);
/// How the elements of a tensor lie in memory.
Handle type_in_memory(DType dtype);

/// "a compound", "a string", …
std::string class_words(hid_t stored);

}  // namespace neurotool
