// Where the bytes come from: a file on disk, or memory. Both are opened behind the guard.
#include "base/input_file.hpp"
#include "io/hdf5_tree_read.hpp"

namespace neurotool::hdf5 {
namespace {

Result<Group> group_of(Result<Item> item) {
  if (!item) return std::move(item).error();
  return std::get<Group>(std::move(item->value));
}

}  // namespace

Result<Group> read_tree(const std::filesystem::path& path, const ReadOptions& options) {
  return group_of(read_item(path, options));
}

Result<Group> read_tree(std::string_view bytes, std::string_view where,
                        const ReadOptions& options) {
  return group_of(read_item(bytes, where, options));
}

Result<std::vector<std::string>> top_names(const std::filesystem::path& path) {
  NT_TRY(const InputFile probe, InputFile::open(path));
  const LibraryLock lock;
  const GuardedFile source{.where = path.string(), .bytes = probe.size()};
  const auto read = [&](SharedValues*) -> Result<Item> {
    const Handle access = file_access();
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
    NT_TRY(std::vector<std::string> names, top_names_of(file, FilePosition{.path = source.where}));
    const auto count = static_cast<std::int64_t>(names.size());
    return Item{.name = {}, .value = Texts{{count}, std::move(names)}, .attributes = {}};
  };
  NT_TRY(Item item, guarded(source, {}, read));
  return std::get<Texts>(std::move(item.value)).values;
}

Result<Item> read_item(const std::filesystem::path& path, const ReadOptions& options) {
  // What is no regular file is refused before the library, which would wait for a pipe.
  NT_TRY(const InputFile probe, InputFile::open(path));
  const LibraryLock lock;
  const auto fetch = [&](std::uint64_t offset, std::span<char> buffer) {
    return probe.read_at(offset, buffer);
  };
  const TreeSource source{{.where = path.string(), .bytes = probe.size()}, fetch};
  return guarded(source, options.limits, [&](SharedValues* shared) {
    const Handle access = file_access();
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
    return read_opened(file, source, options, shared);
  });
}

Result<Item> read_item(std::string_view bytes, std::string_view where, const ReadOptions& options) {
  const LibraryLock lock;
  const auto fetch = [&](std::uint64_t offset, std::span<char> buffer) -> Result<std::size_t> {
    if (offset >= bytes.size()) return std::size_t{0};
    return bytes.copy(buffer.data(), buffer.size(), static_cast<std::size_t>(offset));
  };
  const TreeSource source{{.where = std::string(where), .bytes = bytes.size()}, fetch};
  return guarded(source, options.limits, [&](SharedValues* shared) {
    const Handle access = in_memory_access();
    // Takes a copy, so dropping the const is safe.
    const bool taken =
        !bytes.empty() &&
        H5Pset_file_image(access.id(), const_cast<char*>(bytes.data()), bytes.size()) >= 0;
    const Handle file(taken ? H5Fopen(next_hdf5_name().c_str(), H5F_ACC_RDONLY, access.id()) : -1,
                      H5Fclose);
    return read_opened(file, source, options, shared);
  });
}

}  // namespace neurotool::hdf5
