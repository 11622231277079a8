// From the tree of an HDF5 file to a Document. Every finding names the file and the HDF5 path; the
// first error is the one that is returned, and all are reported.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "io/nir/nir_file.hpp"
#include "ir/nir/reference.hpp"

namespace neurotool::nir {
namespace {

constexpr std::size_t kDeepest = 24;  ///< graphs within graphs

class Reader {
 public:
  Reader(std::string where, Diagnostics& diagnostics, const ReadOptions& options)
      : where_(std::move(where)), diagnostics_(diagnostics), options_(options) {}

  Result<Document> read(const hdf5::Group& root) {
    Document document;
    if (const hdf5::Item* version = root.find("version")) {
      if (const std::string* text = hdf5::text_of(version->value)) document.version = *text;
    }
    const hdf5::Item* top = root.find("node");
    const auto* group = top == nullptr ? nullptr : std::get_if<hdf5::Group>(&top->value);
    if (group == nullptr) {
      fail("nir.no-graph", "/", "there is no group '/node', which holds the graph of a NIR file",
           "this is an HDF5 file of another kind");
    } else if (const std::string type = type_of(*group, "/node"); type == "NIRGraph") {
      document.graph = graph(*group, "/node", 0);
    } else if (!type.empty()) {
      root_node(document.graph, *group, type);
    }
    if (!failed_ && strict()) check_as_reference(document.graph);
    if (failed_) return *failed_;
    return document;
  }

 private:
  bool strict() const { return options_.strictness == Strictness::kReference; }

  void fail(std::string_view code, const std::string& path, std::string message,
            std::string help = {}) {
    Error problem = error(code, ModelNode{where_, path}, std::move(message), std::move(help));
    diagnostics_.report(problem);
    if (!failed_) failed_ = std::move(problem);
  }

  /// A warning, or in strict mode an error.
  void doubt(std::string_view code, const std::string& path, std::string message,
             std::string help = {}) {
    if (strict()) return fail(code, path, std::move(message), std::move(help));
    diagnostics_.report(
        warning(code, ModelNode{where_, path}, std::move(message), std::move(help)));
  }

  void check_as_reference(const Graph& graph) {
    if (const auto verdict = reference_verdict(graph); !verdict) {
      fail(verdict.error().code, at_node(verdict.error()), verdict.error().message,
           verdict.error().help);
    }
  }

  static std::string at_node(const Error& problem) {
    const auto* node = std::get_if<ModelNode>(&problem.at);
    return node == nullptr ? "/node" : "/node/nodes/" + node->node;
  }

  /// Files of one node without a graph existed; nir reads them no more since 1.0.7.
  void root_node(Graph& graph, const hdf5::Group& group, const std::string& type) {
    doubt("nir.no-graph", "/node",
          fmt::format("the root is a node of type '{}' and no NIRGraph", escape_control(type)),
          "it is read as a graph of that node alone");
    if (auto primitive = this->primitive(group, type, "/node", 0)) {
      graph.nodes.push_back({"node", *std::move(primitive), metadata_of(group, "/node")});
    }
  }

  /// The word in `type`, or "" after an error.
  std::string type_of(const hdf5::Group& group, const std::string& path) {
    const hdf5::Item* item = group.find("type");
    if (item == nullptr) {
      fail("nir.type", path, "there is no 'type' in this group",
           "the type of a node is a data set, a scalar string; an attribute does not count");
      return {};
    }
    const auto* texts = std::get_if<hdf5::Texts>(&item->value);
    if (texts == nullptr || texts->values.size() != 1) {
      fail("nir.type", path + "/type",
           fmt::format("the type is {}, expected a string", hdf5::describe(item->value)));
      return {};
    }
    if (!texts->shape.empty()) {
      doubt("nir.type", path + "/type",
            fmt::format("the type is an array {} of one string, expected a scalar",
                        to_string(texts->shape)),
            "nir from 1.0.2 on refuses this");
    }
    return texts->values.front();
  }

