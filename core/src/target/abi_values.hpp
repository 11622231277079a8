// Structs and text as they cross the boundary: read as far as their size says, filled no further
// than the reader has room, never trusted to be what they should.
#pragma once

#include <neurotool/plugin/abi.h>
#include <neurotool/plugin/ext/codegen.h>
#include <neurotool/plugin/ext/resources.h>
#include <neurotool/plugin/ext/simulate.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>

namespace neurotool {

/// Sizes of structs that crossed the boundary are nonsense beyond this.
inline constexpr std::size_t kMostStructBytes = 1 << 16;

/// The smallest size that is accepted of each growable struct: through its last field in version
/// 0.1, for ever. "At least my own size" would make every new field a break for older plugins.
template <class Struct>
inline constexpr std::size_t kSmallest = 0;
#define NT_SMALLEST(type, last_field) \
  template <>                         \
  inline constexpr std::size_t kSmallest<type> = NT_THROUGH(type, last_field)
NT_SMALLEST(nt_graph_info, steps);
NT_SMALLEST(nt_population, chip);
NT_SMALLEST(nt_projection, reserved);
NT_SMALLEST(nt_parameter, scales);
NT_SMALLEST(nt_option, reserved);
NT_SMALLEST(nt_diagnostic, help);
NT_SMALLEST(nt_metric, reserved);
NT_SMALLEST(nt_placement, reserved);
NT_SMALLEST(nt_target_info, extension);
NT_SMALLEST(nt_plugin, extension);
NT_SMALLEST(nt_simulate, run);
NT_SMALLEST(nt_codegen, emit);
NT_SMALLEST(nt_resources, get);
NT_SMALLEST(nt_capacity, amount);
#undef NT_SMALLEST

/// What the other side gave, as far as its size says; the rest is zero, which means "not set".
/// Nothing when there is no struct or its size cannot be right.
template <class Struct>
std::optional<Struct> copied(const Struct* given) {
  static_assert(kSmallest<Struct> > 0, "the smallest accepted size must be written down above");
  if (given == nullptr) return std::nullopt;
  const std::size_t size = given->struct_size;
  if (size < kSmallest<Struct> || size > kMostStructBytes) return std::nullopt;
  Struct result{};
  std::memcpy(&result, given, std::min(size, sizeof result));
  result.struct_size = std::min(size, sizeof result);
  return result;
}

/// Fills `out` with what both sides know, zeroes what only the reader knows, and leaves the number
/// of valid bytes in struct_size.
template <class Struct>
nt_code fill(Struct* out, Struct full) {
  static_assert(kSmallest<Struct> > 0, "the smallest accepted size must be written down above");
  if (out == nullptr) return NT_BAD_ARGUMENT;
  const std::size_t room = out->struct_size;
  if (room < kSmallest<Struct> || room > kMostStructBytes) return NT_BAD_ARGUMENT;
  full.struct_size = std::min(room, sizeof full);
  const std::size_t valid = full.struct_size;
  std::memcpy(static_cast<void*>(out), &full, valid);
  std::memset(reinterpret_cast<std::byte*>(out) + valid, 0, room - valid);
  return NT_OK;
}

/// The functions that a plugin calls end here: no exception of ours leaves.
template <class Body>
nt_code shielded(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return NT_NO_ROOM;
  } catch (...) {
    return NT_INTERNAL;
  }
}

nt_str str(std::string_view text);

/// A copy, or nothing when there are more than `most` bytes, no bytes where some are promised, or
/// when it is not UTF-8.
std::optional<std::string> text_of(nt_str text, std::size_t most);

/// For messages: cut at `most` bytes, and escaped where it is not UTF-8.
std::string message_of(nt_str text, std::size_t most);

/// Lower-case words with digits, '_' and '-', joined by dots: "energy.total", "acme.core-full".
bool is_dotted_name(std::string_view text);

/// "no room", as a message says it; "code 42" for one that does not exist.
std::string code_text(nt_code code);

}  // namespace neurotool
