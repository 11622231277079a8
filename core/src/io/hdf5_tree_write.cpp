// A tree as the bytes of a file that old libraries read: superblock version 0, no times, groups and
// members in the order of their names. Large arrays are packed; repeated values then cost nothing.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "io/hdf5_library.hpp"
#include "io/hdf5_tree.hpp"
#include "io/hdf5_types.hpp"

namespace neurotool::hdf5 {
namespace {

constexpr std::uint64_t kPage = 4096, kChunk = 1 << 20;

Handle space_of(const Shape& shape) {
  if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose};
}

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), H5T_VARIABLE);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  return type;
}

/// Extents of at most a mebibyte together; the outer ones shrink first.
std::vector<hsize_t> chunk_of(const Shape& shape, std::uint64_t element) {
  std::vector<hsize_t> chunk(shape.begin(), shape.end());
  std::uint64_t bytes = element;
  for (const hsize_t extent : chunk) bytes *= extent;
  for (hsize_t& extent : chunk) {
    if (bytes <= kChunk) break;
    const std::uint64_t rest = bytes / extent;
    extent = std::max<hsize_t>(1, kChunk / std::max<std::uint64_t>(rest, 1));
    bytes = rest * extent;
  }
  return chunk;
}

class Writer {
 public:
  explicit Writer(const WriteOptions& options) : options_(options) {}

  Result<std::string> write(const Group& root, const Item* with_attributes) {
    const Handle access = in_memory_access();
    H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18);
    const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_obj_track_times(creation.id(), false);
    const Handle file(
        H5Fcreate(next_hdf5_name().c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), H5Fclose);
    if (!file) return refused("/");
    if (with_attributes != nullptr) {
      const Handle top(H5Gopen2(file.id(), "/", H5P_DEFAULT), H5Gclose);
      if (!top) return refused("/");
      NT_TRY_VOID(attributes(top.id(), *with_attributes, "/"));
    }
    NT_TRY_VOID(members(file.id(), root, ""));
    const bool flushed = H5Fflush(file.id(), H5F_SCOPE_GLOBAL) >= 0;
    const ssize_t size = flushed ? H5Fget_file_image(file.id(), nullptr, 0) : -1;
    std::string content(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
    if (size <= 0 || H5Fget_file_image(file.id(), content.data(), content.size()) != size) {
      return refused("/");
    }
    return content;
  }

 private:
  static Error refused(const std::string& path) {
    return error("hdf5.format", ModelNode{"", path},
                 fmt::format("the library does not write this object: {}", hdf5_reason()));
  }

  Result<> members(hid_t parent, const Group& group, const std::string& path) {
    std::map<std::string_view, const Item*> by_name;
    for (const Item& item : group.members) {
      const bool legal = !item.name.empty() && item.name != "." &&
                         item.name.find('/') == std::string::npos &&
                         item.name.find('\0') == std::string::npos;
      if (!legal || !by_name.emplace(item.name, &item).second) {
        return error("hdf5.format", ModelNode{"", path},
                     fmt::format("'{}' is no name for a member, or is there twice", item.name),
                     "names have no slash and are not a single dot");
      }
    }
    for (const auto& [name, item] : by_name)
      NT_TRY_VOID(write(parent, *item, path + "/" + item->name));
    return {};
  }

  Result<> write(hid_t parent, const Item& item, const std::string& path) {
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_char_encoding(links.id(), H5T_CSET_UTF8);
    if (const auto* group = std::get_if<Group>(&item.value)) {
      const Handle creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
      H5Pset_obj_track_times(creation.id(), false);
      const Handle made(
          H5Gcreate2(parent, item.name.c_str(), links.id(), creation.id(), H5P_DEFAULT), H5Gclose);
      if (!made) return refused(path);
      NT_TRY_VOID(attributes(made.id(), item, path));
      return members(made.id(), *group, path);
    }
    if (const auto* texts = std::get_if<Texts>(&item.value)) {
      std::vector<const char*> pointers;
      for (const std::string& each : texts->values) pointers.push_back(each.c_str());
      return data_set(parent, item, path, links, text_type(), text_type(), texts->shape,
                      pointers.data(), Packing::kNever);
    }
    if (const auto* tensor = std::get_if<Tensor>(&item.value);
        tensor != nullptr && tensor->defined()) {
      const bool pack = options_.compress && tensor->rank() > 0 && tensor->bytes() > kPage;
      return data_set(parent, item, path, links, type_to_store(tensor->dtype()),
                      type_in_memory(tensor->dtype()), tensor->shape(), tensor->data(),
                      pack ? Packing::kChunks : Packing::kNever);
    }
    return error("hdf5.format", ModelNode{"", path}, "there is no value to write");
  }

  enum class Packing { kNever, kChunks };

  Result<> data_set(hid_t parent, const Item& item, const std::string& path, const Handle& links,
                    const Handle& stored, const Handle& in_memory, const Shape& shape,
                    const void* data, Packing packing) {
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(creation.id(), false);
    if (packing == Packing::kChunks) {
      const auto chunk = chunk_of(shape, H5Tget_size(stored.id()));
      H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data());
      H5Pset_shuffle(creation.id());
      H5Pset_deflate(creation.id(), 4);
    }
    const Handle space = space_of(shape);
    const Handle set(H5Dcreate2(parent, item.name.c_str(), stored.id(), space.id(), links.id(),
                                creation.id(), H5P_DEFAULT),
                     H5Dclose);
    if (!set) return refused(path);
    const bool empty = element_count(shape) == 0;
    if (!empty && H5Dwrite(set.id(), in_memory.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
      return refused(path);
    }
    return attributes(set.id(), item, path);
  }

  static Result<> attributes(hid_t object, const Item& item, const std::string& path) {
    for (const Attribute& each : item.attributes) {
      const std::string* words = text_of(each.value);
      const auto* tensor = std::get_if<Tensor>(&each.value);
      if (words == nullptr && tensor == nullptr) {
        return error("hdf5.format", ModelNode{"", path},
                     fmt::format("the attribute '{}' is neither text nor number", each.name));
      }
      const char* pointer = words != nullptr ? words->c_str() : nullptr;
      const Handle stored = words != nullptr ? text_type() : type_to_store(tensor->dtype());
      const Handle in_memory = words != nullptr ? text_type() : type_in_memory(tensor->dtype());
      const Handle space = space_of(words != nullptr ? Shape{} : tensor->shape());
      const Handle made(
          H5Acreate2(object, each.name.c_str(), stored.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
          H5Aclose);
      const void* data = words != nullptr ? static_cast<const void*>(&pointer) : tensor->data();
      if (!made || H5Awrite(made.id(), in_memory.id(), data) < 0) return refused(path);
    }
    return {};
  }

  const WriteOptions& options_;
};

}  // namespace

Result<std::string> write_tree(const Group& root, const WriteOptions& options) {
  const LibraryLock lock;
  return Writer(options).write(root, nullptr);
}

Result<std::string> write_item(const Item& root, const WriteOptions& options) {
  const LibraryLock lock;
  const auto* group = std::get_if<Group>(&root.value);
  NT_CHECK(group != nullptr, "the top of a file is a group");
  return Writer(options).write(*group, &root);
}

}  // namespace neurotool::hdf5
