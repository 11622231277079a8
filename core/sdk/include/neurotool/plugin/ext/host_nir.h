/* neurotool/plugin/ext/host_nir.h */
#ifndef NEUROTOOL_PLUGIN_EXT_HOST_NIR_H
#define NEUROTOOL_PLUGIN_EXT_HOST_NIR_H

#include <neurotool/plugin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A host service: NIR in HDF5, so that no plugin needs to link HDF5. */
#define NT_EXT_HOST_NIR "nt.host.nir/1"

typedef struct nt_annotation { /* stored under the node's metadata */
  size_t struct_size;
  int32_t subject;             /* NT_POPULATION or NT_PROJECTION */
  uint32_t subject_index;
  nt_str key;                  /* "org.example.core" */
  nt_tensor value;
} nt_annotation;

typedef struct nt_host_nir {
  size_t struct_size;
  nt_code (*write)(nt_call*, const nt_graph*, const nt_annotation* const* notes, size_t note_count,
                   nt_str artifact_name) NT_NOEXCEPT; /* [any] */
} nt_host_nir;

#ifdef __cplusplus
}
#endif
#endif
