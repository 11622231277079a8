// A snapshot is an HDF5 file behind a user block of 512 bytes, which every HDF5 tool skips. The
// block names the format, its version and the SHA-256 of what follows, so that a damaged file is
// refused before the HDF5 library gets to parse it. Inside are a description (JSON) and numbered
// tensors.
#include "io/snapshot.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "io/hdf5.hpp"
#include "io/snapshot_description.hpp"

namespace neurotool {
namespace {

constexpr std::string_view kMark = "neurotool snapshot ";
constexpr std::size_t kBlock = 512;
constexpr std::string_view kDescription = "description";

std::string tensor_path(std::size_t index) { return fmt::format("tensors/{}", index); }

std::string first_line() { return fmt::format("{}{}\n", kMark, kSnapshotVersion); }

Error with_place(Error found, const std::filesystem::path& path) {
  found.code = "snapshot.format";
  const auto* node = std::get_if<ModelNode>(&found.at);
  if (node != nullptr) {
    found.at = ModelNode{.path = path.string(), .node = node->node};
  } else {
    found.at = FilePosition{.path = path.string()};
  }
  if (found.help.empty()) found.help = "write the snapshot again with --dump-ir";
  return found;
}

Error wrong(std::string message) { return error("snapshot.format", {}, std::move(message)); }

/// The HDF5 part of the file, if the block in front of it says that it is whole.
Result<std::string_view> check_block(std::string_view file) {
  if (!file.starts_with(kMark)) return wrong("the file does not begin as a snapshot does");
  int version = 0;
  const char* const number = file.data() + kMark.size();
  std::from_chars(number, file.data() + file.size(), version);
  if (version != kSnapshotVersion) {
    return error("snapshot.version", {},
                 fmt::format("the snapshot has version {}, this tool reads version {}", version,
                             kSnapshotVersion),
                 "write it again with this tool, from the model it was made of");
  }
  if (file.size() <= kBlock) {
    return wrong(fmt::format("the file of {} bytes ends inside its first {}", file.size(), kBlock));
  }
  const std::string_view content = file.substr(kBlock);
  const std::string wanted = fmt::format("{}sha256 {}\n", first_line(), sha256_hex(content));
  if (file.starts_with(wanted)) return content;
  return wrong(
      "the content does not have the checksum that the file names: it is damaged or cut off");
}

Result<Model> read_content(std::string_view content, const std::string& where) {
  NT_TRY(const Hdf5File file, Hdf5File::open(content, where));
  NT_TRY(const std::string text, file.read_text(std::string(kDescription)));
  NT_TRY(const Json description, Json::parse(text));
  return rebuild_snapshot(description, [&](std::size_t index, DType dtype) {
    return file.read_tensor(tensor_path(index), dtype);
  });
}

}  // namespace

Result<> write_snapshot(const Model& model, const std::filesystem::path& path) {
  const SnapshotParts parts = describe_snapshot(model);
  NT_TRY(Hdf5File file, Hdf5File::create(path.string()));
  NT_TRY_VOID(file.write_text(std::string(kDescription), parts.description.dump()));
  for (std::size_t i = 0; i < parts.tensors.size(); ++i) {
    NT_TRY_VOID(file.write_tensor(tensor_path(i), parts.tensors[i]));
  }
  NT_TRY(const std::string content, file.bytes());
  std::string block = fmt::format("{}sha256 {}\n", first_line(), sha256_hex(content));
  block.resize(kBlock, '\0');
  return write_file_atomic(path, block + content);
}

Result<Model> read_snapshot(const std::filesystem::path& path) {
  NT_TRY(const std::string file, read_file(path));
  auto content = check_block(file);
  if (!content && content.error().code == "snapshot.version") {
    Error found = content.error();
    found.at = FilePosition{.path = path.string()};
    return found;
  }
  if (!content) return with_place(content.error(), path);
  auto model = read_content(*content, path.string());
  if (!model) return with_place(model.error(), path);
  return model;
}

}  // namespace neurotool
