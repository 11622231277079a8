// Kernels for any machine: what g++ makes of the loops without further instructions.
#define NT_CPU_LEVEL portable
#define NT_CPU_LEVEL_NAME "portable"
#include "kernels/body.inl"

namespace neurotool::cpu {

const Kernels* portable_kernels() { return &portable::kTable; }

}  // namespace neurotool::cpu
