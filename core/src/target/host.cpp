// Every function of the nt_host tables: check the handle, hand over, let no exception out.
#include "target/host.hpp"

#include "base/parallel.hpp"
#include "target/call.hpp"
#include "target/config_view.hpp"
#include "target/graph_view.hpp"

namespace neurotool {
namespace {

/// body(object), or NT_BAD_ARGUMENT where the plugin gave no handle.
template <class Object, class Body>
nt_code with(Object* object, Body&& body) noexcept {
  if (object == nullptr) return NT_BAD_ARGUMENT;
  return shielded([&] { return body(*object); });
}

// ---- nt_graph_api ----

nt_code graph_info(const nt_graph* graph, nt_graph_info* out) noexcept {
  return with(view_of(graph), [&](const GraphView& view) { return view.info(out); });
}

nt_code graph_population(const nt_graph* graph, std::uint32_t index, nt_population* out) noexcept {
  return with(view_of(graph), [&](const GraphView& view) { return view.population(index, out); });
}

nt_code graph_projection(const nt_graph* graph, std::uint32_t index, nt_projection* out) noexcept {
  return with(view_of(graph), [&](const GraphView& view) { return view.projection(index, out); });
}

nt_code graph_parameter(const nt_graph* graph, std::int32_t owner, std::uint32_t owner_index,
                        std::uint32_t index, nt_parameter* out) noexcept {
  return with(view_of(graph), [&](const GraphView& view) {
    return view.parameter(owner, owner_index, index, out);
  });
}

nt_code graph_synapses(const nt_graph* graph, std::uint32_t projection, std::uint64_t source_neuron,
                       nt_synapse* out, std::size_t* count) noexcept {
  return with(view_of(graph), [&](const GraphView& view) {
    return view.synapses(projection, source_neuron, out, count);
  });
}

constexpr nt_graph_api kGraphApi{sizeof(nt_graph_api), graph_info,      graph_population,
                                 graph_projection,     graph_parameter, graph_synapses};

// ---- nt_config_api ----

/// Calls store(value) with the option's value, which must be a T.
template <class T, class Store>
nt_code option(const nt_config* config, nt_str key, const void* out, Store&& store) noexcept {
  if (out == nullptr) return NT_BAD_ARGUMENT;
  return with(config_of(config), [&](const ConfigView& view) {
    const T* value = nullptr;
    const nt_code code = view.get(key, &value);
    if (code == NT_OK) store(*value);
    return code;
  });
}

nt_code config_bool(const nt_config* config, nt_str key, std::uint32_t* out) noexcept {
  return option<bool>(config, key, out, [&](bool value) { *out = value ? 1 : 0; });
}

nt_code config_int(const nt_config* config, nt_str key, std::int64_t* out) noexcept {
  return option<std::int64_t>(config, key, out, [&](std::int64_t value) { *out = value; });
}

nt_code config_real(const nt_config* config, nt_str key, double* out) noexcept {
  return option<double>(config, key, out, [&](double value) { *out = value; });
}

nt_code config_text(const nt_config* config, nt_str key, nt_str* out) noexcept {
  return option<std::string>(config, key, out,
                             [&](const std::string& value) { *out = str(value); });
}

nt_code config_ints(const nt_config* config, nt_str key, const std::int64_t** out,
                    std::size_t* count) noexcept {
  if (count == nullptr) return NT_BAD_ARGUMENT;
  return option<std::vector<std::int64_t>>(config, key, out,
                                           [&](const std::vector<std::int64_t>& values) {
                                             *out = values.data();
                                             *count = values.size();
                                           });
}

nt_code config_json(const nt_config* config, nt_str* out) noexcept {
  if (out == nullptr) return NT_BAD_ARGUMENT;
  return with(config_of(config), [&](const ConfigView& view) {
    *out = str(view.json());
    return nt_code{NT_OK};
  });
}

constexpr nt_config_api kConfigApi{sizeof(nt_config_api), config_bool, config_int, config_real,
                                   config_text,           config_ints, config_json};

// ---- nt_results_api ----

nt_code push_metric(nt_call* call, const nt_metric* metric) noexcept {
  return with(call_of(call), [&](ActiveCall& active) { return active.metric(metric); });
}

nt_code push_placement(nt_call* call, const nt_placement* placement) noexcept {
  return with(call_of(call), [&](ActiveCall& active) { return active.placement(placement); });
}

/// The media type is for hosts that serve artifacts; here the name says enough.
nt_code artifact_open(nt_call* call, nt_str name, nt_str, nt_writer** out) noexcept {
  return with(call_of(call), [&](ActiveCall& active) { return active.artifact_open(name, out); });
}

nt_code artifact_write(nt_writer* writer, const void* data, std::size_t size) noexcept {
  return with(writer_of(writer),
              [&](CallWriter& open) { return open.call.artifact_write(open.file, data, size); });
}

nt_code artifact_close(nt_writer* writer) noexcept {
  return with(writer_of(writer),
              [](CallWriter& open) { return open.call.artifact_close(open.file); });
}

nt_code push_spikes(nt_call* call, std::uint64_t sample, std::uint32_t population,
                    std::uint64_t step, const std::uint32_t* neurons, const std::int32_t* payloads,
                    std::size_t count) noexcept {
  return with(call_of(call), [&](ActiveCall& active) {
    return active.spikes(sample, population, step, neurons, payloads, count);
  });
}

nt_code push_values(nt_call* call, std::uint64_t sample, std::uint32_t population, nt_str variable,
                    std::uint64_t step, const nt_tensor* value) noexcept {
  return with(call_of(call), [&](ActiveCall& active) {
    return active.values(sample, population, variable, step, value);
  });
}

constexpr nt_results_api kResultsApi{
    sizeof(nt_results_api), push_metric,    push_placement, artifact_open,
    artifact_write,         artifact_close, push_spikes,    push_values};

// ---- nt_host ----

void host_log(nt_call* call, std::int32_t level, nt_str message) noexcept {
  with(call_of(call), [&](ActiveCall& active) {
    active.log(level, message);
    return nt_code{NT_OK};
  });
}

void host_diagnose(nt_call* call, const nt_diagnostic* diagnostic) noexcept {
  with(call_of(call), [&](ActiveCall& active) {
    active.diagnose(diagnostic);
    return nt_code{NT_OK};
  });
}

nt_code host_progress(nt_call* call, double fraction, nt_str activity) noexcept {
  return with(call_of(call),
              [&](ActiveCall& active) { return active.progress(fraction, activity); });
}

nt_code host_parallel_for(nt_call* call, std::size_t count,
                          void (*body)(void*, std::size_t, std::size_t) noexcept,
                          void* user) noexcept {
  if (body == nullptr) return NT_BAD_ARGUMENT;
  return with(call_of(call), [&](ActiveCall&) {
    parallel_for(count, [&](std::size_t first, std::size_t last) { body(user, first, last); });
    return nt_code{NT_OK};
  });
}

/// No host service is offered yet.
const void* host_extension(nt_str) noexcept { return nullptr; }

constexpr nt_host kHost{sizeof(nt_host),
                        NT_ABI_MAJOR,
                        NT_ABI_MINOR,
                        NT_LIT("neurotool"),
                        NT_LIT(NEUROTOOL_VERSION),
                        &kGraphApi,
                        &kConfigApi,
                        &kResultsApi,
                        host_log,
                        host_diagnose,
                        host_progress,
                        host_parallel_for,
                        host_extension};

}  // namespace

const nt_host& host_table() { return kHost; }

}  // namespace neurotool
