// Files in memory of which snapshots are made: tensors and texts by path. hdf5_tree reads the files
// of others.
#include "io/hdf5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/hdf5_library.hpp"

namespace neurotool {
namespace {

struct StoredType {
  hid_t in_file, in_memory;
};

StoredType stored_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUint8:
      return {H5T_STD_U8LE, H5T_NATIVE_UINT8};
    case DType::kInt8:
      return {H5T_STD_I8LE, H5T_NATIVE_INT8};
    case DType::kInt16:
      return {H5T_STD_I16LE, H5T_NATIVE_INT16};
    case DType::kUint16:
    case DType::kFloat16:
    case DType::kBfloat16:
      return {H5T_STD_U16LE, H5T_NATIVE_UINT16};
    case DType::kInt32:
      return {H5T_STD_I32LE, H5T_NATIVE_INT32};
    case DType::kUint32:
      return {H5T_STD_U32LE, H5T_NATIVE_UINT32};
    case DType::kInt64:
      return {H5T_STD_I64LE, H5T_NATIVE_INT64};
    case DType::kUint64:
      return {H5T_STD_U64LE, H5T_NATIVE_UINT64};
    case DType::kFloat32:
      return {H5T_IEEE_F32LE, H5T_NATIVE_FLOAT};
    case DType::kFloat64:
      return {H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE};
  }
  check_failed(__FILE__, __LINE__, "dtype", "no such element type");
}

Handle space_of(const Shape& shape) {
  if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose};
}

}  // namespace

struct Hdf5File::State {
  Handle file;
  std::string where;

  Error wrong(std::string message) const {
    return error("data.format", FilePosition{.path = where}, std::move(message));
  }
  Error library_refused(std::string_view what, const std::string& path) const {
    return wrong(fmt::format("HDF5 does not {} '{}': {}", what, path, hdf5_reason()));
  }

  Result<> write(const std::string& path, hid_t in_file, hid_t in_memory, const Handle& space,
                 const void* data) const {
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.id(), 1);
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(creation.id(), false);  // or equal models give different bytes
    const Handle set(H5Dcreate2(file.id(), path.c_str(), in_file, space.id(), links.id(),
                                creation.id(), H5P_DEFAULT),
                     H5Dclose);
    if (!set) return library_refused("make", path);
    if (H5Dwrite(set.id(), in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
      return library_refused("write", path);
    }
    return {};
  }

  /// Every step of the path must be a link inside this file.
  Result<> check_links(const std::string& path) const {
    for (std::size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end + 1);
      const std::string prefix = path.substr(0, end);
      H5L_info_t info;
      if (H5Lget_info(file.id(), prefix.c_str(), &info, H5P_DEFAULT) < 0) {
        return wrong(fmt::format("there is no '{}' in the file", prefix));
      }
      if (info.type != H5L_TYPE_HARD) {
        return wrong(fmt::format("'{}' is a link to somewhere else", prefix));
      }
    }
    return {};
  }

  Result<Handle> open_set(const std::string& path) const {
    NT_TRY_VOID(check_links(path));
    Handle set(H5Dopen2(file.id(), path.c_str(), H5P_DEFAULT), H5Dclose);
    if (!set) return library_refused("open", path);
    const Handle creation(H5Dget_create_plist(set.id()), H5Pclose);
    const bool inside = creation && H5Pget_layout(creation.id()) != H5D_VIRTUAL &&
                        H5Pget_external_count(creation.id()) == 0;
    if (!inside) return wrong(fmt::format("the data of '{}' is in another file", path));
    return set;
  }

  Result<Shape> shape_of(const Handle& set, const std::string& path) const {
    const Handle space(H5Dget_space(set.id()), H5Sclose);
    const H5S_class_t kind = space ? H5Sget_simple_extent_type(space.id()) : H5S_NO_CLASS;
    if (kind == H5S_SCALAR) return Shape{};
    const int rank = kind == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space.id()) : -1;
    if (rank < 0) return wrong(fmt::format("'{}' has no shape", path));
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr);
    Shape shape(extents.begin(), extents.end());
    if (!element_count(shape)) return wrong(fmt::format("'{}' is too large", path));
    return shape;
  }

  /// Refuses a data set that would take far more memory than the file has bytes for it.
  Result<> check_size(const Handle& set, const std::string& path, std::uint64_t bytes) const {
    const std::uint64_t stored = H5Dget_storage_size(set.id());
    if (bytes <= stored * kBestRatio) return {};
    return wrong(fmt::format("'{}' announces {} bytes, the file holds {}", path, bytes, stored));
  }
};

