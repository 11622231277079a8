// Runs planned passes: instruments before, run, compact, instruments after.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "passes/pipeline.hpp"

namespace neurotool {

/// Watches passes run; never changes the model.
class Instrument {
 public:
  virtual ~Instrument() = default;
  virtual Result<> before(const PassInfo&, const Model&) { return {}; }
  virtual Result<> after(const PassInfo&, const Model&, Changed) { return {}; }
  virtual void failed(const PassInfo&, const Model& /*before*/, const Error&) {}
};

class PassManager {
 public:
  void add(std::unique_ptr<Instrument> instrument) {
    instruments_.push_back(std::move(instrument));
  }

  /// Runs the passes in order. When one fails, instruments see the model as it was before that pass
  /// (kept as a cheap copy: tensors are shared). All findings are in context.diagnostics; the
  /// returned error is the first of the pass that failed, and names it. Code: pass.cancelled.
  /// A bug (InternalError) is shown to the instruments, then thrown on.
  Result<> run(std::vector<PlannedPass>& passes, Model& model, Context& context);

 private:
  Result<> run_one(PlannedPass& planned, Model& model, Context& context);
  void tell_failure(const PlannedPass& planned, const Model& before, const Error& error);

  std::vector<std::unique_ptr<Instrument>> instruments_;
};

}  // namespace neurotool
