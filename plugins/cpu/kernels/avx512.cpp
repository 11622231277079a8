// Kernels for machines with AVX-512 (F, BW, DQ, VL). CMakeLists.txt compiles this file for them.
#define NT_CPU_LEVEL avx512
#define NT_CPU_LEVEL_NAME "avx512"
#include "kernels/body.inl"

namespace neurotool::cpu {

const Kernels* avx512_kernels() { return &avx512::kTable; }

}  // namespace neurotool::cpu