Hdf5File::Hdf5File(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hdf5File::Hdf5File(Hdf5File&&) noexcept = default;
Hdf5File& Hdf5File::operator=(Hdf5File&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Hdf5File::~Hdf5File() {
  if (state_ == nullptr) return;  // moved from, perhaps under the lock
  const LibraryLock lock;
  state_.reset();
}

Result<Hdf5File> Hdf5File::create(std::string_view where) {
  const LibraryLock lock;
  auto state = std::make_unique<State>();
  state->where = where;
  const Handle access = in_memory_access();
  state->file = Handle(H5Fcreate(next_hdf5_name().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()),
                       H5Fclose);
  if (!state->file) return state->library_refused("make", std::string(where));
  return Hdf5File(std::move(state));
}

Result<Hdf5File> Hdf5File::open(std::string_view bytes, std::string_view where) {
  const LibraryLock lock;
  auto state = std::make_unique<State>();
  state->where = where;
  const Handle access = in_memory_access();
  if (bytes.empty()) return state->wrong("an empty file is no HDF5 file");
  // Takes a copy, so dropping the const is safe.
  if (H5Pset_file_image(access.id(), const_cast<char*>(bytes.data()), bytes.size()) < 0) {
    return state->library_refused("take", std::string(where));
  }
  state->file = Handle(H5Fopen(next_hdf5_name().c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
  if (!state->file)
    return state->wrong(fmt::format("the bytes are no HDF5 file: {}", hdf5_reason()));
  return Hdf5File(std::move(state));
}

Result<> Hdf5File::write_tensor(const std::string& path, const Tensor& tensor) {
  const LibraryLock lock;
  const StoredType type = stored_type(tensor.dtype());
  return state_->write(path, type.in_file, type.in_memory, space_of(tensor.shape()), tensor.data());
}

Result<> Hdf5File::write_text(const std::string& path, std::string_view text) {
  const LibraryLock lock;
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), std::max<std::size_t>(text.size(), 1));
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  const char* data = text.empty() ? "" : text.data();
  return state_->write(path, type.id(), type.id(), space_of({}), data);
}

Result<Tensor> Hdf5File::read_tensor(const std::string& path, DType dtype) const {
  const LibraryLock lock;
  NT_TRY(const Handle set, state_->open_set(path));
  const StoredType wanted = stored_type(dtype);
  const Handle type(H5Dget_type(set.id()), H5Tclose);
  const bool fits = type && H5Tget_class(type.id()) == H5Tget_class(wanted.in_file) &&
                    H5Tget_size(type.id()) == H5Tget_size(wanted.in_file) &&
                    (is_float(dtype) || H5Tget_sign(type.id()) == H5Tget_sign(wanted.in_file));
  if (!fits) {
    return state_->wrong(fmt::format("'{}' does not hold elements of {}", path, short_name(dtype)));
  }
  NT_TRY(Shape shape, state_->shape_of(set, path));
  const std::size_t bytes = static_cast<std::size_t>(*element_count(shape)) * byte_size(dtype);
  NT_TRY_VOID(state_->check_size(set, path, bytes));
  std::vector<std::byte> elements(bytes);
  if (H5Dread(set.id(), wanted.in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()) < 0) {
    return state_->library_refused("read", path);
  }
  if (dtype == DType::kBool) {
    for (std::byte& byte : elements) byte = byte == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return Tensor::from_bytes(dtype, std::move(shape), std::move(elements));
}

Result<std::string> Hdf5File::read_text(const std::string& path) const {
  const LibraryLock lock;
  NT_TRY(const Handle set, state_->open_set(path));
  const Handle type(H5Dget_type(set.id()), H5Tclose);
  NT_TRY(const Shape shape, state_->shape_of(set, path));
  const bool text = type && H5Tget_class(type.id()) == H5T_STRING &&
                    H5Tis_variable_str(type.id()) == 0 && shape.empty();
  if (!text) return state_->wrong(fmt::format("'{}' is no text of fixed length", path));
  const std::size_t size = H5Tget_size(type.id());
  NT_TRY_VOID(state_->check_size(set, path, size));
  std::string content(size, '\0');
  if (H5Dread(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()) < 0) {
    return state_->library_refused("read", path);
  }
  content.resize(content.find_last_not_of('\0') + 1);
  return content;
}

Result<std::vector<std::string>> Hdf5File::names(const std::string& group) const {
  const LibraryLock lock;
  if (group != "/") {
    NT_TRY_VOID(state_->check_links(group));
  }
  const Handle opened(H5Gopen2(state_->file.id(), group.c_str(), H5P_DEFAULT), H5Gclose);
  if (!opened) return state_->library_refused("open", group);
  std::vector<std::string> found;
  const auto take = [](hid_t, const char* name, const H5L_info_t*, void* into) -> herr_t {
    try {
      static_cast<std::vector<std::string>*>(into)->emplace_back(name);
      return 0;
    } catch (...) {  // no exception may cross the C library
      return -1;
    }
  };
  if (H5Literate(opened.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take, &found) < 0) {
    return state_->library_refused("list", group);
  }
  return found;
}

Result<std::string> Hdf5File::bytes() const {
  const LibraryLock lock;
  const hid_t file = state_->file.id();
  const bool flushed = H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0;
  const ssize_t size = flushed ? H5Fget_file_image(file, nullptr, 0) : -1;
  std::string content(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
  if (size <= 0 || H5Fget_file_image(file, content.data(), content.size()) != size) {
    return state_->library_refused("copy", state_->where);
  }
  return content;
}

}  // namespace neurotool
