// A snapshot is an HDF5 file with 128 bytes behind it, which every HDF5 tool skips: the name of the
// format, its version, and the SHA-256 of what is before them, so that a damaged file is refused
// before the HDF5 library gets to parse it. Inside are a description (JSON) and numbered tensors.
#include "io/snapshot.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "io/hdf5_tree.hpp"
#include "io/snapshot_description.hpp"

namespace neurotool {
namespace {

constexpr std::string_view kMark = "neurotool snapshot ";
constexpr std::size_t kSeal = 128;
constexpr std::string_view kDescription = "description", kTensors = "tensors";

/// The bytes behind the HDF5 file.
std::string seal_of(std::string_view content) {
  std::string seal = fmt::format("{}{}\nsha256 {}\n", kMark, kSnapshotVersion, sha256_hex(content));
  seal.resize(kSeal, '\n');
  return seal;
}

/// The findings of other layers in the words of a snapshot, at its file.
Error with_place(Error found, const std::filesystem::path& path) {
  const bool ours = found.code.starts_with("snapshot.") || found.code == "hdf5.process";
  if (!ours) found.code = "snapshot.format";
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

/// The HDF5 part of the file, if the seal behind it says that it is whole.
Result<std::string_view> check_seal(std::string_view file) {
  const std::size_t end = file.size() < kSeal ? 0 : file.size() - kSeal;
  const std::string_view content = file.substr(0, end), seal = file.substr(end);
  if (end == 0 || !seal.starts_with(kMark)) {
    return wrong(
        fmt::format("the {} bytes do not end as a snapshot does: the file is cut off, or "
                    "another program wrote it",
                    file.size()));
  }
  int version = 0;
  std::from_chars(seal.data() + kMark.size(), seal.data() + seal.size(), version);
  if (version != kSnapshotVersion) {
    return error("snapshot.version", {},
                 fmt::format("the snapshot has version {}, this tool reads version {}", version,
                             kSnapshotVersion),
                 "write it again with this tool, from the model it was made of");
  }
  if (seal == seal_of(content)) return content;
  return wrong("the content does not have the checksum at its end: the file is damaged");
}

Result<Tensor> tensor_of(const hdf5::Item* tensors, std::size_t index, DType dtype) {
  const auto* group = tensors != nullptr ? std::get_if<hdf5::Group>(&tensors->value) : nullptr;
  const hdf5::Item* item = group != nullptr ? group->find(std::to_string(index)) : nullptr;
  const std::string path = fmt::format("{}/{}", kTensors, index);
  if (item == nullptr) return wrong(fmt::format("there is no '{}' in the file", path));
  const auto* tensor = std::get_if<Tensor>(&item->value);
  if (tensor != nullptr && tensor->dtype() == dtype) return *tensor;
  return wrong(fmt::format("'{}' does not hold elements of {}", path, short_name(dtype)));
}

Result<Model> read_content(std::string_view content, const std::string& where) {
  NT_TRY(const hdf5::Group file, hdf5::read_tree(content, where));
  const hdf5::Item* item = file.find(kDescription);
  if (item == nullptr) return wrong(fmt::format("there is no '{}' in the file", kDescription));
  const std::string* text = hdf5::text_of(item->value);
  if (text == nullptr) return wrong(fmt::format("'{}' is no text", kDescription));
  NT_TRY(const Json description, Json::parse(*text));
  return rebuild_snapshot(description, [&](std::size_t index, DType dtype) {
    return tensor_of(file.find(kTensors), index, dtype);
  });
}

}  // namespace

Result<> write_snapshot(const Model& model, const std::filesystem::path& path) {
  SnapshotParts parts = describe_snapshot(model);
  hdf5::Group tensors, file;
  for (std::size_t i = 0; i < parts.tensors.size(); ++i) {
    tensors.members.push_back(
        {.name = std::to_string(i), .value = std::move(parts.tensors[i]), .attributes = {}});
  }
  file.members = {{.name = std::string(kDescription),
                   .value = hdf5::text(parts.description.dump()),
                   .attributes = {}},
                  {.name = std::string(kTensors), .value = std::move(tensors), .attributes = {}}};
  NT_TRY(const std::string content, hdf5::write_tree(file, {.compress = false}));
  return write_file_atomic(path, content + seal_of(content));
}

Result<Model> read_snapshot(const std::filesystem::path& path) {
  NT_TRY(const std::string file, read_file(path));
  auto content = check_seal(file);
  if (!content) return with_place(content.error(), path);
  auto model = read_content(*content, path.string());
  if (!model) return with_place(model.error(), path);
  return model;
}

}  // namespace neurotool
