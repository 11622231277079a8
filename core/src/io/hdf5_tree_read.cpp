// Walks a file of anybody's from the top, by hard links only, and keeps a budget: of objects, of
// depth, and of decoded bytes, which is charged before anything is allocated. What is stored
// elsewhere is found out from a data set's creation properties before its data are asked for.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "base/text.hpp"
#include "io/hdf5_library.hpp"
#include "io/hdf5_tree_read.hpp"
#include "io/hdf5_types.hpp"

namespace neurotool::hdf5 {
namespace {

constexpr std::uint64_t kSmall = 64 * 1024;  ///< a value of this size may be all fill value
constexpr std::size_t kShared = 64 * 1024;   ///< from here on mapping is cheaper than copying
constexpr H5Z_filter_t kLzf = 32000;

struct Link {
  std::string name;
  H5L_type_t type;
};

herr_t take_link(hid_t, const char* name, const H5L_info_t* info, void* into) noexcept {
  try {
    static_cast<std::vector<Link>*>(into)->push_back({name, info->type});
    return 0;
  } catch (...) {
    return -1;  // no exception may cross the C library
  }
}

herr_t take_attribute(hid_t, const char* name, const H5A_info_t*, void* into) noexcept {
  try {
    static_cast<std::vector<std::string>*>(into)->emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
}

Error no_hdf5(Location at) {
  return error("hdf5.format", std::move(at),
               fmt::format("the bytes are no HDF5 file: {}", hdf5_reason()),
               "the file is damaged or cut off; copy or export it again");
}

class Reader {
 public:
  Reader(const TreeSource& source, const ReadOptions& options, SharedValues* shared)
      : where_(source.where),
        options_(options),
        shared_(shared),
        heap_(source.fetch, source.bytes),
        bytes_left_(options.limits.budget(source.bytes)) {}

  Result<Item> read(const Handle& file) {
    const Handle top(H5Gopen2(file.id(), "/", H5P_DEFAULT), H5Gclose);
    if (!top) return damaged("/", "does not open");
    Item item;
    NT_TRY(item.value, group(top, "/", 0));
    if (options_.attributes) {
      NT_TRY(item.attributes, attributes(top, "/"));
    }
    return item;
  }

  Error refusal(std::string_view code, const std::string& path, std::string message,
                std::string help = {}) const {
    return error(code, ModelNode{where_, path}, std::move(message), std::move(help));
  }

 private:
  /// For whoever wonders where we ended.
  void note(const std::string& path) {
    if (shared_ != nullptr) shared_->note(path);
  }

  Error damaged(const std::string& path, std::string_view what) const {
    return refusal("hdf5.format", path, fmt::format("the object {}: {}", what, hdf5_reason()),
                   "the file is damaged or cut off; copy or export it again");
  }

  Result<> charge(const std::string& path, std::uint64_t bytes) {
    if (bytes > bytes_left_) {
      return refusal(
          "hdf5.limit", path,
          fmt::format("{} bytes of values are more than the {} that are left of the limit",
                      with_thousands(bytes), with_thousands(bytes_left_)),
          "a file that really is this large is read with a higher limit");
    }
    bytes_left_ -= bytes;
    return {};
  }

  /// Every object comes by here before the library is asked about it.
  Result<> count(const std::string& path, std::size_t depth) {
    note(path);
    if (++objects_ > options_.limits.max_objects) {
      return refusal("hdf5.limit", path,
                     fmt::format("the file has more than {} objects", options_.limits.max_objects),
                     "groups that are linked to several times count each time");
    }
    if (depth > options_.limits.max_depth) {
      return refusal("hdf5.limit", path,
                     fmt::format("groups are nested more than {} deep", options_.limits.max_depth),
                     "a group may be linked into itself");
    }
    return {};
  }

  Result<Group> group(const Handle& opened, const std::string& path, std::size_t depth) {
    std::vector<Link> links;
    if (H5Literate(opened.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take_link, &links) < 0) {
      return damaged(path, "does not list its members");
    }
    Group made;
    for (const Link& link : links) {
      const std::string inner = path + (path.ends_with('/') ? "" : "/") + link.name;
      if (depth == 0 && !wanted(inner)) continue;
      if (link.type != H5L_TYPE_HARD) {
        return refusal(
            "hdf5.link", inner,
            fmt::format("this is a {} link", link.type == H5L_TYPE_SOFT ? "soft" : "foreign"),
            "write the object itself there; links out of a file are never followed");
      }
      NT_TRY_VOID(count(inner, depth));
      NT_TRY(std::optional<Item> item, member(opened, link.name, inner, depth));
      if (item) made.members.push_back(*std::move(item));
    }
    // The library sorts bytes as signed or unsigned, depending on the file's age.
    std::ranges::sort(made.members, {}, &Item::name);
    return made;
  }

  bool wanted(const std::string& path) const {
    return options_.only.empty() || path == options_.only || path == "/version";
  }

  Result<std::optional<Item>> member(const Handle& parent, const std::string& name,
                                     const std::string& path, std::size_t depth) {
    const Handle object(H5Oopen(parent.id(), name.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object) return damaged(path, "does not open");
    Item item{name, Unreadable{}, {}};
    switch (H5Iget_type(object.id())) {
      case H5I_GROUP: {
        NT_TRY(item.value, group(object, path, depth + 1));
        break;
      }
      case H5I_DATASET: {
        NT_TRY(item.value, data_set(object, path));
        item.big_endian = is_big_endian(object);
        break;
      }
      default:
        return std::optional<Item>();  // a named type
    }
    if (options_.attributes) {
      NT_TRY(item.attributes, attributes(object, path));
    }
    return std::optional<Item>(std::move(item));
  }

  static bool is_big_endian(const Handle& set) {
    const Handle type(H5Dget_type(set.id()), H5Tclose);
    const H5T_class_t kind = type ? H5Tget_class(type.id()) : H5T_NO_CLASS;
    return (kind == H5T_FLOAT || kind == H5T_INTEGER) && H5Tget_order(type.id()) == H5T_ORDER_BE;
  }

  Result<> check_storage(const Handle& set, const std::string& path, std::uint64_t chunk_element) {
    const Handle creation(H5Dget_create_plist(set.id()), H5Pclose);
    if (!creation) return damaged(path, "has no creation properties");
    const H5D_layout_t layout = H5Pget_layout(creation.id());
    if (layout == H5D_VIRTUAL || H5Pget_external_count(creation.id()) != 0) {
      return refusal("hdf5.outside", path, "the values are stored in other files",
                     "repack the file: h5repack copies the values in");
    }
    const int filters = H5Pget_nfilters(creation.id());
    for (int i = 0; i < filters; ++i) {
      unsigned flags = 0;
      std::size_t values = 0;
      const H5Z_filter_t filter = H5Pget_filter2(creation.id(), static_cast<unsigned>(i), &flags,
                                                 &values, nullptr, 0, nullptr, nullptr);
      if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
          filter != H5Z_FILTER_FLETCHER32 && filter != kLzf) {
        return refusal("hdf5.filter", path,
                       fmt::format("the values are packed with the filter {}, which is none of "
                                   "deflate, shuffle, fletcher32 and lzf",
                                   static_cast<int>(filter)),
                       "repack the file: h5repack -f GZIP=4");
      }
    }
    return layout == H5D_CHUNKED ? check_chunk(creation, set, path, chunk_element) : Result<>{};
  }

  /// The library allocates whole chunks, however small the data set.
  Result<> check_chunk(const Handle& creation, const Handle& set, const std::string& path,
                       std::uint64_t element) {
    std::array<hsize_t, H5S_MAX_RANK> extents{};
    const int rank = H5Pget_chunk(creation.id(), H5S_MAX_RANK, extents.data());
    if (rank < 0) return damaged(path, "has no size of a chunk");
    Shape shape(extents.begin(), extents.begin() + rank);
    return check_size(set, path, shape, element);
  }

  /// Refuses sizes that the stored bytes cannot fill, however well they are packed.
  Result<> check_size(const Handle& set, const std::string& path, const Shape& shape,
                      std::uint64_t element) {
    const auto elements = element_count(shape);
    const std::uint64_t stored = H5Dget_storage_size(set.id());
    const std::uint64_t most =
        std::max(kSmall, std::min(stored, std::uint64_t{1} << 48) * kBestRatio);
    if (elements && element <= most &&
        (*elements == 0 || static_cast<std::uint64_t>(*elements) <= most / element)) {
      return {};
    }
    return refusal("hdf5.limit", path,
                   fmt::format("{} elements of {} bytes are announced, and {} bytes are stored",
                               to_string(shape), element, with_thousands(stored)),
                   "the file is damaged, or made to exhaust memory");
  }

  Result<std::optional<Shape>> shape_of(const Handle& space, const std::string& path) const {
    const H5S_class_t kind = space ? H5Sget_simple_extent_type(space.id()) : H5S_NO_CLASS;
    if (kind == H5S_NULL) return std::optional<Shape>();
    if (kind == H5S_SCALAR) return std::optional<Shape>(Shape{});
    const int rank = kind == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space.id()) : -1;
    if (rank < 0) return damaged(path, "has no shape");
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr);
    return std::optional<Shape>(Shape(extents.begin(), extents.end()));
  }

