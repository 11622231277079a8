// Strongly connected components over all projections, delayed ones too: a population that hears
// itself, however late, must run step by step. Members of a component are in the order in which they
// run inside a step.
#include "plan.hpp"

#include <algorithm>
#include <queue>

namespace neurotool::cpu {
namespace {

using Lists = std::vector<std::vector<std::uint32_t>>;

/// Marks what `start` reaches over `edges` among the populations not taken yet.
std::vector<std::uint32_t> reach(const Lists& edges, std::uint32_t start,
                                 const std::vector<bool>& taken) {
  std::vector<bool> seen(edges.size());
  std::vector<std::uint32_t> stack{start}, found;
  seen[start] = true;
  while (!stack.empty()) {
    const std::uint32_t at = stack.back();
    stack.pop_back();
    found.push_back(at);
    for (const std::uint32_t next : edges[at]) {
      if (seen[next] || taken[next]) continue;
      seen[next] = true;
      stack.push_back(next);
    }
  }
  return found;
}

/// Kosaraju's algorithm, without recursion: deep networks must not overflow the stack.
std::vector<std::uint32_t> finishing_order(const Lists& edges) {
  std::vector<std::uint32_t> order;
  std::vector<bool> seen(edges.size());
  for (std::uint32_t root = 0; root < edges.size(); ++root) {
    if (seen[root]) continue;
    std::vector<std::pair<std::uint32_t, std::size_t>> stack{{root, 0}};
    seen[root] = true;
    while (!stack.empty()) {
      auto& [at, next] = stack.back();
      if (next == edges[at].size()) {
        order.push_back(at);
        stack.pop_back();
        continue;
      }
      const std::uint32_t child = edges[at][next++];
      if (seen[child]) continue;
      seen[child] = true;
      stack.push_back({child, 0});
    }
  }
  return order;
}

Lists strong_components(const Lists& forward, const Lists& backward) {
  const std::vector<std::uint32_t> finished = finishing_order(forward);
  std::vector<bool> taken(forward.size());
  Lists components;
  for (auto root = finished.rbegin(); root != finished.rend(); ++root) {
    if (taken[*root]) continue;
    components.push_back(reach(backward, *root, taken));
    for (const std::uint32_t member : components.back()) taken[member] = true;
  }
  return components;  // Kosaraju leaves them in topological order
}

}  // namespace

std::vector<std::uint32_t> step_order(const Network& network) {
  const std::size_t count = network.populations.size();
  std::vector<std::uint32_t> waiting_for(count), order;
  for (const Projection& p : network.projections) waiting_for[p.target] += p.delay_steps == 0;
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (waiting_for[i] == 0) ready.push(i);
  }
  Lists targets(count);
  for (const Projection& p : network.projections) {
    if (p.delay_steps == 0) targets[p.source].push_back(p.target);
  }
  while (!ready.empty()) {
    const std::uint32_t next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const std::uint32_t target : targets[next]) {
      if (--waiting_for[target] == 0) ready.push(target);
    }
  }
  return order;
}

Plan make_plan(const Network& network) {
  const std::size_t count = network.populations.size();
  Plan plan;
  plan.incoming.resize(count);
  plan.outgoing.resize(count);
  plan.history.assign(count, 0);
  Lists forward(count), backward(count);
  std::vector<bool> hears_itself(count);
  for (std::uint32_t i = 0; i < network.projections.size(); ++i) {
    const Projection& p = network.projections[i];
    plan.incoming[p.target].push_back(i);
    plan.outgoing[p.source].push_back(i);
    plan.history[p.source] = std::max(plan.history[p.source], p.delay_steps);
    forward[p.source].push_back(p.target);
    backward[p.target].push_back(p.source);
    if (p.source == p.target) hears_itself[p.source] = true;
  }

  std::vector<std::uint32_t> rank(count);
  const std::vector<std::uint32_t> order = step_order(network);
  for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
  for (std::vector<std::uint32_t>& members : strong_components(forward, backward)) {
    std::ranges::sort(members, {}, [&](std::uint32_t p) { return rank[p]; });
    const bool recurrent = members.size() > 1 || hears_itself[members.front()];
    plan.components.push_back({recurrent, std::move(members)});
  }
  return plan;
}

}  // namespace neurotool::cpu
