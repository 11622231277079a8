// From a Document to the tree of an HDF5 file, with what the wanted version of the nir package
// cannot read left out where that says the same, and refused where it does not.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>

#include "base/files.hpp"
#include "base/text.hpp"
#include "io/nir/nir_file.hpp"

namespace neurotool::nir {
namespace {

/// A version as a number that compares: 1.0.5 is 10005.
std::optional<int> version_number(std::string_view text) {
  std::array<int, 3> parts{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < parts.size() && at != end; ++i) {
    const auto [rest, code] = std::from_chars(at, end, parts[i]);
    if (code != std::errc() || parts[i] < 0 || parts[i] > 99) return std::nullopt;
    at = rest;
    if (at != end && *at == '.') ++at;
  }
  return at == end && !text.empty() ? std::optional(parts[0] * 10000 + parts[1] * 100 + parts[2])
                                    : std::nullopt;
}

bool all_zero(const Tensor& tensor) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.at(i) != 0) return false;
  }
  return true;
}

class Writer {
 public:
  Writer(Diagnostics& diagnostics, int version) : diagnostics_(diagnostics), version_(version) {}

  hdf5::Group tree(const Document& document, std::string_view version) {
    hdf5::Group root;
    root.members.push_back({"node", graph(document.graph, "/node"), {}});
    root.members.push_back({"version", hdf5::text(version), {}});
    return root;
  }

  const std::optional<Error>& failed() const { return failed_; }

 private:
  void fail(std::string_view code, const std::string& path, std::string message,
            std::string help = {}) {
    Error problem = error(code, ModelNode{"", path}, std::move(message), std::move(help));
    diagnostics_.report(problem);
    if (!failed_) failed_ = std::move(problem);
  }

  bool older_than(int version) const { return version_ < version; }

  hdf5::Group graph(const Graph& graph, const std::string& path) {
    hdf5::Group made;
    hdf5::Group nodes;
    for (const Node& node : graph.nodes) {
      const std::string at = path + "/nodes/" + node.name;
      check_name(node.name, at);
      nodes.members.push_back({node.name, this->node(node, at), {}});
    }
    hdf5::Texts edges{{static_cast<std::int64_t>(graph.edges.size()), 2}, {}};
    for (const Edge& edge : graph.edges) {
      for (const std::string& end : {edge.source, edge.target}) {
        if (graph.find(end) == nullptr) {
          fail("nir.edge", path + "/edges",
               fmt::format("the edge from '{}' to '{}' ends at no node", edge.source, edge.target));
        }
        edges.values.push_back(end);
      }
    }
    made.members.push_back({"edges", std::move(edges), {}});
    add_metadata(made, graph.metadata, older_than(10002));
    made.members.push_back({"nodes", std::move(nodes), {}});
    made.members.push_back({"type", hdf5::text("NIRGraph"), {}});
    return made;
  }

  void check_name(const std::string& name, const std::string& path) {
    const bool legal = !name.empty() && name != "." && name != ".." &&
                       name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
    if (!legal) {
      fail("nir.name", path, fmt::format("'{}' is no name for a node", escape_control(name)),
           "names have no slash and are no single dot; [A-Za-z][A-Za-z0-9_]* is read everywhere");
    }
  }

  hdf5::Group node(const Node& node, const std::string& path) {
    if (const auto* inner = std::get_if<Graph>(&node.primitive)) return graph(*inner, path);
    const std::string_view type = type_name(node.primitive);
    check_type(type, path);
    hdf5::Group made;
    std::visit(
        [&](const auto& primitive) {
          each_parameter(primitive,
                         [&](std::string_view name, const auto& field, Presence presence) {
                           if (const auto value = parameter(name, field)) {
                             made.members.push_back({std::string(name), *value, {}});
                           } else if (name == "w_in" && older_than(10002)) {  // they insist on it
                             made.members.push_back({std::string(name), ones_like(primitive), {}});
                           } else if (presence == Presence::kRequired || needed(name)) {
                             fail("nir.parameter", path, fmt::format("a {} needs '{}'", type, name),
                                  "the package writes and reads no node without it");
                           }
                         });
        },
        node.primitive);
    if (const hdf5::Item* reset = find(made, "v_reset"); reset != nullptr && older_than(10006)) {
      fail("nir.version", path,
           "a v_reset that is not zero needs a reader of version 1.0.6 or later",
           "raise max_nir_version, or reset to zero");
    }
    add_metadata(made, node.metadata, !metadata_accepted(type));
    made.members.push_back({"type", hdf5::text(type), {}});
    return made;
  }