  Graph graph(const hdf5::Group& group, const std::string& path, std::size_t depth) {
    Graph made;
    if (depth > kDeepest) {
      fail("nir.depth", path, fmt::format("graphs are nested more than {} deep", kDeepest));
      return made;
    }
    nodes(made, group, path, depth);
    edges(made, group, path);
    made.metadata = metadata_of(group, path);
    unrecognised(made.metadata, group, path,
                 {"type", "nodes", "edges", "metadata", "input_type", "output_type"});
    for (const char* name : {"input_type", "output_type"}) {
      if (group.find(name) == nullptr) continue;
      diagnostics_.report(warning("nir.unknown-member", ModelNode{where_, path + "/" + name},
                                  fmt::format("a graph with '{}' is one of older versions", name),
                                  "its nodes say the same; nir 1.0.8 refuses the file"));
    }
    return made;
  }

  void nodes(Graph& made, const hdf5::Group& group, const std::string& path, std::size_t depth) {
    const hdf5::Item* item = group.find("nodes");
    const auto* inner = item == nullptr ? nullptr : std::get_if<hdf5::Group>(&item->value);
    if (inner == nullptr) {
      return fail("nir.no-graph", path, "the graph has no group 'nodes'",
                  "write one, even for a graph without nodes");
    }
    for (const hdf5::Item& member : inner->members) {
      const std::string at = path + "/nodes/" + member.name;
      const auto* node = std::get_if<hdf5::Group>(&member.value);
      if (node == nullptr) {
        doubt("nir.unknown-member", at,
              fmt::format("a node is a group, and this is {}", hdf5::describe(member.value)),
              "it is passed over");
        continue;
      }
      const std::string type = type_of(*node, at);
      if (type.empty()) continue;
      auto primitive = this->primitive(*node, type, at, depth);
      if (!primitive) continue;
      made.nodes.push_back({member.name, *std::move(primitive), {}});
      if (std::holds_alternative<Graph>(made.nodes.back().primitive)) continue;
      made.nodes.back().metadata = metadata_of(*node, at);
      keep_unknown(made.nodes.back(), *node, at);
    }
  }

  std::optional<Primitive> primitive(const hdf5::Group& group, const std::string& type,
                                     const std::string& path, std::size_t depth) {
    auto made = primitive_named(type);
    if (!made) {
      fail("nir.type", path, fmt::format("'{}' is no node type of NIR", escape_control(type)),
           type_help(type));
      return std::nullopt;
    }
    std::visit(
        [&](auto& node) {
          if constexpr (std::is_same_v<std::decay_t<decltype(node)>, Graph>) {
            node = graph(group, path, depth + 1);
          } else {
            each_parameter(node, [&](std::string_view name, auto& field, Presence presence) {
              parameter(group, path, type, name, field, presence);
            });
          }
        },
        *made);
    return made;
  }

  static std::string type_help(const std::string& type) {
    return suggest(type, std::vector<std::string>(type_names().begin(), type_names().end()));
  }

  /// The package's defaults for Flatten; its start skips a batch axis that samples do not have.
  static std::optional<Tensor> fallback(std::string_view type, std::string_view name) {
    if (type != "Flatten") return std::nullopt;
    if (name == "start_dim") return int_tensor(1);
    if (name == "end_dim") return int_tensor(-1);
    return std::nullopt;
  }