  Result<Value> data_set(const Handle& set, const std::string& path) {
    const Handle type(H5Dget_type(set.id()), H5Tclose);
    if (!type) return damaged(path, "has no type");
    const std::uint64_t element = std::max<std::size_t>(H5Tget_size(type.id()), 1);
    NT_TRY_VOID(check_storage(set, path, element));
    const Handle space(H5Dget_space(set.id()), H5Sclose);
    NT_TRY(const std::optional<Shape> shape, shape_of(space, path));
    if (!shape) return Value(Unreadable{"nothing"});
    NT_TRY_VOID(check_size(set, path, *shape, element));
    if (H5Tget_class(type.id()) == H5T_STRING) return texts(set, type, *shape, path);
    const auto numbers = number_type(type.id());
    if (!numbers) return Value(Unreadable{class_words(type.id())});
    const auto bytes = static_cast<std::size_t>(*element_count(*shape)) * byte_size(numbers->dtype);
    NT_TRY_VOID(charge(path, bytes));
    const Memory memory = memory_for(bytes);
    if (bytes > 0 && H5Dread(set.id(), numbers->in_memory.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                             memory.data) < 0) {
      return damaged(path, "does not read");
    }
    return Value(Tensor(numbers->dtype, *shape,
                        std::make_shared<const Buffer>(memory.data, bytes, memory.owner)));
  }

