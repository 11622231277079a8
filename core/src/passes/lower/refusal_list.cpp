// Groups refusals by op, reason and help, in the order in which the first of each was found.
#include "passes/lower/refusal_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace neurotool::lower {
namespace {

constexpr std::size_t kMostFindings = 12;
constexpr std::size_t kMostPlaces = 200;

const std::string& name_in_file(const OpNode& node) {
  return node.origins.empty() ? node.name : node.origins.front();
}

void add_place(Error& finding, Location at, std::string message, std::size_t& left_out) {
  if (finding.notes.size() < kMostPlaces) {
    finding.notes.push_back({std::move(at), std::move(message)});
  } else {
    ++left_out;
  }
}

void close(Error& finding, std::size_t left_out) {
  if (left_out > 0) finding.notes.push_back({{}, fmt::format("and at {} more places", left_out)});
}

}  // namespace

std::vector<Error> findings_of(const std::vector<RefusedOp>& refused, const TensorGraph& graph,
                               const std::string& model_path) {
  std::map<std::tuple<std::string_view, std::string, std::string>, std::size_t> known;
  std::vector<std::vector<const RefusedOp*>> kinds;
  for (const RefusedOp& one : refused) {
    const auto [found, is_new] = known.emplace(
        std::tuple(op_name(graph[one.op].op), one.refusal.reason, one.refusal.help), kinds.size());
    if (is_new) kinds.emplace_back();
    kinds[found->second].push_back(&one);
  }
  std::vector<Error> findings;
  for (const auto& kind : kinds) {
    if (findings.size() == kMostFindings && kinds.size() > kMostFindings) break;
    findings.push_back(unsupported(model_path, graph[kind[0]->op], kind[0]->refusal));
    std::size_t left_out = 0;
    for (std::size_t i = 1; i < kind.size(); ++i) {
      const std::string& name = name_in_file(graph[kind[i]->op]);
      add_place(findings.back(), ModelNode{model_path, name}, "here too", left_out);
    }
    close(findings.back(), left_out);
  }
  if (kinds.size() <= kMostFindings) return findings;
  std::size_t left_out = 0;
  Error& last = findings.back();
  for (std::size_t k = kMostFindings; k < kinds.size(); ++k) {
    for (const RefusedOp* one : kinds[k]) {
      const OpNode& node = graph[one->op];
      add_place(last, ModelNode{model_path, name_in_file(node)},
                fmt::format("{} {}", op_name(node.op), one->refusal.reason), left_out);
    }
  }
  close(last, left_out);
  return findings;
}

}  // namespace neurotool::lower