  template <class Field>
  void parameter(const hdf5::Group& group, const std::string& path, const std::string& type,
                 std::string_view name, Field& field, Presence presence) {
    const hdf5::Item* item = group.find(name);
    if (item == nullptr) return absent(path, type, name, field, presence);
    if (const auto* tensor = std::get_if<Tensor>(&item->value)) {
      field = *tensor;
      if (item->big_endian && is_float(tensor->dtype())) {
        diagnostics_.report(warning("nir.byte-order",
                                    ModelNode{where_, fmt::format("{}/{}", path, name)},
                                    fmt::format("'{}' is stored with its largest byte first", name),
                                    "it is read; readers on PyTorch refuse such arrays"));
      }
      return;
    }
    if constexpr (std::is_same_v<Field, Padding>) {
      const auto* texts = std::get_if<hdf5::Texts>(&item->value);
      const bool word = texts != nullptr && texts->values.size() == 1 &&
                        (texts->values[0] == "same" || texts->values[0] == "valid");
      if (word) {
        field = texts->values[0];
        return;
      }
    }
    fail("nir.parameter", fmt::format("{}/{}", path, name),
         fmt::format("'{}' of a {} is {}, expected numbers{}", name, type,
                     hdf5::describe(item->value),
                     std::is_same_v<Field, Padding> ? ", 'same' or 'valid'" : ""));
  }

  template <class Field>
  void absent(const std::string& path, const std::string& type, std::string_view name, Field& field,
              Presence presence) {
    if (const auto value = fallback(type, name)) {
      field = *value;
      diagnostics_.report(warning(
          "nir.parameter", ModelNode{where_, path},
          fmt::format("a Flatten without '{}' gets {}, as in the nir package", name, value->at(0)),
          "write start_dim 0 and end_dim -1 to flatten a sample"));
      return;
    }
    const bool needed_since = name == "input_shape" && strict();
    if (presence == Presence::kOptional && !needed_since) return;
    fail("nir.parameter", path, fmt::format("a {} needs '{}', which is not there", type, name),
         needed_since ? "nir from 1.0.2 on refuses a convolution without it" : "");
  }

  void edges(Graph& made, const hdf5::Group& group, const std::string& path) {
    const std::string at = path + "/edges";
    const hdf5::Item* item = group.find("edges");
    if (item == nullptr) {
      return fail("nir.edge", path, "the graph has no 'edges'",
                  "a graph without edges has an empty data set of that name");
    }
    const auto* tensor = std::get_if<Tensor>(&item->value);
    if (tensor != nullptr && tensor->size() == 0) return;  // numpy's idea of an empty list
    const auto* texts = std::get_if<hdf5::Texts>(&item->value);
    if (texts != nullptr && texts->values.empty()) return;
    if (texts == nullptr || texts->shape.size() != 2 || texts->shape[1] != 2) {
      return fail("nir.edge", at,
                  fmt::format("the edges are {}, expected texts of shape [E,2]",
                              hdf5::describe(item->value)),
                  "every row is the name of a source and that of a target");
    }
    std::set<std::string_view> names;
    for (const Node& node : made.nodes) names.insert(node.name);
    std::set<Edge> seen;
    for (std::size_t i = 0; i + 1 < texts->values.size(); i += 2) {
      Edge edge{texts->values[i], texts->values[i + 1]};
      if (keep(edge, names, seen, at)) made.edges.push_back(std::move(edge));
    }
  }

  bool keep(const Edge& edge, const std::set<std::string_view>& names, std::set<Edge>& seen,
            const std::string& at) {
    const std::string words =
        fmt::format("from '{}' to '{}'", escape_control(edge.source), escape_control(edge.target));
    for (const std::string& end : {edge.source, edge.target}) {
      if (names.contains(end)) continue;
      doubt("nir.edge", at,
            fmt::format("the edge {} names '{}', and there is no such node", words,
                        escape_control(end)),
            "the edge is dropped; check that the node's name is spelled as in 'nodes'");
      return false;
    }
    if (seen.insert(edge).second) return true;
    diagnostics_.report(warning("nir.duplicate-edge", ModelNode{where_, at},
                                fmt::format("the edge {} is there twice, and counts once", words),
                                "nir 1.0.8 refuses the file; neurotool nir lint --fix drops it"));
    return false;
  }

