// Names that no other live node has.
#pragma once

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace neurotool {

/// `wanted`, or `wanted` with the lowest of _2, _3, … that no live node has. One look at each node,
/// because names are public and may have been changed since the last time.
template <class Node>
std::string unique_name(const std::vector<Node>& nodes, std::string_view wanted) {
  bool taken = false;
  std::vector<bool> used(nodes.size() + 3, false);  // of n nodes, one number up to n + 2 is free
  for (const Node& node : nodes) {
    const std::string_view name = node.name;
    if (name.size() < wanted.size() || node.removed || !name.starts_with(wanted)) continue;
    const std::string_view rest = name.substr(wanted.size());
    taken = taken || rest.empty();
    std::size_t number = 0;
    if (rest.size() < 2 || rest[0] != '_' || rest[1] == '0') continue;
    const char* const end = rest.data() + rest.size();
    const auto [last, code] = std::from_chars(rest.data() + 1, end, number);
    if (code == std::errc{} && last == end && number < used.size()) used[number] = true;
  }
  if (!taken) return std::string(wanted);
  std::size_t number = 2;
  while (used[number]) ++number;
  return std::string(wanted) + '_' + std::to_string(number);
}

}  // namespace neurotool
