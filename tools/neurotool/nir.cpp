// `neurotool nir …`: files of the Neuromorphic Intermediate Representation.
#include <fmt/format.h>

#include "base/text.hpp"
#include "nir_commands.hpp"
#include "render.hpp"
#include "session/session.hpp"

namespace neurotool::cli {
namespace {

struct Counts {
  std::size_t nodes = 0, edges = 0;
};

Counts counts_of(const nir::Graph& graph) {
  Counts counts{graph.nodes.size(), graph.edges.size()};
  for (const nir::Node& node : graph.nodes) {
    if (const auto* inner = std::get_if<nir::Graph>(&node.primitive)) {
      const Counts more = counts_of(*inner);
      counts.nodes += more.nodes;
      counts.edges += more.edges;
    }
  }
  return counts;
}

}  // namespace

std::optional<nir::Document> read_nir(const std::string& path, nir::Strictness strictness,
                                      Terminal& terminal, int& code, Diagnostics& diagnostics) {
  auto document = nir::read(path, diagnostics, {.strictness = strictness, .limits = {}});
  show(diagnostics, terminal, render_options(terminal));
  if (document) return *std::move(document);
  code = static_cast<int>(outcome_of(document.error().code));
  return std::nullopt;
}

std::string nir_headline(const std::string& path, const nir::Document& document) {
  const Counts counts = counts_of(document.graph);
  return fmt::format("{}: {}, {} nodes, {} edges", escape_control(path),
                     document.version.empty() ? std::string("no version")
                                              : "nir " + escape_control(document.version),
                     counts.nodes, counts.edges);
}

void add_nir(CommandLine& line) {
  Command& group = line.add(line.root(), "nir", "Look at NIR files: lint, diff.");
  group.details = "NIR is the graph format that simulators of spiking networks exchange.";
  add_nir_lint(line, group);
  add_nir_diff(line, group);
}

}  // namespace neurotool::cli
