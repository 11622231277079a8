# One interface target that every target of ours links: the warnings, and errors where asked for.
add_library(neurotool_warnings INTERFACE)
target_compile_options(neurotool_warnings INTERFACE
  -Wall -Wextra -Wshadow
  # Designated initialisers leave out what keeps its default; that is what they are for.
  -Wno-missing-field-initializers
  $<$<COMPILE_LANGUAGE:CXX>:-Wconversion -Wnon-virtual-dtor>
  $<$<BOOL:${NEUROTOOL_WERROR}>:-Werror>
  # Spikes must not depend on how a compiler contracts floating-point expressions.
  -ffp-contract=off)
