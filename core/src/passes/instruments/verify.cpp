// Checks every invariant of the IR after each pass. A violation is a bug of the pass, not of the
// user.
#include <fmt/format.h>

#include "ir/verify.hpp"
#include "passes/instruments/instruments.hpp"

namespace neurotool {
namespace {

class VerifyInstrument final : public Instrument {
 public:
  Result<> after(const PassInfo& info, const Model& model, Changed) override {
    Diagnostics found;
    verify(model, found);
    if (!found.has_errors()) return {};
    std::string text = fmt::format("pass '{}' left a graph that breaks {} invariants of the IR",
                                   info.name, found.error_count() + found.dropped());
    for (const Diagnostic& diagnostic : found.all()) {
      text += fmt::format("\n{}", to_string(diagnostic));
    }
    throw InternalError(text);
  }
};

}  // namespace

std::unique_ptr<Instrument> verify_instrument() { return std::make_unique<VerifyInstrument>(); }

}  // namespace neurotool