  struct Memory {
    std::byte* data;
    std::shared_ptr<const void> owner;
  };

  /// Content does not matter yet.
  Memory memory_for(std::size_t bytes) const {
    if (shared_ != nullptr && bytes >= kShared) {
      std::byte* const data = shared_->take(bytes);
      if (data == nullptr) throw std::bad_alloc();
      return {data, nullptr};
    }
    std::shared_ptr<std::byte[]> owner(std::make_unique_for_overwrite<std::byte[]>(bytes));
    return {owner.get(), owner};
  }

  Result<Value> texts(const Handle& set, const Handle& type, const Shape& shape,
                      const std::string& path) {
    const auto count = static_cast<std::size_t>(*element_count(shape));
    Texts made{shape, {}};
    if (count == 0) return Value(std::move(made));
    if (H5Tis_variable_str(type.id()) > 0) return varying_texts(set, std::move(made), path);
    const std::size_t size = H5Tget_size(type.id());
    NT_TRY_VOID(charge(path, 2 * count * size));
    std::string all(count * size, '\0');
    if (H5Dread(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()) < 0) {
      return damaged(path, "does not read");
    }
    made.values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      made.values.push_back(unpadded(std::string_view(all).substr(i * size, size), type));
    }
    return Value(std::move(made));
  }

  static std::string unpadded(std::string_view bytes, const Handle& type) {
    if (H5Tget_strpad(type.id()) == H5T_STR_SPACEPAD) {
      // Writers that pad with zeros and say spaces exist.
      return std::string(bytes.substr(0, bytes.find_last_not_of(std::string_view(" \0", 2)) + 1));
    }
    if (H5Tget_strpad(type.id()) == H5T_STR_NULLTERM) bytes = bytes.substr(0, bytes.find('\0'));
    return std::string(bytes.substr(0, bytes.find_last_not_of('\0') + 1));
  }

