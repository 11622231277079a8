// What the tensor passes share: none of them has options, and each works on one graph in place.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

struct NoOptions {};

/// A pass that is one function on a TensorGraph.
template <Result<Changed> (*kRun)(TensorGraph&, const Model&, Context&)>
class TensorPass final : public Pass {
 public:
  explicit TensorPass(NoOptions) {}
  Result<Changed> run(Model& model, Context& context) override {
    return kRun(model.tensor(), model, context);
  }
};

/// The registry's line for such a pass; `name` and `summary` are literals.
template <Result<Changed> (*kRun)(TensorGraph&, const Model&, Context&)>
PassEntry tensor_pass_entry(std::string_view name, std::string_view summary,
                            std::unique_ptr<Pass> (*create)(const yaml::Node&, std::string_view,
                                                            Diagnostics&)) {
  return {.info = {.name = name, .summary = summary, .from = Level::kTensor, .to = Level::kTensor},
          .options = {},
          .create = create};
}

/// create() of a pass without options: an option that is given is reported as unknown.
template <Result<Changed> (*kRun)(TensorGraph&, const Model&, Context&)>
std::unique_ptr<Pass> create_without_options(std::string_view name, const yaml::Node& section,
                                             std::string_view path, Diagnostics& out) {
  static const OptionTable<NoOptions> kNone{};
  return create_pass<TensorPass<kRun>>(kNone, name, section, path, out);
}

}  // namespace neurotool
