// Nodes are matched by name, edges as a set.
#include "ir/nir/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "ir/nir/shapes.hpp"

namespace neurotool::nir {
namespace {

using Kind = Difference::Kind;

std::string words(const Tensor& tensor) {
  if (!tensor.defined()) return "absent";
  return fmt::format("{}{}", short_name(tensor.dtype()), to_string(tensor.shape()));
}

/// What the absence of an optional parameter means.
bool stands_for_absent(std::string_view name, const Tensor& tensor) {
  const double value = name == "v_reset" ? 0 : 1;
  if (name != "v_reset" && name != "w_in") return false;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.at(i) != value) return false;
  }
  return true;
}

class Diff {
 public:
  std::vector<Difference> take() { return std::move(found_); }

  void graphs(const Graph& first, const Graph& second, const std::string& prefix) {
    std::map<std::string, std::pair<const Node*, const Node*>> nodes;
    for (const Node& node : first.nodes) nodes[node.name].first = &node;
    for (const Node& node : second.nodes) nodes[node.name].second = &node;
    for (const auto& [name, pair] : nodes) {
      const auto& [a, b] = pair;
      if (a == nullptr || b == nullptr) {
        only(a != nullptr, prefix + name,
             std::string(type_name((a != nullptr ? a : b)->primitive)));
      } else {
        both(*a, *b, prefix + name);
      }
    }
    edges(first, second, prefix);
    if (first.metadata != second.metadata) metadata(prefix);
  }

 private:
  void only(bool first, std::string place, std::string what) {
    found_.push_back({first ? Kind::kOnlyFirst : Kind::kOnlySecond, std::move(place),
                      first ? what : "", first ? "" : what, 0, 0});
  }

  void metadata(const std::string& place) {
    found_.push_back({Kind::kMetadata, place + "metadata", "", "", 0, 0});
  }

  void edges(const Graph& first, const Graph& second, const std::string& prefix) {
    const std::set<Edge> a(first.edges.begin(), first.edges.end());
    const std::set<Edge> b(second.edges.begin(), second.edges.end());
    std::set<Edge> all = a;
    all.insert(b.begin(), b.end());
    for (const Edge& edge : all) {
      if (a.contains(edge) && b.contains(edge)) continue;
      only(a.contains(edge),
           fmt::format("edge {}{} -> {}{}", prefix, edge.source, prefix, edge.target), "edge");
    }
  }

  void both(const Node& a, const Node& b, const std::string& place) {
    if (a.primitive.index() != b.primitive.index()) {
      found_.push_back({Kind::kType, place, std::string(type_name(a.primitive)),
                        std::string(type_name(b.primitive)), 0, 0});
      return;
    }
    if (a.metadata != b.metadata) metadata(place + "/");
    std::visit(
        [&](const auto& first) {
          using T = std::decay_t<decltype(first)>;
          const T& second = std::get<T>(b.primitive);
          if constexpr (std::is_same_v<T, Graph>) {
            graphs(first, second, place + "/");
          } else {
            std::map<std::string_view, Padding> others;
            each_parameter(second, [&](std::string_view name, const auto& field, Presence) {
              others.emplace(name, field);
            });
            each_parameter(first, [&](std::string_view name, const auto& field, Presence) {
              parameter(name, Padding(field), others.at(name), place + "/" + std::string(name));
            });
          }
        },
        a.primitive);
  }

  void parameter(std::string_view name, const Padding& a, const Padding& b,
                 const std::string& place) {
    const auto* first = std::get_if<Tensor>(&a);
    const auto* second = std::get_if<Tensor>(&b);
    if (first == nullptr || second == nullptr) {
      if (a == b) return;
      const auto say = [](const Padding& padding) {
        const auto* tensor = std::get_if<Tensor>(&padding);
        return tensor != nullptr ? words(*tensor) : std::get<std::string>(padding);
      };
      found_.push_back({Kind::kValue, place, say(a), say(b), 0, 0});
      return;
    }
    tensors(name, *first, *second, place);
  }

  void tensors(std::string_view name, const Tensor& a, const Tensor& b, const std::string& place) {
    if (!a.defined() || !b.defined()) {
      const Tensor& there = a.defined() ? a : b;
      if (a.defined() != b.defined() && !stands_for_absent(name, there)) {
        found_.push_back({Kind::kForm, place, words(a), words(b), 0, 0});
      }
      return;
    }
    if (a == b) return;
    const auto left = a.size() < b.size() ? broadcast(a, b.shape()) : std::optional(a);
    const auto right = b.size() < a.size() ? broadcast(b, a.shape()) : std::optional(b);
    if (!left || !right || left->size() != right->size()) {
      found_.push_back({Kind::kForm, place, words(a), words(b), 0, 0});
      return;
    }
    Difference made{Kind::kForm, place, words(a), words(b), 0, 0};
    for (std::int64_t i = 0; i < left->size(); ++i) compare(left->at(i), right->at(i), made);
    // Equal numbers of another type or shape, or of another sign of zero.
    if (made.kind == Kind::kForm && a.dtype() == b.dtype() && a.shape() == b.shape()) return;
    found_.push_back(std::move(made));
  }

  static void compare(double x, double y, Difference& made) {
    if (x == y || (std::isnan(x) && std::isnan(y))) return;
    made.kind = Kind::kValue;
    const double apart = std::abs(x - y), size = std::max(std::abs(x), std::abs(y));
    const double infinity = std::numeric_limits<double>::infinity();
    made.absolute = std::max(made.absolute, std::isnan(apart) ? infinity : apart);
    made.relative = std::max(made.relative, std::isfinite(apart) ? apart / size : infinity);
  }

  std::vector<Difference> found_;
};

}  // namespace

std::string_view kind_word(Difference::Kind kind) {
  switch (kind) {
    case Kind::kOnlyFirst:
      return "only in the first";
    case Kind::kOnlySecond:
      return "only in the second";
    case Kind::kType:
      return "another type";
    case Kind::kForm:
      return "another form";
    case Kind::kValue:
      return "other values";
    case Kind::kMetadata:
      return "other metadata";
  }
  return "";
}

std::vector<Difference> diff(const Graph& first, const Graph& second) {
  Diff walk;
  walk.graphs(first, second, "");
  return walk.take();
}

}  // namespace neurotool::nir
