/* neurotool/plugin/ext/resources.h */
#ifndef NEUROTOOL_PLUGIN_EXT_RESOURCES_H
#define NEUROTOOL_PLUGIN_EXT_RESOURCES_H

#include <neurotool/plugin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the device holds. Read by the partition pass and by `neurotool targets NAME`. */
#define NT_EXT_RESOURCES "nt.resources/1"

typedef struct nt_capacity {
  size_t struct_size;
  nt_str name;  /* well known: chips, cores_per_chip, neurons_per_core, synapses_per_core, fan_in,
                   fan_out, weight_bits, delay_steps. Others are shown, not used. */
  nt_str unit;
  double amount;
} nt_capacity;

typedef struct nt_resources {
  size_t struct_size;
  nt_code (*count)(nt_target*, uint32_t* out) NT_NOEXCEPT;                     /* [serial] */
  nt_code (*get)(nt_target*, uint32_t index, nt_capacity* out) NT_NOEXCEPT;    /* [serial] */
} nt_resources;

#ifdef __cplusplus
}
#endif
#endif
