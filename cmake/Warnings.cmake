# One interface target that every target of ours links: the warnings, and errors where asked for.
add_library(neurotool_warnings INTERFACE)
target_compile_options(neurotool_warnings INTERFACE
  -Wall -Wextra -Wshadow
  # Designated initialisers leave out what keeps its default; that is what they are for.
  -Wno-missing-field-initializers
  # g++ 12 sees overlaps in std::string that are not there (gcc bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # … and members of a std::optional that are used before it has a value, where it is asked first.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<COMPILE_LANGUAGE:CXX>:-Wconversion -Wnon-virtual-dtor>
  $<$<BOOL:${NEUROTOOL_WERROR}>:-Werror>
  # Spikes must not depend on how a compiler contracts floating-point expressions.
  -ffp-contract=off)

# What nearly every file includes, for precompiled headers.
set(NEUROTOOL_COMMON_HEADERS
  <fmt/format.h> <tl/expected.hpp> <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map>
  <memory> <optional> <ranges> <span> <string> <string_view> <utility> <variant> <vector>)
