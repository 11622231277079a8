/* neurotool/plugin/ext/codegen.h */
#ifndef NEUROTOOL_PLUGIN_EXT_CODEGEN_H
#define NEUROTOOL_PLUGIN_EXT_CODEGEN_H

#include <neurotool/plugin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes what the device needs: assembly, bitstreams, HLS projects, NIR. Pushes artifacts only. */
#define NT_EXT_CODEGEN "nt.codegen/1"

typedef struct nt_codegen {
  size_t struct_size;
  const nt_str* formats; /* "asm", "hls", "nir" */
  size_t format_count;
  /* graph is the one the program was compiled from. [serial] */
  nt_code (*emit)(nt_program*, nt_call*, const nt_graph* graph, nt_str format) NT_NOEXCEPT;
} nt_codegen;

#ifdef __cplusplus
}
#endif
#endif