  Result<Value> varying_texts(const Handle& set, Texts made, const std::string& path) {
    const auto count = static_cast<std::size_t>(*element_count(made.shape));
    auto texts = heap_.of_set(set, count, bytes_left_);
    if (!texts) return placed(std::move(texts).error(), path);
    made.values = *std::move(texts);
    return Value(std::move(made));
  }

  Error placed(Error found, const std::string& path) const {
    found.at = ModelNode{where_, path};
    return found;
  }

  Result<std::vector<Attribute>> attributes(const Handle& object, const std::string& path) {
    note(path);
    std::vector<std::string> names;
    if (H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take_attribute, &names) < 0) {
      return damaged(path, "does not list its attributes");
    }
    std::vector<Attribute> made;
    for (const std::string& name : names) {
      NT_TRY(Value value, attribute(object, name, path));
      made.push_back({name, std::move(value)});
    }
    std::ranges::sort(made, {}, &Attribute::name);
    return made;
  }

  /// Single values only: all that the formats have.
  Result<Value> attribute(const Handle& object, const std::string& name, const std::string& path) {
    NT_TRY_VOID(count(path, 0));
    const Handle opened(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), H5Aclose);
    const Handle type(opened ? H5Aget_type(opened.id()) : -1, H5Tclose);
    const Handle space(opened ? H5Aget_space(opened.id()) : -1, H5Sclose);
    if (!type || !space) return damaged(path, "has an attribute that does not open");
    NT_TRY(const std::optional<Shape> shape, shape_of(space, path));
    if (!shape || element_count(*shape) != 1) return Value(Unreadable{"a list"});
    if (H5Tget_class(type.id()) == H5T_STRING) return attribute_text(opened, type, path);
    const auto numbers = number_type(type.id());
    if (!numbers) return Value(Unreadable{class_words(type.id())});
    std::vector<std::byte> bytes(std::max(byte_size(numbers->dtype), H5Tget_size(type.id())));
    if (H5Aread(opened.id(), numbers->in_memory.id(), bytes.data()) < 0) {
      return damaged(path, "has an attribute that does not read");
    }
    bytes.resize(byte_size(numbers->dtype));
    return Value(Tensor::from_bytes(numbers->dtype, *shape, std::move(bytes)));
  }

  Result<Value> attribute_text(const Handle& opened, const Handle& type, const std::string& path) {
    const auto unread = [&] { return damaged(path, "has an attribute that does not read"); };
    if (H5Tis_variable_str(type.id()) <= 0) {
      NT_TRY_VOID(charge(path, H5Tget_size(type.id())));
      std::string bytes(H5Tget_size(type.id()), '\0');
      if (H5Aread(opened.id(), type.id(), bytes.data()) < 0) return unread();
      return text(unpadded(bytes, type));
    }
    auto made = heap_.of_attribute(opened, bytes_left_);
    if (!made) return placed(std::move(made).error(), path);
    return text(*made);
  }

  std::string where_;
  const ReadOptions& options_;
  SharedValues* shared_;
  TextHeap heap_;
  std::uint64_t bytes_left_;
  std::size_t objects_ = 0;
};

}  // namespace

Result<Item> read_opened(const Handle& file, const TreeSource& source, const ReadOptions& options,
                         SharedValues* shared) {
  if (!file) return no_hdf5(ModelNode{source.where, "/"});
  Reader reader(source, options, shared);
  try {
    return reader.read(file);
  } catch (const std::bad_alloc&) {
    return reader.refusal("hdf5.limit", "/", "the values need more memory than there is",
                          "read it on a larger machine");
  }
}

Result<std::vector<std::string>> top_names_of(const Handle& file, const Location& at) {
  const Handle top(file ? H5Gopen2(file.id(), "/", H5P_DEFAULT) : -1, H5Gclose);
  std::vector<Link> links;
  if (!top || H5Literate(top.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take_link, &links) < 0) {
    return no_hdf5(at);
  }
  std::vector<std::string> names;
  for (Link& link : links) names.push_back(std::move(link.name));
  std::ranges::sort(names);
  return names;
}

}  // namespace neurotool::hdf5
