/* One core. Counts neurons, refuses what does not fit, reports how full it is. */
#include <neurotool/plugin/abi.h>
#include <stdio.h>
#include <stdlib.h>

struct nt_target { int64_t core_size; };
struct nt_program { uint64_t neurons; };

static const nt_host* host;

static nt_code open_target(nt_call* call, const nt_config* config, nt_target** out) {
  (void)call;
  nt_target* target = calloc(1, sizeof *target);
  if (!target) return NT_NO_ROOM;
  nt_code code = host->config->get_int(config, (nt_str)NT_LIT("core_size"), &target->core_size);
  if (code) { free(target); return code; }
  *out = target;
  return NT_OK;
}
static void close_target(nt_target* target) { free(target); }

/* Reports every population that does not fit, then answers once. */
static nt_code count(nt_target* target, nt_call* call, const nt_graph* graph, uint64_t* total) {
  nt_graph_info info = {.struct_size = sizeof info};
  nt_code code = host->graph->info(graph, &info), answer = NT_OK;
  for (uint32_t i = 0; !code && i < info.population_count; ++i) {
    nt_population p = {.struct_size = sizeof p};
    if ((code = host->graph->population(graph, i, &p))) break;
    *total += p.neuron_count;
    if (p.neuron_count > (uint64_t)target->core_size) {
      char text[160];
      int size = snprintf(text, sizeof text, "'%.*s' has %llu neurons; a core holds %lld",
                          (int)p.name.size, p.name.data, (unsigned long long)p.neuron_count,
                          (long long)target->core_size);
      host->diagnose(call, &(nt_diagnostic){
          .struct_size = sizeof(nt_diagnostic), .severity = NT_ERROR,
          .subject = NT_POPULATION, .subject_index = i, .code = NT_LIT("tiny.core-full"),
          .message = {text, (size_t)size}, .help = NT_LIT("split it, or raise core_size")});
      answer = NT_NO_ROOM;
    }
    code = host->progress(call, (i + 1.0) / info.population_count, (nt_str)NT_LIT("placing"));
  }
  return code ? code : answer;
}

static nt_code check(nt_target* target, nt_call* call, const nt_graph* graph) {
  uint64_t total = 0;
  return count(target, call, graph, &total);
}

static nt_code compile(nt_target* target, nt_call* call, const nt_graph* graph, nt_program** out) {
  uint64_t total = 0;
  nt_code code = count(target, call, graph, &total);
  if (code) return code;
  nt_program* program = calloc(1, sizeof *program);
  if (!program) return NT_NO_ROOM;
  program->neurons = total;
  host->results->metric(call, &(nt_metric){
      .struct_size = sizeof(nt_metric), .name = NT_LIT("core.0.neurons"), .unit = NT_LIT("1"),
      .value = (double)total, .limit = (double)target->core_size, .origin = NT_MODELLED});
  *out = program;
  return NT_OK;
}
static void release(nt_program* program) { free(program); }

static const nt_option core_size = {
    .struct_size = sizeof core_size, .key = NT_LIT("core_size"), .type = NT_INT,
    .summary = NT_LIT("Neurons that one core holds."), .fallback = NT_LIT("128"),
    .minimum = 1, .maximum = 4096};
static const nt_option* const options[] = {&core_size};
static const nt_str models[] = {NT_LIT("input"), NT_LIT("if"), NT_LIT("lif")};
static const nt_str kinds[] = {NT_LIT("dense")};

static const nt_target_info tiny = {
    .struct_size = sizeof tiny, .id = NT_LIT("tiny"), .summary = NT_LIT("One core."),
    .options = options, .option_count = 1, .models = models, .model_count = 3,
    .kinds = kinds, .kind_count = 1, .open = open_target, .close = close_target,
    .check = check, .compile = compile, .release = release};
static const nt_target_info* const targets[] = {&tiny};

static nt_code init(const nt_host* h) {
  if (!NT_HAS(h, nt_host, extension)) return NT_BAD_ARGUMENT;
  host = h;
  return NT_OK;
}
static void shutdown(void) { host = NULL; }

static const nt_plugin plugin = {
    .struct_size = sizeof plugin, .abi_major = NT_ABI_MAJOR, .abi_minor = NT_ABI_MINOR,
    .id = NT_LIT("org.example.tiny"), .version = NT_LIT("1.0.0"),
    .targets = targets, .target_count = 1, .init = init, .shutdown = shutdown};

NT_EXPORT const nt_plugin* neurotool_plugin_entry(uint32_t major) {
  return major == NT_ABI_MAJOR ? &plugin : NULL;
}
