// Any bytes as a model file: the importer either loads them or says what is wrong, and what it loads
// breaks no invariant. A crash, a leak, a hang, a runaway allocation or an internal check is a find.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "frontend/frontend.hpp"
#include "ir/print.hpp"
#include "ir/verify.hpp"

namespace {

/// A file without a folder: external data has nothing to be found in.
const std::string& file_of(const std::uint8_t* data, std::size_t size) {
  static const int descriptor = ::memfd_create("model", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, data, size, 0) != static_cast<::ssize_t>(size)) {
    std::abort();
  }
  return path;
}

void must(bool holds, const std::string& otherwise) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", otherwise.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  neurotool::Diagnostics diagnostics;
  neurotool::ImportRecord record;
  const auto model = neurotool::load_model(file_of(data, size), diagnostics,
                                           {.extents = {}, .record = &record});
  must(model.has_value() != diagnostics.has_errors(), "a failure without an error, or the reverse");
  if (!model) return 0;
  neurotool::Diagnostics broken;
  neurotool::verify(*model, broken);
  must(!broken.has_errors(), broken.has_errors() ? to_string(broken.first_error()) : "");
  must(!neurotool::print_text(*model).empty(), "a model without a text");
  return 0;
}
