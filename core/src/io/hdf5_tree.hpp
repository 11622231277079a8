// A whole HDF5 file as a tree of values: what NIR, NIRData and Lava's .net files are read from and
// written through. Meaning is for the callers.
//
// Files are not trusted. Soft and external links, external storage, virtual data sets and filters
// other than deflate, shuffle, fletcher32 and lzf are refused; nothing is allocated that the stored
// bytes cannot fill, nor more than the limits allow, and no other file is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool::hdf5 {

/// Strings; rank 0 for the usual single one.
struct Texts {
  Shape shape;
  std::vector<std::string> values;
  bool operator==(const Texts&) const = default;
};

/// A data set whose elements we have no type for: "a compound".
struct Unreadable {
  std::string what;
  bool operator==(const Unreadable&) const = default;
};

struct Item;

struct Group {
  std::vector<Item> members;  ///< sorted by name
  const Item* find(std::string_view name) const;
  bool operator==(const Group& other) const;
};

using Value = std::variant<Group, Tensor, Texts, Unreadable>;

struct Attribute {
  std::string name;
  Value value;  ///< never a group
  bool operator==(const Attribute& other) const;
};

struct Item {
  std::string name;
  Value value;
  std::vector<Attribute> attributes;
  bool big_endian = false;  ///< numbers, as they are stored; equal items may differ in it

  const Attribute* attribute(std::string_view wanted) const;
  bool operator==(const Item& other) const;
};

/// A scalar string.
Value text(std::string_view value);
/// The text of a scalar string, or nullptr.
const std::string* text_of(const Value& value);
/// "a group", "f32[2,3]", "2 texts", for messages.
std::string describe(const Value& value);

struct ReadLimits {
  std::uint64_t max_bytes = 0;  ///< of all decoded values; 0: 1 GiB, or 16 times the file if more
  std::size_t max_objects = 200'000;
  std::size_t max_depth = 64;
  double processor_seconds = 0;  ///< 0: 3, and one more for each 20 MB of the file
  /// Not so: the HDF5 library reads in this process, and what the file breaks in it stays broken.
  /// For bytes that this process wrote itself, and for fuzzers.
  bool own_process = true;

  /// What all decoded values of a file of that size may have together.
  std::uint64_t budget(std::uint64_t file_bytes) const;
};

struct ReadOptions {
  ReadLimits limits = {};
  bool attributes = false;
  /// Only the part of the file below this path ("/node") and the data sets beside it are read;
  /// other groups at the top are left out.
  std::string only = {};
};

/// The file is read in a child process: where the HDF5 library crashes or never ends over it, that
/// is an error like others. Errors: hdf5.format, hdf5.link, hdf5.outside, hdf5.filter, hdf5.limit,
/// hdf5.crash, hdf5.process, file.*
Result<Group> read_tree(const std::filesystem::path& path, const ReadOptions& options = {});
/// The same of a file in memory; `where` names it in messages.
Result<Group> read_tree(std::string_view bytes, std::string_view where,
                        const ReadOptions& options = {});
/// The names at the top, sorted: enough to tell formats apart.
Result<std::vector<std::string>> top_names(const std::filesystem::path& path);
/// The same with the attributes of the top, as an item without a name.
Result<Item> read_item(const std::filesystem::path& path, const ReadOptions& options);
Result<Item> read_item(std::string_view bytes, std::string_view where, const ReadOptions& options);

struct WriteOptions {
  bool compress =
      true;  ///< arrays of more than a page: chunks of at most 1 MiB, shuffle, deflate 4
};

/// The bytes of a file with that content; equal trees give equal bytes. Errors: hdf5.format.
Result<std::string> write_tree(const Group& root, const WriteOptions& options = {});
/// The same of a group with attributes.
Result<std::string> write_item(const Item& root, const WriteOptions& options = {});

}  // namespace neurotool::hdf5
