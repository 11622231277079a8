// What the tests of tensor passes share: one pass run alone, the function that a graph computes,
// and questions about what is left of a graph.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/diagnostic.hpp"
#include "config/yaml.hpp"
#include "eval/tensor_eval.hpp"
#include "ir/print.hpp"
#include "ir/verify.hpp"
#include "passes/pass_tools.hpp"
#include "passes/registry.hpp"

namespace neurotool::test {

/// The options of a pass as YAML text; "" for none. Findings go to `out`.
inline std::unique_ptr<Pass> make_pass(std::string_view name, std::string_view options,
                                       Diagnostics& out) {
  const PassEntry* const entry = find_pass(name);
  if (entry == nullptr) {
    ADD_FAILURE() << "there is no pass " << name;
    return nullptr;
  }
  const auto section = yaml::parse(options, "net.yaml", out);
  if (!section) return nullptr;
  return entry->create(*section, name, out);
}

/// What one pass did: whether it says that it changed something, and everything it reported.
struct OnePass {
  Result<Changed> changed = Changed::kNo;
  std::vector<Diagnostic> diagnostics;

  bool did_change() const {
    EXPECT_TRUE(changed.has_value()) << to_string(changed.error());
    return changed.has_value() && *changed == Changed::kYes;
  }
};

/// Runs one pass as the manager does: run, compact, verify.
inline OnePass run_pass(Model& model, std::string_view name, std::string_view options = "") {
  Diagnostics diagnostics;
  NoProgress progress;
  Context context{.diagnostics = diagnostics,
                  .progress = progress,
                  .seed = 1,
                  .calibration = nullptr,
                  .limits = {},
                  .facts = {}};
  OnePass done;
  if (const auto pass = make_pass(name, options, diagnostics)) {
    done.changed = pass->run(model, context);
    if (done.changed) {
      model.tensor().compact();
      Diagnostics violations;
      verify(model, violations);
      for (const Diagnostic& violation : violations.all()) {
        ADD_FAILURE() << "after " << name << ": " << to_string(violation);
      }
    }
  } else {
    done.changed = diagnostics.first_error();
  }
  done.diagnostics = diagnostics.all();
  return done;
}

/// The graph's outputs on these inputs.
inline std::vector<Tensor> evaluate(const Model& model, std::vector<Tensor> inputs) {
  const TensorEvaluator evaluator(model.tensor());
  auto outputs = evaluator.run(inputs);
  if (!outputs) {
    ADD_FAILURE() << to_string(outputs.error());
    return {};
  }
  return *std::move(outputs);
}

/// Normal deviates for every float input of the graph, with `batch` where an extent is free.
inline std::vector<Tensor> random_inputs(const Model& model, std::int64_t batch,
                                         std::uint64_t seed = 1) {
  RandomStream random(seed, "test", "inputs");
  std::vector<Tensor> inputs;
  for (const ValueId id : model.tensor().inputs) {
    Shape shape = model.tensor()[id].shape.value();
    std::ranges::replace(shape, kFreeDim, batch);
    std::vector<float> values;
    for (std::int64_t i = 0; i < element_count(shape).value(); ++i) {
      values.push_back(static_cast<float>(random.normal()));
    }
    inputs.push_back(Tensor::from<float>(std::move(shape), std::move(values)));
  }
  return inputs;
}

/// Equal shapes, and elements that differ by `tolerance` times the largest (or 1) at most.
inline void expect_near(const std::vector<Tensor>& wanted, const std::vector<Tensor>& got,
                        double tolerance) {
  ASSERT_EQ(wanted.size(), got.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(wanted[i].dtype(), got[i].dtype()) << "output " << i;
    ASSERT_EQ(wanted[i].shape(), got[i].shape()) << "output " << i;
    double largest = 1;
    for (std::int64_t j = 0; j < wanted[i].size(); ++j) {
      largest = std::max(largest, std::abs(wanted[i].at(j)));
    }
    for (std::int64_t j = 0; j < wanted[i].size(); ++j) {
      ASSERT_NEAR(got[i].at(j), wanted[i].at(j), tolerance * largest)
          << "element " << j << " of output " << i;
    }
  }
}

/// Both models compute the same on random inputs, for one sample and for several.
inline void expect_same_function(const Model& before, const Model& after, double tolerance = 1e-5) {
  for (const std::int64_t batch : {1, 3}) {
    const auto inputs = random_inputs(before, batch);
    expect_near(evaluate(before, inputs), evaluate(after, inputs), tolerance);
  }
}

/// "name:op" of every op, in order.
inline std::vector<std::string> ops_of(const Model& model) {
  std::vector<std::string> list;
  for (const OpNode& node : model.tensor().ops) {
    list.push_back(node.name + ":" + std::string(op_name(node.op)));
  }
  return list;
}

template <class T>
std::int64_t count_ops(const Model& model) {
  return std::ranges::count_if(
      model.tensor().ops, [](const OpNode& node) { return std::holds_alternative<T>(node.op); });
}

/// The op with this name; it must be there.
inline const OpNode& op_named(const Model& model, std::string_view name) {
  const auto& ops = model.tensor().ops;
  const auto at = std::ranges::find(ops, name, &OpNode::name);
  if (at == ops.end()) throw std::out_of_range("there is no op " + std::string(name));
  return *at;
}

/// The constant at an input of a named op; undefined when it is computed.
inline const Tensor& constant_at(const Model& model, std::string_view op, std::size_t input) {
  return model.tensor()[op_named(model, op).inputs.at(input)].constant;
}

inline std::vector<std::string> output_names(const Model& model) {
  std::vector<std::string> names;
  for (const ValueId id : model.tensor().outputs) names.push_back(model.tensor()[id].name);
  return names;
}

}  // namespace neurotool::test
