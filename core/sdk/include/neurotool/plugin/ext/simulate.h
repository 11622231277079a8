/* neurotool/plugin/ext/simulate.h */
#ifndef NEUROTOOL_PLUGIN_EXT_SIMULATE_H
#define NEUROTOOL_PLUGIN_EXT_SIMULATE_H

#include <neurotool/plugin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs a compiled program. Results are pushed through nt_results_api::spikes and ::values. */
#define NT_EXT_SIMULATE "nt.simulate/1"

enum { NT_STIMULUS_IS_SPIKES = 1 }; /* otherwise the values are currents */

typedef struct nt_stimulus { /* a batch of samples on one input population */
  size_t struct_size;
  nt_tensor value;    /* [samples, steps, shape...], or [samples, shape...] for a held input;
                         float32 in a float graph, int32 in an integer graph */
  uint32_t population;
  uint32_t flags;
} nt_stimulus;

/* What to push during the run: "spikes" pushes every step's payloads of the population, "membrane"
 * every step's potentials after reset, "readout" one value per sample after the last step, with
 * step = steps - 1: the membrane of a population that never fires, else the net count
 * (docs/semantics.md, section 5). Nothing else may be pushed, and nothing twice. */
typedef struct nt_probe {
  size_t struct_size;
  nt_str variable;    /* "spikes", "membrane", "readout" */
  uint32_t population;
  uint32_t reserved;  /* 0 */
} nt_probe;

typedef struct nt_simulate {
  size_t struct_size;
  double tolerance;   /* share of spikes that may differ from docs/semantics.md; 0 = bit for bit */
  /* A program never changes after compile() and a run owns its state, so runs of one program
   * may overlap: the host hands over batches, and spreads them over threads. The samples of one
   * batch are independent: results do not depend on how samples are batched. [any] */
  nt_code (*run)(nt_program*, nt_call*, uint64_t samples, uint64_t steps, uint64_t seed,
                 const nt_stimulus* const* stimuli, size_t stimulus_count,
                 const nt_probe* const* probes, size_t probe_count) NT_NOEXCEPT;
} nt_simulate;

#ifdef __cplusplus
}
#endif
#endif
