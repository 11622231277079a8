// Which table of kernels this machine can run.
#include <initializer_list>

#include "kernels/kernels.hpp"

namespace neurotool::cpu {
namespace {

#if defined(__x86_64__)
bool machine_has_avx2() { return __builtin_cpu_supports("avx2"); }
bool machine_has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#else
bool machine_has_avx2() { return false; }
bool machine_has_avx512() { return false; }
#endif

}  // namespace

const Kernels* find_kernels(InstructionSet level) {
  switch (level) {
    case InstructionSet::kPortable:
      return portable_kernels();
    case InstructionSet::kAvx2:
      return machine_has_avx2() ? avx2_kernels() : nullptr;
    case InstructionSet::kAvx512:
      return machine_has_avx512() ? avx512_kernels() : nullptr;
    case InstructionSet::kBest:
      break;
  }
  for (const InstructionSet choice : {InstructionSet::kAvx512, InstructionSet::kAvx2}) {
    if (const Kernels* kernels = find_kernels(choice)) return kernels;
  }
  return portable_kernels();
}

}  // namespace neurotool::cpu
