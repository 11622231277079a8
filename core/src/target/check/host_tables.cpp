// The functions behind the tables, and the memory that the tables lie in. As in target/host.cpp no
// exception leaves; unlike there, every handle is looked up before it is believed.

#include "target/check/host_tables.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <thread>

#include "target/check/recorder.hpp"
#include "target/host.hpp"

namespace neurotool::conformance {
namespace {

constexpr std::size_t kFutureBytes = 64;
constexpr int kRubbish = 0xA5;

template <class Body>
nt_code with_face(const nt_graph* graph, Body&& body) noexcept {
  if (graph == nullptr) return NT_BAD_ARGUMENT;
  return shielded([&] { return body(*reinterpret_cast<const GraphFace*>(graph)); });
}

template <class Body>
nt_code with_call(nt_call* call, Body&& body) noexcept {
  return shielded([&]() -> nt_code {
    Recorder* const recorder = recorder_of(call);
    return recorder == nullptr ? nt_code{NT_BAD_ARGUMENT} : body(*recorder);
  });
}

template <class Struct>
Struct whole() {
  Struct result{};
  result.struct_size = sizeof result;
  return result;
}

nt_code graph_info(const nt_graph* graph, nt_graph_info* out) noexcept {
  return with_face(graph, [&](const GraphFace& face) {
    auto full = whole<nt_graph_info>();
    const nt_code code = face.view.info(&full);
    if (code == NT_OK && face.on_info) face.on_info(full);
    return code == NT_OK ? fill(out, full) : code;
  });
}

bool extends(const GraphFace& face, std::int32_t owner, std::uint32_t index) {
  return face.extra && face.extra->owner == owner && face.extra->owner_index == index;
}

nt_code graph_population(const nt_graph* graph, std::uint32_t index, nt_population* out) noexcept {
  return with_face(graph, [&](const GraphFace& face) {
    auto full = whole<nt_population>();
    const nt_code code = face.view.population(index, &full);
    if (code != NT_OK) return code;
    if (extends(face, NT_POPULATION, index)) ++full.parameter_count;
    if (face.on_population) face.on_population(index, full);
    return fill(out, full);
  });
}

nt_code graph_projection(const nt_graph* graph, std::uint32_t index, nt_projection* out) noexcept {
  return with_face(graph, [&](const GraphFace& face) {
    auto full = whole<nt_projection>();
    const nt_code code = face.view.projection(index, &full);
    if (code != NT_OK) return code;
    if (extends(face, NT_PROJECTION, index)) ++full.parameter_count;
    if (face.on_projection) face.on_projection(index, full);
    return fill(out, full);
  });
}

nt_parameter extra_parameter(const GraphFace& face) {
  static constexpr std::int64_t kOne = 1;
  auto full = whole<nt_parameter>();
  full.name = str(face.extra->name);
  full.value = {&kOne, nullptr, nullptr, 0, {0, 64, 1}};
  return full;
}

nt_code graph_parameter(const nt_graph* graph, std::int32_t owner, std::uint32_t owner_index,
                        std::uint32_t index, nt_parameter* out) noexcept {
  return with_face(graph, [&](const GraphFace& face) {
    auto full = whole<nt_parameter>();
    nt_code code = face.view.parameter(owner, owner_index, index, &full);
    if (code != NT_OK && extends(face, owner, owner_index)) {
      // The one behind the last, and only that one.
      auto last = whole<nt_parameter>();
      if (index > 0 && face.view.parameter(owner, owner_index, index - 1, &last) != NT_OK)
        return code;
      full = extra_parameter(face);
      code = NT_OK;
    }
    if (code != NT_OK) return code;
    if (face.on_parameter) face.on_parameter(owner, owner_index, full);
    return fill(out, full);
  });
}

nt_code graph_synapses(const nt_graph* graph, std::uint32_t projection, std::uint64_t source_neuron,
                       nt_synapse* out, std::size_t* count) noexcept {
  return with_face(graph, [&](const GraphFace& face) {
    return face.view.synapses(projection, source_neuron, out, count);
  });
}

nt_code push_metric(nt_call* call, const nt_metric* metric) noexcept {
  return with_call(call, [&](Recorder& r) { return r.metric(metric); });
}
nt_code push_placement(nt_call* call, const nt_placement* placement) noexcept {
  return with_call(call, [&](Recorder& r) { return r.placement(placement); });
}
nt_code artifact_open(nt_call* call, nt_str name, nt_str media_type, nt_writer** out) noexcept {
  return with_call(call, [&](Recorder& r) { return r.artifact_open(name, media_type, out); });
}
nt_code artifact_write(nt_writer* writer, const void* data, std::size_t size) noexcept {
  return shielded([&]() -> nt_code {
    const WriterEnd end = writer_of(writer);
    if (end.recorder == nullptr) return NT_BAD_ARGUMENT;
    return end.recorder->artifact_write(*end.artifact, data, size);
  });
}
nt_code artifact_close(nt_writer* writer) noexcept {
  return shielded([&]() -> nt_code {
    const WriterEnd end = writer_of(writer);
    return end.recorder == nullptr ? nt_code{NT_BAD_ARGUMENT}
                                   : end.recorder->artifact_close(*end.artifact);
  });
}
nt_code push_spikes(nt_call* call, std::uint64_t sample, std::uint32_t population,
                    std::uint64_t step, const std::uint32_t* neurons, const std::int32_t* payloads,
                    std::size_t count) noexcept {
  return with_call(call, [&](Recorder& r) {
    return r.spikes(sample, population, step, neurons, payloads, count);
  });
}
nt_code push_values(nt_call* call, std::uint64_t sample, std::uint32_t population, nt_str variable,
                    std::uint64_t step, const nt_tensor* value) noexcept {
  return with_call(
      call, [&](Recorder& r) { return r.values(sample, population, variable, step, value); });
}

void host_log(nt_call* call, std::int32_t level, nt_str message) noexcept {
  with_call(call, [&](Recorder& r) {
    r.log(level, message);
    return nt_code{NT_OK};
  });
}
void host_diagnose(nt_call* call, const nt_diagnostic* diagnostic) noexcept {
  with_call(call, [&](Recorder& r) {
    r.diagnose(diagnostic);
    return nt_code{NT_OK};
  });
}
nt_code host_progress(nt_call* call, double fraction, nt_str) noexcept {
  return with_call(call, [&](Recorder& r) { return r.progress(fraction); });
}

/// Eight threads of its own, so that a check does not depend on how many cores a machine has.
void on_eight_threads(std::size_t count, void (*body)(void*, std::size_t, std::size_t) noexcept,
                      void* user) {
  constexpr std::size_t kThreads = 8;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    const std::size_t first = count * i / kThreads, last = count * (i + 1) / kThreads;
    if (first < last) threads.emplace_back([=] { body(user, first, last); });
  }
}

nt_code host_parallel_for(nt_call* call, std::size_t count,
                          void (*body)(void*, std::size_t, std::size_t) noexcept,
                          void* user) noexcept {
  return with_call(call, [&](Recorder& recorder) -> nt_code {
    if (body == nullptr) return NT_BAD_ARGUMENT;
    switch (recorder.rules().split) {
      case Split::kWhole:
        if (count > 0) body(user, 0, count);
        break;
      case Split::kOneByOneBackwards:
        for (std::size_t i = count; i > 0; --i) body(user, i - 1, i);
        break;
      case Split::kEightThreads:
        on_eight_threads(count, body, user);
    }
    return NT_OK;
  });
}

const void* host_extension(nt_str id) noexcept { return host_table().extension(id); }
const void* no_extension(nt_str) noexcept { return nullptr; }

constexpr nt_graph_api kGraph{sizeof(nt_graph_api), graph_info,      graph_population,
                              graph_projection,     graph_parameter, graph_synapses};
constexpr nt_results_api kResults{
    sizeof(nt_results_api), push_metric,    push_placement, artifact_open,
    artifact_write,         artifact_close, push_spikes,    push_values};

void* mapped(std::size_t bytes, int protection) {
  void* const memory = ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

/// `bytes` at the very end of a page, with a page behind that nobody may touch. bytes must be a
/// multiple of eight, as every struct without padding at its end is.
std::byte* before_a_wall(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t pages = (bytes + page - 1) / page;
  auto* const memory = static_cast<std::byte*>(mapped((pages + 1) * page, PROT_READ | PROT_WRITE));
  ::mprotect(memory + pages * page, page, PROT_NONE);
  return memory + pages * page - bytes;
}

}  // namespace

const void* placed(const void* today, std::size_t today_size, std::size_t first_size,
                   Length length) {
  const std::size_t size = length == Length::kFirst    ? first_size
                           : length == Length::kFuture ? today_size + kFutureBytes
                                                       : today_size;
  // Only a host of the first version ends at a wall; what reads too far elsewhere finds zeros.
  const std::size_t slack = length == Length::kFirst ? 0 : kFutureBytes;
  std::byte* const memory = before_a_wall(size + slack);
  std::memset(memory, length == Length::kFuture ? kRubbish : 0, size);
  std::memcpy(memory, today, std::min(size, today_size));
  std::memcpy(memory, &size, sizeof size);  // struct_size is the first field of all of them
  return memory;
}

const nt_host* make_host(HostShape shape) {
  nt_host host = host_table();
  host.graph = placed(kGraph, NT_THROUGH(nt_graph_api, synapses), shape.length);
  host.config = placed(*host_table().config, NT_THROUGH(nt_config_api, get_json), shape.length);
  host.results = placed(kResults, NT_THROUGH(nt_results_api, values), shape.length);
  host.log = host_log;
  host.diagnose = host_diagnose;
  host.progress = host_progress;
  host.parallel_for = host_parallel_for;
  host.extension = shape.has_extensions ? host_extension : no_extension;
  return placed(host, NT_THROUGH(nt_host, extension), shape.length);
}

}  // namespace neurotool::conformance
