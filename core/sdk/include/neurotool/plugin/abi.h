/* neurotool/plugin/abi.h - the contract between neurotool and a target plugin.
 *
 * Plain C11. Needs only <stddef.h> and <stdint.h>. May be copied into your project.
 *
 * Five rules hold for everything below; a comment says so where one does not.
 *  1. Lifetime.  A pointer passed into a call is good until that call returns. Copy what you keep.
 *  2. Ownership. Whoever creates an object destroys it. No memory is freed across the boundary.
 *  3. Results are pushed to the host during a call, never returned for the host to free.
 *  4. Growth.    A struct that starts with struct_size may gain fields at its end in a minor
 *                version; zero means "not set". None has implicit padding: a field added into
 *                padding would leave the size unchanged and go unnoticed. [frozen] never grows.
 *  5. No exception, longjmp, signal handler, stdout, stderr, exit or abort crosses or leaks.
 *
 * Threads: [any] any thread, concurrently. [serial] the host never overlaps two [serial] calls on
 * one object; it may use different threads for successive calls.
 */
#ifndef NEUROTOOL_PLUGIN_ABI_H
#define NEUROTOOL_PLUGIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX != UINT64_MAX || \
    (defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
#error "neurotool plugins are 64-bit and little-endian"
#endif

#define NT_ABI_MAJOR 0 /* 0 while drafting: host and plugin must match exactly. Frozen at 1. */
#define NT_ABI_MINOR 1

#ifdef __cplusplus
#define NT_NOEXCEPT noexcept /* a C++ function that may throw will not fit in these tables */
#define NT_EXPORT extern "C" __attribute__((visibility("default")))
extern "C" {
#else
#define NT_NOEXCEPT
#define NT_EXPORT __attribute__((visibility("default")))
#endif

/* True if *p is recent enough to have this field. */
#define NT_THROUGH(type, field) (offsetof(type, field) + sizeof(((type*)0)->field))
#define NT_HAS(p, type, field) ((p)->struct_size >= NT_THROUGH(type, field))

/* ---- values ------------------------------------------------------------------------------- */

typedef struct nt_str { /* [frozen] UTF-8, not NUL-terminated; size 0 means absent */
  const char* data;
  size_t size;
} nt_str;
#define NT_LIT(s) { (s), sizeof(s) - 1 }

typedef int32_t nt_code; /* tells the host what to do next; diagnose() says why */
enum {
  NT_OK = 0,
  NT_CANCELLED = 1,   /* stopped because progress() asked */
  NT_UNSUPPORTED = 2, /* a legal request that this plugin cannot serve */
  NT_NO_ROOM = 3,     /* does not fit the device, or memory */
  NT_BAD_ARGUMENT = 4, /* the other side broke this contract */
  NT_FAILED = 5,      /* tried and failed; see the diagnostics */
  NT_INTERNAL = 6     /* a bug on the side that returned it */
};

typedef struct nt_dtype { /* [frozen] DLPack's numbers */
  uint8_t code;           /* 0 int, 1 uint, 2 float, 4 bfloat, 6 bool */
  uint8_t bits;
  uint16_t lanes;
} nt_dtype;

typedef struct nt_tensor { /* [frozen] a view of host memory; never owns */
  const void* data;
  const int64_t* shape;
  const int64_t* strides; /* in elements; NULL = compact, row-major */
  int32_t rank;
  nt_dtype dtype;
} nt_tensor;

/* ---- objects ------------------------------------------------------------------------------ */

typedef struct nt_call nt_call;       /* host: one call in progress; log, progress, results */
typedef struct nt_config nt_config;   /* host: validated options, defaults filled in */
typedef struct nt_graph nt_graph;     /* host: a read-only spiking graph */
typedef struct nt_writer nt_writer;   /* host: an artifact being written */
typedef struct nt_target nt_target;   /* plugin: an opened target */
typedef struct nt_program nt_program; /* plugin: a compiled graph; released before its target */

/* ---- the graph, as a plugin sees it: count, then fill -------------------------------------- */

enum { NT_ROLE_INPUT = 1, NT_ROLE_OUTPUT = 2 };
enum { NT_FLOAT32 = 1, NT_INTEGER = 2 };
enum { NT_POPULATION = 1, NT_PROJECTION = 2, NT_OPTION = 3 };

typedef struct nt_graph_info {
  size_t struct_size;
  nt_str name;
  uint32_t population_count, projection_count;
  double dt_seconds;       /* 0 = abstract steps */
  nt_str fingerprint;      /* changes when anything in the graph changes: a cache key */
  int32_t arithmetic;      /* NT_FLOAT32 or NT_INTEGER: which column of docs/semantics.md holds */
  uint32_t steps;          /* steps per sample the thresholds were made for; 0 = any */
} nt_graph_info;

typedef struct nt_population {
  size_t struct_size;
  nt_str name;             /* unique among populations; stable across passes */
  nt_str model;            /* "input", "if", "lif", "cuba_lif", "li", ...: docs/models.md */
  const int64_t* shape;
  int32_t rank;
  uint32_t roles;          /* NT_ROLE_* */
  uint64_t neuron_count;
  uint32_t parameter_count;
  int32_t chip;            /* set by a partition pass; -1 = anywhere */
} nt_population;

typedef struct nt_projection {
  size_t struct_size;
  nt_str name;
  nt_str kind;             /* "dense", "conv2d", "sparse", "one_to_one", "sum_pool2d", ... */
  uint32_t source, target; /* population indices */
  uint32_t parameter_count;
  uint32_t delay_steps;    /* 1 or more unless the graph is feed-forward */
  uint64_t synapse_count;  /* after expansion */
  uint32_t target_port;    /* 0: the input current; a model with more inputs (gate, second
                              operand of a product) numbers them in docs/models.md */
  uint32_t reserved;       /* 0 */
} nt_projection;

typedef struct nt_parameter {
  size_t struct_size;
  nt_str name;             /* "threshold", "decay", "weight", "stride", ... */
  nt_str unit;
  nt_tensor value;         /* rank 0 broadcasts; integers carry scale below */
  double scale;            /* real = scale * (stored - zero_point); 0 = not quantised */
  int32_t zero_point;
  uint32_t bits;           /* significant bits of the stored integer; 0 = all */
  nt_tensor scales;        /* float64[output channels] where channels differ; data NULL = scale */
} nt_parameter;

typedef struct nt_synapse { /* [frozen] */
  uint64_t target;         /* flat neuron index in the target population */
  double weight;           /* as stored: an integer value if the weight is quantised */
} nt_synapse;

typedef struct nt_graph_api {
  size_t struct_size;
  /* The caller sets out->struct_size; the host fills no more than that. [any] */
  nt_code (*info)(const nt_graph*, nt_graph_info* out) NT_NOEXCEPT;
  nt_code (*population)(const nt_graph*, uint32_t index, nt_population* out) NT_NOEXCEPT;
  nt_code (*projection)(const nt_graph*, uint32_t index, nt_projection* out) NT_NOEXCEPT;
  /* owner is NT_POPULATION or NT_PROJECTION. */
  nt_code (*parameter)(const nt_graph*, int32_t owner, uint32_t owner_index, uint32_t index,
                       nt_parameter* out) NT_NOEXCEPT;
  /* Synapses leaving one source neuron, so that nobody re-derives convolution indexing.
   * *count is in: capacity, out: how many there are. NT_NO_ROOM if more than capacity. */
  nt_code (*synapses)(const nt_graph*, uint32_t projection, uint64_t source_neuron, nt_synapse* out,
                      size_t* count) NT_NOEXCEPT;
} nt_graph_api;

/* ---- options ------------------------------------------------------------------------------ */

enum { NT_BOOL = 1, NT_INT = 2, NT_REAL = 3, NT_TEXT = 4, NT_CHOICE = 5, NT_INT_LIST = 6 };

typedef struct nt_option { /* static; the host checks the YAML against it before open() */
  size_t struct_size;
  nt_str key;              /* dotted, lower_snake: "noc.rows" */
  nt_str summary;          /* one sentence */
  nt_str unit;
  nt_str fallback;         /* default as text, "[1, 2]" for a list; data NULL = no default, the user
                              must set it */
  double minimum, maximum; /* inclusive; both 0 = unbounded */
  const nt_str* choices;
  size_t choice_count;
  int32_t type;            /* NT_BOOL ... NT_INT_LIST */
  uint32_t reserved;       /* 0 */
} nt_option;

typedef struct nt_config_api {
  size_t struct_size;
  nt_code (*get_bool)(const nt_config*, nt_str key, uint32_t* out) NT_NOEXCEPT;
  nt_code (*get_int)(const nt_config*, nt_str key, int64_t* out) NT_NOEXCEPT;
  nt_code (*get_real)(const nt_config*, nt_str key, double* out) NT_NOEXCEPT;
  nt_code (*get_text)(const nt_config*, nt_str key, nt_str* out) NT_NOEXCEPT;
  nt_code (*get_ints)(const nt_config*, nt_str key, const int64_t** out, size_t* count) NT_NOEXCEPT;
  nt_code (*get_json)(const nt_config*, nt_str* out) NT_NOEXCEPT; /* the whole section, canonical */
} nt_config_api;

/* ---- results ------------------------------------------------------------------------------ */

enum { NT_NOTE = 1, NT_WARNING = 2, NT_ERROR = 3 };
enum { NT_MEASURED = 1, NT_SIMULATED = 2, NT_MODELLED = 3 }; /* a model is never a measurement */

typedef struct nt_diagnostic {
  size_t struct_size;
  int32_t severity;
  int32_t subject;         /* 0, NT_POPULATION, NT_PROJECTION or NT_OPTION */
  uint32_t subject_index;
  uint32_t reserved;       /* 0 */
  nt_str subject_key;      /* for NT_OPTION */
  nt_str code;             /* "loihi2.fan-in"; stable, documented */
  nt_str message;          /* what is wrong, with the numbers */
  nt_str help;             /* what to do */
} nt_diagnostic;

typedef struct nt_metric {
  size_t struct_size;
  nt_str name;             /* "energy.total", "core.3.weights" */
  nt_str unit;             /* "J", "byte", "1" */
  double value;
  double limit;            /* capacity, for use-of-resource metrics; 0 = none */
  int32_t origin;          /* NT_MEASURED, NT_SIMULATED or NT_MODELLED: required */
  uint32_t reserved;       /* 0 */
} nt_metric;

typedef struct nt_placement {
  size_t struct_size;
  uint64_t first_neuron, neuron_count;
  uint32_t population;
  uint32_t chip, core;
  uint32_t reserved;       /* 0 */
} nt_placement;

typedef struct nt_results_api { /* all [any]; order within one thread is kept */
  size_t struct_size;
  nt_code (*metric)(nt_call*, const nt_metric*) NT_NOEXCEPT;
  nt_code (*placement)(nt_call*, const nt_placement*) NT_NOEXCEPT;
  /* name is relative, '/'-separated, without ".."; the host decides where it lands. */
  nt_code (*artifact_open)(nt_call*, nt_str name, nt_str media_type, nt_writer** out) NT_NOEXCEPT;
  nt_code (*artifact_write)(nt_writer*, const void* data, size_t size) NT_NOEXCEPT;
  nt_code (*artifact_close)(nt_writer*) NT_NOEXCEPT;
  /* Spikes of one population of one sample at one step, ascending indices. payloads carries
   * graded and signed spikes; NULL means 1 for each. */
  nt_code (*spikes)(nt_call*, uint64_t sample, uint32_t population, uint64_t step,
                    const uint32_t* neurons, const int32_t* payloads, size_t count) NT_NOEXCEPT;
  nt_code (*values)(nt_call*, uint64_t sample, uint32_t population, nt_str variable,
                    uint64_t step, const nt_tensor* value) NT_NOEXCEPT;
} nt_results_api;

/* ---- what the host offers ----------------------------------------------------------------- */

enum { NT_LOG_DEBUG = 1, NT_LOG_INFO = 2, NT_LOG_WARNING = 3 };

typedef struct nt_host { /* good from init() until shutdown() returns */
  size_t struct_size;
  uint32_t abi_major, abi_minor;
  nt_str name, version;
  const nt_graph_api* graph;
  const nt_config_api* config;
  const nt_results_api* results;
  void (*log)(nt_call*, int32_t level, nt_str message) NT_NOEXCEPT;   /* [any] */
  void (*diagnose)(nt_call*, const nt_diagnostic*) NT_NOEXCEPT;       /* [any] */
  /* fraction in 0..1, or negative for "still alive". NT_CANCELLED: stop soon, return it. [any] */
  nt_code (*progress)(nt_call*, double fraction, nt_str activity) NT_NOEXCEPT;
  /* Runs body over [0,count) on the host's pool and waits. body must not throw. [any] */
  nt_code (*parallel_for)(nt_call*, size_t count,
                          void (*body)(void* user, size_t first, size_t last) NT_NOEXCEPT,
                          void* user) NT_NOEXCEPT;
  const void* (*extension)(nt_str id) NT_NOEXCEPT;               /* [any] NULL if unknown */
} nt_host;

/* ---- what a plugin offers ----------------------------------------------------------------- */

typedef struct nt_target_info { /* static and constant */
  size_t struct_size;
  nt_str id;                         /* "spikecore"; what the YAML says after "target:" */
  nt_str summary;
  const nt_option* const* options;
  size_t option_count;
  const nt_str* models;              /* neuron models it can take; the host checks these first */
  size_t model_count;
  const nt_str* kinds;               /* projection kinds it can take */
  size_t kind_count;
  const nt_str* extensions;          /* ids extension() answers to: the capability list */
  size_t extension_count;

  nt_code (*open)(nt_call*, const nt_config*, nt_target** out) NT_NOEXCEPT;       /* [any] */
  void (*close)(nt_target*) NT_NOEXCEPT;                                          /* [serial] */
  /* Diagnose everything that would stop compile(), without building it. Cheap. [serial] */
  nt_code (*check)(nt_target*, nt_call*, const nt_graph*) NT_NOEXCEPT;
  /* Map and place. Equal graph and options give equal programs. [serial] */
  nt_code (*compile)(nt_target*, nt_call*, const nt_graph*, nt_program** out) NT_NOEXCEPT;
  void (*release)(nt_program*) NT_NOEXCEPT;                                       /* [serial] */
  const void* (*extension)(nt_str id) NT_NOEXCEPT;     /* [any]; NULL if there are none */
} nt_target_info;

typedef struct nt_plugin { /* static and constant */
  size_t struct_size;
  uint32_t abi_major, abi_minor;     /* first three fields: the same place in every major */
  nt_str id;                         /* reverse domain: "org.example.spikecore" */
  nt_str version, vendor, license, url, summary;
  const nt_target_info* const* targets;
  size_t target_count;
  nt_code (*init)(const nt_host*) NT_NOEXCEPT; /* before anything but extension(); again only after
                                                  shutdown, never twice */
  void (*shutdown)(void) NT_NOEXCEPT;          /* after all is closed; join your threads */
  const nt_str* extensions;          /* of the plugin as a whole, such as passes */
  size_t extension_count;
  const void* (*extension)(nt_str id) NT_NOEXCEPT;     /* [any]; NULL if there are none */
} nt_plugin;

/* The one exported symbol. Pure: no allocation, no I/O, no threads. NULL if it cannot speak this
 * major; the host then asks for the next older one that it still serves. */
typedef const nt_plugin* (*nt_plugin_entry_fn)(uint32_t major) NT_NOEXCEPT;
#define NT_PLUGIN_ENTRY "neurotool_plugin_entry"

#ifdef __cplusplus
}
#endif
#endif
