// Any bytes as a NIR file and as a Lava network: they either read or say what is wrong, and what
// reads can be inspected, taken for a model, rewritten and written. A crash, a leak, a hang, a
// runaway allocation or an internal check is a find; one inside libhdf5 is its own, and SECURITY.md
// says what that means.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "frontend/nir/import.hpp"
#include "io/netx/netx.hpp"
#include "io/nir/nir_file.hpp"
#include "ir/nir/lint.hpp"
#include "ir/nir/lower.hpp"
#include "ir/nir/reference.hpp"

namespace {

using namespace neurotool;

/// The fuzzer watches this process: the library works in it.
constexpr hdf5::ReadLimits kHere{.max_bytes = 1 << 28, .own_process = false};

void must(bool holds, const char* otherwise) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", otherwise);
  std::abort();
}

void as_nir(std::string_view bytes) {
  Diagnostics diagnostics;
  auto document = nir::read(bytes, "fuzz", diagnostics, {.limits = kHere});
  must(document.has_value() != diagnostics.has_errors(),
       "a failure without an error, or the reverse");
  if (!document) return;
  Diagnostics ignored;
  const bool taken = nir::reference_verdict(document->graph).has_value();
  for (const nir::Reader& reader : nir::lint_readers()) {
    const auto findings = nir::lint(document->graph, reader.name);
    must(taken || !findings.empty(), "a refused graph without a finding");
  }
  Diagnostics said;
  const auto model = from_nir::import_model(*document, "fuzz", {}, said);
  must(model.has_value() != said.has_errors(), "an import without an error, or the reverse");
  if (nir::make_portable(document->graph, ignored)) {
    const auto written = nir::write(*document, ignored);
    if (written)
      must(nir::read(*written, "again", ignored, {.limits = kHere}).has_value(),
           "a file of ours does not read");
  }
}

void as_netx(std::string_view bytes) {
  const auto network = netx::read(bytes, "fuzz", kHere);
  if (!network) return;
  Diagnostics ignored;
  (void)netx::to_graph(*network, "fuzz", ignored);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  as_nir(bytes);
  as_netx(bytes);
  return 0;
}
