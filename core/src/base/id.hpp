// Typed 32-bit indices. Nodes live in vectors and are named by id, never by pointer; mixing the ids
// of two kinds of node does not compile.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace neurotool {

template <class Tag>
struct Id {
  static constexpr std::uint32_t kNoIndex = 0xFFFFFFFFu;
  std::uint32_t index = kNoIndex;

  constexpr bool valid() const { return index != kNoIndex; }
  auto operator<=>(const Id&) const = default;
};

}  // namespace neurotool

template <class Tag>
struct std::hash<neurotool::Id<Tag>> {
  std::size_t operator()(neurotool::Id<Tag> id) const noexcept { return id.index; }
};
