// The loops behind kernels.hpp. Included once per instruction set, into a namespace of its own and
// with internal linkage, so that the linker can never mix the levels. Includes only headers without
// inline code of the standard library, for the same reason.
#include "kernels/vector.inl"

namespace neurotool::cpu::NT_CPU_LEVEL {
namespace {

#include "kernels/lists.inl"
#include "kernels/neurons.inl"
#include "kernels/rows.inl"
#include "kernels/sums.inl"

template <class Number>
constexpr NumberKernels<Number> table_of() {
  return {&value_list_row<Number>, &events_tile<Number>, &dense_tile<Number>,
          &pool_row<Number>,       &scale_row<Number>,   &expand_row<Number>,
          &add_row<Number>,        &update_row<Number>,  &relay_row<Number>};
}

constexpr Kernels kTable{NT_CPU_LEVEL_NAME, &list_row, table_of<float>(), table_of<std::int32_t>()};

}  // namespace
}  // namespace neurotool::cpu::NT_CPU_LEVEL
