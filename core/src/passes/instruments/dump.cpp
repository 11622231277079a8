// Hands the model to a writer after the passes that were asked for. What a dump looks like and
// where it goes is the writer's business: passes know no files.
#include <utility>

#include "passes/instruments/instruments.hpp"

namespace neurotool {
namespace {

class DumpInstrument final : public Instrument {
 public:
  DumpInstrument(DumpFilter filter, DumpWriter write)
      : filter_(std::move(filter)), write_(std::move(write)) {}

  Result<> after(const PassInfo& info, const Model& model, Changed changed) override {
    const int index = index_++;
    const bool wanted = filter_.names.empty() || filter_.names.contains(std::string(info.name));
    if (!wanted || (filter_.only_changed && changed == Changed::kNo)) return {};
    return write_(index, info.name, model);
  }

 private:
  DumpFilter filter_;
  DumpWriter write_;
  int index_ = 0;  ///< of the pass in the pipeline, from 0
};

}  // namespace

std::unique_ptr<Instrument> dump_instrument(DumpFilter filter, DumpWriter write) {
  return std::make_unique<DumpInstrument>(std::move(filter), std::move(write));
}

}  // namespace neurotool
