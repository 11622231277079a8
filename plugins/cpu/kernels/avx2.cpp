// Kernels for machines with AVX2. CMakeLists.txt compiles this file for them.
#define NT_CPU_LEVEL avx2
#define NT_CPU_LEVEL_NAME "avx2"
#include "kernels/body.inl"

namespace neurotool::cpu {

const Kernels* avx2_kernels() { return &avx2::kTable; }

}  // namespace neurotool::cpu
