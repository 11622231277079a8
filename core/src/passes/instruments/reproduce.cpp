// Keeps what is needed to repeat a failure: the model as it was before the pass that failed.
#include <utility>

#include "passes/instruments/instruments.hpp"

namespace neurotool {
namespace {

class ReproduceInstrument final : public Instrument {
 public:
  explicit ReproduceInstrument(FailureWriter write) : write_(std::move(write)) {}

  void failed(const PassInfo& info, const Model& before, const Error& error) override {
    write_(info.name, before, error);
  }

 private:
  FailureWriter write_;
};

}  // namespace

std::unique_ptr<Instrument> reproduce_instrument(FailureWriter write) {
  return std::make_unique<ReproduceInstrument>(std::move(write));
}

}  // namespace neurotool
