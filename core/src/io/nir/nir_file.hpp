// NIR files: HDF5 to nir::Document and back. What the numbers mean is for others.
//
// A reader meets files of every version of the nir package and of other writers. The lenient one
// takes all that has one meaning and says what it passed over; the strict one gives the verdict of
// the nir package itself (1.0.7 with its type check on).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "io/hdf5_tree.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::nir {

enum class Strictness { kLenient, kReference };

struct ReadOptions {
  Strictness strictness = Strictness::kLenient;
  hdf5::ReadLimits limits = {};
};

/// The graph of a file; nodes sorted by name, edges as stored. Everything odd goes to
/// `diagnostics`, warnings where it is passed over. Lenient reading keeps unknown members of a node
/// as metadata/unrecognised, drops edges that are there twice or end nowhere, and fills in what the
/// nir package would fill in for `Flatten`. Codes: nir.*, hdf5.*, file.*
Result<Document> read(const std::filesystem::path& path, Diagnostics& diagnostics,
                      const ReadOptions& options = {});
Result<Document> read(std::string_view bytes, std::string_view where, Diagnostics& diagnostics,
                      const ReadOptions& options = {});

/// True for a tree that is a NIR file: there is a /node with a type.
bool looks_like_nir(const hdf5::Group& root);

struct WriteOptions {
  /// The oldest nir package that must read the file, "1.0" to kNewestVersion; also what /version
  /// says. An older one gets no v_reset where it is zero, and no metadata where it has no place.
  std::string max_nir_version = std::string(kNewestVersion);
  bool compress = true;
};

/// The bytes of a file; the same document and options give the same bytes. v_reset is left out
/// where it is all zero: that is what its absence means, and older readers stumble over it.
/// Refused: names that HDF5 has no place for, parameters that are absent, and what max_nir_version
/// cannot say. Codes: nir.name, nir.parameter, nir.version.
Result<std::string> write(const Document& document, Diagnostics& diagnostics,
                          const WriteOptions& options = {});
Result<> write(const std::filesystem::path& path, const Document& document,
               Diagnostics& diagnostics, const WriteOptions& options = {});

}  // namespace neurotool::nir
