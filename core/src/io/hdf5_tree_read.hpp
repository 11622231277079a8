// The walk through a file that is open, in whichever process. Only for io/hdf5*.cpp; call under the
// lock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/hdf5_guard.hpp"
#include "io/hdf5_library.hpp"
#include "io/hdf5_texts.hpp"

namespace neurotool::hdf5 {

/// What is open, apart from the library's view of it.
struct TreeSource : GuardedFile {
  TextHeap::Fetch fetch;  ///< of the file's bytes
};

/// Where the numbers of large data sets go, if `shared` is given; they are only there until the
/// mapping goes away. Each object is noted in it before it is opened.
Result<Item> read_opened(const Handle& file, const TreeSource& source, const ReadOptions& options,
                         SharedValues* shared);
Result<std::vector<std::string>> top_names_of(const Handle& file, const Location& at);

}  // namespace neurotool::hdf5
