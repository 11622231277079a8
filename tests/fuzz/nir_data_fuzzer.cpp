// Any bytes as a NIRData file: they either read or say what is wrong, what reads is written and
// read again as the same, and events are put on a grid or refused.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "io/nir/data.hpp"

namespace {

using namespace neurotool;

/// The fuzzer watches this process: the library works in it.
constexpr hdf5::ReadLimits kHere{.max_bytes = 1 << 28, .own_process = false};

void must(bool holds, const char* otherwise) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", otherwise);
  std::abort();
}

void grid(const nir::GraphData& data) {
  for (const auto& [name, node] : data.nodes) {
    for (const auto& [key, observable] : node.observables) {
      const auto* events = std::get_if<nir::Events>(&observable);
      // A step that gives few of them, whatever the file says of its length.
      if (events != nullptr) (void)nir::on_grid(*events, events->t_max / 16);
    }
  }
  for (const auto& [name, inner] : data.graphs) grid(inner);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view view(reinterpret_cast<const char*>(bytes), size);
  const auto data = nir::read_data(view, "fuzz", kHere);
  if (!data) return 0;
  grid(*data);
  const auto written = nir::write_data(*data);
  if (!written) return 0;
  const auto again = nir::read_data(*written, "again", kHere);
  must(again.has_value(), "data of ours do not read");
  const auto twice = nir::write_data(*again);
  must(twice.has_value() && *twice == *written, "written twice, the bytes differ");
  return 0;
}