  void keep_unknown(Node& node, const hdf5::Group& group, const std::string& path) {
    std::vector<std::string_view> known{"type", "metadata"};
    std::visit(
        [&](auto& primitive) {
          each_parameter(primitive,
                         [&](std::string_view name, auto&, Presence) { known.push_back(name); });
        },
        node.primitive);
    unrecognised(node.metadata, group, path, known);
  }

  void unrecognised(Metadata& metadata, const hdf5::Group& group, const std::string& path,
                    const std::vector<std::string_view>& known) {
    for (const hdf5::Item& member : group.members) {
      if (std::ranges::find(known, member.name) != known.end()) continue;
      const std::string at = path + "/" + member.name;
      doubt("nir.unknown-member", at,
            fmt::format("a node of this type has no '{}'", escape_control(member.name)),
            "it is kept as metadata/unrecognised; nir from 1.0.2 on refuses the file");
      if (!strict()) take(subtree(metadata, "unrecognised"), member, at);
    }
  }

  Metadata metadata_of(const hdf5::Group& group, const std::string& path) {
    Metadata made;
    const hdf5::Item* item = group.find("metadata");
    if (item == nullptr) return made;
    if (const auto* tree = std::get_if<hdf5::Group>(&item->value)) {
      for (const hdf5::Item& member : tree->members)
        take(made, member, path + "/metadata/" + member.name);
    } else {
      doubt("nir.unknown-member", path + "/metadata",
            fmt::format("metadata is a group, and this is {}", hdf5::describe(item->value)),
            "it is passed over");
    }
    return made;
  }

  void take(Metadata& into, const hdf5::Item& item, const std::string& path) {
    if (const auto* tree = std::get_if<hdf5::Group>(&item.value)) {
      Metadata inner;
      for (const hdf5::Item& member : tree->members) take(inner, member, path + "/" + member.name);
      set(into, item.name, std::move(inner));
    } else if (const auto* texts = std::get_if<hdf5::Texts>(&item.value)) {
      if (const std::string* single = hdf5::text_of(item.value)) {
        set(into, item.name, *single);
      } else {
        set(into, item.name, Texts{texts->shape, texts->values});
      }
    } else if (const auto* tensor = std::get_if<Tensor>(&item.value)) {
      set(into, item.name, *tensor);
    } else {
      diagnostics_.report(
          warning("nir.unknown-member", ModelNode{where_, path},
                  fmt::format("a value that is {} has no place here", hdf5::describe(item.value)),
                  "it is passed over"));
    }
  }

  std::string where_;
  Diagnostics& diagnostics_;
  const ReadOptions& options_;
  std::optional<Error> failed_;
};

Result<Document> read_tree_of(Result<hdf5::Group> tree, std::string where, Diagnostics& diagnostics,
                              const ReadOptions& options) {
  if (!tree) {
    diagnostics.report(tree.error());
    return std::move(tree).error();
  }
  return Reader(std::move(where), diagnostics, options).read(*tree);
}

hdf5::ReadOptions tree_options(const ReadOptions& options) {
  return {.limits = options.limits, .attributes = false, .only = "/node"};
}

}  // namespace

Result<Document> read(const std::filesystem::path& path, Diagnostics& diagnostics,
                      const ReadOptions& options) {
  return read_tree_of(hdf5::read_tree(path, tree_options(options)), path.string(), diagnostics,
                      options);
}

Result<Document> read(std::string_view bytes, std::string_view where, Diagnostics& diagnostics,
                      const ReadOptions& options) {
  return read_tree_of(hdf5::read_tree(bytes, where, tree_options(options)), std::string(where),
                      diagnostics, options);
}

bool looks_like_nir(const hdf5::Group& root) {
  const hdf5::Item* node = root.find("node");
  const auto* group = node == nullptr ? nullptr : std::get_if<hdf5::Group>(&node->value);
  return group != nullptr && group->find("type") != nullptr;
}

}  // namespace neurotool::nir