  static const hdf5::Item* find(const hdf5::Group& group, std::string_view name) {
    const auto place = std::ranges::find(group.members, name, &hdf5::Item::name);
    return place == group.members.end() ? nullptr : &*place;
  }

  void check_type(std::string_view type, const std::string& path) {
    const int since = type == "CubaLI" ? 10005 : type == "AvgPool2d" ? 10002 : 0;
    if (older_than(since)) {
      fail("nir.version", path,
           fmt::format("a {} needs a reader of version 1.0.{} or later", type, since % 100),
           "raise max_nir_version");
    }
    if (version_ == 10005 && type.ends_with("Pool2d")) {
      diagnostics_.report(
          warning("nir.version", ModelNode{"", path},
                  "nir 1.0.5 reads no graph with pooling, though 1.0.4 and 1.0.6 do",
                  "choose another max_nir_version"));
    }
  }

  /// What every reader since 1.0.2 insists on, though older files lack it.
  static bool needed(std::string_view name) { return name == "input_shape"; }

  template <class Neuron>
  static Tensor ones_like([[maybe_unused]] const Neuron& neuron) {
    if constexpr (requires { neuron.w_in; }) return filled(neuron.v_leak.shape(), 1);
    return {};
  }

  static std::optional<hdf5::Value> parameter(std::string_view name, const Tensor& tensor) {
    if (!tensor.defined() || (name == "v_reset" && all_zero(tensor))) return std::nullopt;
    return tensor;
  }

  static std::optional<hdf5::Value> parameter(std::string_view, const Padding& padding) {
    if (const auto* word = std::get_if<std::string>(&padding)) return hdf5::text(*word);
    const auto& tensor = std::get<Tensor>(padding);
    return tensor.defined() ? std::optional<hdf5::Value>(tensor) : std::nullopt;
  }

  bool metadata_accepted(std::string_view type) const {
    constexpr std::array<std::string_view, 6> kLate{"Conv2d", "Linear", "Scale",
                                                    "Input",  "Output", "AvgPool2d"};
    if (older_than(10002)) return false;
    return !older_than(10005) || std::ranges::find(kLate, type) == kLate.end();
  }

  static void add_metadata(hdf5::Group& made, const Metadata& metadata, bool left_out) {
    if (!metadata.empty() && !left_out) {
      made.members.push_back({"metadata", tree_of(metadata), {}});
    }
  }

  static hdf5::Group tree_of(const Metadata& metadata) {
    struct ToValue {
      hdf5::Value operator()(const std::string& text) const { return hdf5::text(text); }
      hdf5::Value operator()(const Texts& texts) const {
        return hdf5::Texts{texts.shape, texts.values};
      }
      hdf5::Value operator()(const Tensor& tensor) const { return tensor; }
      hdf5::Value operator()(const Metadata& inner) const { return tree_of(inner); }
    };
    hdf5::Group made;
    for (const MetadataEntry& entry : metadata.entries) {
      made.members.push_back({entry.key, std::visit(ToValue{}, entry.value), {}});
    }
    return made;
  }

  Diagnostics& diagnostics_;
  int version_;
  std::optional<Error> failed_;
};

}  // namespace

Result<std::string> write(const Document& document, Diagnostics& diagnostics,
                          const WriteOptions& options) {
  const auto version = version_number(options.max_nir_version);
  if (!version || *version < 10000 || *version > version_number(kNewestVersion)) {
    Error problem = error("nir.version", {},
                          fmt::format("max_nir_version is '{}', expected 1.0 to {}",
                                      escape_control(options.max_nir_version), kNewestVersion));
    diagnostics.report(problem);
    return problem;
  }
  Writer writer(diagnostics, *version);
  const hdf5::Group tree = writer.tree(document, options.max_nir_version);
  if (writer.failed()) return *writer.failed();
  auto bytes = hdf5::write_tree(tree, {.compress = options.compress});
  if (!bytes) diagnostics.report(bytes.error());
  return bytes;
}

Result<> write(const std::filesystem::path& path, const Document& document,
               Diagnostics& diagnostics, const WriteOptions& options) {
  NT_TRY(const std::string bytes, write(document, diagnostics, options));
  auto written = write_file_atomic(path, bytes);
  if (!written) diagnostics.report(written.error());
  return written;
}

}  // namespace neurotool::nir
