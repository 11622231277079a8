// Tells formats apart by their first bytes, and says what a file is when it is no model: a newcomer
// meets a pointer file or an archive more often than a broken network.
#include "frontend/frontend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <string_view>

#include "base/input_file.hpp"
#include "base/text.hpp"
#include "frontend/nir/import.hpp"
#include "frontend/onnx/import.hpp"
#include "frontend/onnx/parse.hpp"
#include "io/netx/netx.hpp"
#include "io/nir/nir_file.hpp"

namespace neurotool {
namespace {

constexpr std::string_view kHdf5 = "\x89HDF\r\n\x1a\n";

/// ONNX files are protobuf messages, which end here; larger networks have external data.
constexpr std::uint64_t kLargestFile = (std::uint64_t{1} << 31) - 1;
constexpr std::string_view kExpected = "an ONNX model (*.onnx) or a NIR graph (*.nir) is expected";

struct Finding {
  std::string message, help;
};

bool is_text(std::string_view bytes) {
  return std::ranges::none_of(bytes,
                              [](char c) {
                                return static_cast<unsigned char>(c) < 0x20 && c != '\n' &&
                                       c != '\r' && c != '\t';
                              }) &&
         is_utf8(bytes);
}

/// What the file is, told by its first bytes, if it is one of the things that people pass by
/// mistake.
std::optional<Finding> recognise_other(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.empty()) return Finding{"the file is empty", "copy or export the model again"};
  if (bytes.starts_with("\x1f\x8b"sv)) {
    return Finding{"the file is compressed with gzip", "unpack it first: gunzip FILE"};
  }
  if (bytes.starts_with("version https://git-lfs"sv)) {
    return Finding{"the file is a git-lfs pointer that stands for the model",
                   "fetch the model itself: git lfs pull"};
  }
  if (bytes.starts_with("PK\x03\x04"sv)) {
    return Finding{"the file is a zip archive, as PyTorch and numpy write them",
                   "export the network with torch.onnx.export and load that file"};
  }
  if (is_text(bytes)) {
    return Finding{"the file is text, not a model", std::string(kExpected)};
  }
  if (!from_onnx::looks_like_onnx(bytes)) {
    return Finding{"the bytes are in no known format", std::string(kExpected)};
  }
  return std::nullopt;
}

/// The graph of a NIR file as a network of ours.
Result<Model> load_nir(const std::filesystem::path& path, Diagnostics& diagnostics,
                       const NirReading& reading) {
  NT_TRY(const nir::Document document, nir::read(path, diagnostics));
  return from_nir::import_model(document, path.string(), reading, diagnostics);
}

/// Lava's networks are HDF5 files too, with a group of layers at the top.
bool is_lava(const std::filesystem::path& path) {
  const auto names = hdf5::top_names(path);
  const auto has = [&](std::string_view name) {
    return std::ranges::find(*names, name) != names->end();
  };
  return names && has("layer") && !has("node");
}

Result<Model> load_lava(const std::filesystem::path& path, Diagnostics& diagnostics) {
  auto network = netx::read(path);
  if (!network) {
    diagnostics.report(network.error());
    return std::move(network).error();
  }
  NT_TRY(SpikeGraph graph, netx::to_graph(*network, path.string(), diagnostics));
  return Model{.name = path.stem().string(), .path = path.string(), .graph = std::move(graph)};
}

Error not_there(Error problem) {
  problem.code = "model.missing";
  return problem;
}

Result<Model> load(const std::filesystem::path& path, Diagnostics& diagnostics,
                   const LoadOptions& options, const NirReading& nir) {
  const auto reported = [&](Error problem) {
    diagnostics.report(problem);
    return problem;
  };
  auto file = InputFile::open(path);
  if (!file) return reported(not_there(std::move(file).error()));
  std::string head(4096, '\0');
  auto count = file->read_at(0, head);
  if (!count) return reported(not_there(std::move(count).error()));
  head.resize(*count);
  if (head.starts_with(kHdf5) && is_lava(path)) return load_lava(path, diagnostics);
  if (head.starts_with(kHdf5)) return load_nir(path, diagnostics, nir);
  if (file->size() > kLargestFile) {
    return reported(error("file.too-large", FilePosition{.path = path.string()},
                          fmt::format("the file has {} bytes, and an ONNX file has at most {}",
                                      with_thousands(file->size()), with_thousands(kLargestFile)),
                          "keep the weights of a model this large in external data files"));
  }
  if (const auto other = recognise_other(head)) {
    return reported(error("model.unrecognised", FilePosition{.path = path.string()}, other->message,
                          other->help));
  }
  auto proto = from_onnx::parse_model(*file, path.string());
  if (!proto) return reported(std::move(proto).error());
  return from_onnx::import_model(**proto, path.string(), options, diagnostics);
}

}  // namespace

Result<Model> load_model(const std::filesystem::path& path, Diagnostics& diagnostics,
                         const LoadOptions& options, const NirReading& nir) {
  try {
    return load(path, diagnostics, options, nir);
  } catch (const std::bad_alloc&) {
    const Error problem =
        error("file.too-large", FilePosition{.path = path.string()},
              "the model needs more memory than there is", "load it on a larger machine");
    diagnostics.report(problem);
    return problem;
  }
}

}  // namespace neurotool
