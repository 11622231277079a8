// The way out that the lowering names where it refuses an operation: whoever follows it finds that
// operation refused no more.
#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "passes/tensor_tools.hpp"

namespace neurotool::test {
namespace {

using Layers = std::function<void(Network&)>;
using Names = std::set<std::string>;

struct Case {
  const char* name;
  Layers layers;
  Names tabulated;  ///< the operations that are sent to 'tabulate_activations'
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

Layers unary(UnaryKind kind) {
  return [kind](Network& net) { net.add("f", Unary{kind}); };
}

Layers binary(BinaryKind kind, float number) {
  return [kind, number](Network& net) {
    net.add("f", Binary{kind}, {net.constant({}, {number})});
    if (is_predicate(kind)) net.add("real", Cast{DType::kFloat32});
  };
}

/// z * (z compared with 0).
Layers masked(BinaryKind kind) {
  return [kind](Network& net) {
    const ValueId z = net.value();
    net.add("f", Binary{kind}, {net.constant({}, {0})}).add("real", Cast{DType::kFloat32});
    net.add("mask", Binary{BinaryKind::kMul}, {z});
  };
}

Layers cast_after_sigmoid(DType to) {
  return [to](Network& net) {
    net.add("f", Unary{UnaryKind::kSigmoid}).add("there", Cast{to});
    net.add("back", Cast{DType::kFloat32});
  };
}

/// erf is read by a function that has a table and by one that jumps.
void erf_for_two(Network& net) {
  net.add("erf", Unary{UnaryKind::kErf});
  const ValueId erf = net.value();
  net.add("scaled", Binary{BinaryKind::kMul}, {net.constant({}, {0.5f})});
  net.conv("c2", 3, 3, 1, 0.3);
  const ValueId smooth = net.value();
  net.at(erf).add("floor", Unary{UnaryKind::kFloor}).conv("c3", 3, 3, 1, 0.3);
  net.add("sum", Binary{BinaryKind::kAdd}, {smooth});
}

/// erf is read by a function that has a table and by a comparison that others read.
void erf_compared(Network& net) {
  const ValueId z = net.value();
  net.conv("c2", 3, 3, 1, 0.3);
  const ValueId other = net.value();
  net.at(z).add("erf", Unary{UnaryKind::kErf});
  const ValueId erf = net.value();
  net.add("scaled", Binary{BinaryKind::kMul}, {net.constant({}, {0.5f})});
  net.conv("c3", 3, 3, 1, 0.3);
  const ValueId smooth = net.value();
  net.at(erf).add("less", Binary{BinaryKind::kLess}, {net.constant({}, {0.1f})});
  net.add("where", Where{}, {other, smooth});
}

/// A function with a table, whose value goes on into one that jumps.
void sigmoid_then_floor(Network& net) {
  net.add("sigmoid", Unary{UnaryKind::kSigmoid});
  const ValueId smooth = net.value();
  net.conv("c2", 3, 3, 1, 0.3);
  const ValueId layer = net.value();
  net.at(smooth).add("floor", Unary{UnaryKind::kFloor}).conv("c3", 3, 3, 1, 0.3);
  net.add("sum", Binary{BinaryKind::kAdd}, {layer});
}

/// A comparison chooses between two other values.
void chosen_by_a_third(Network& net) {
  const ValueId z = net.value();
  net.conv("c2", 3, 3, 1, 0.3);
  const ValueId yes = net.value();
  net.at(z).conv("c3", 3, 3, 1, 0.3);
  const ValueId no = net.value();
  net.at(z).add("equal", Binary{BinaryKind::kEqual}, {net.constant({}, {0.5f})});
  net.add("where", Where{}, {yes, no});
}

std::vector<Case> cases() {
  return {{"abs", unary(UnaryKind::kAbs), {"f"}},
          {"ceil", unary(UnaryKind::kCeil), {}},
          {"cos", unary(UnaryKind::kCos), {}},
          {"erf", unary(UnaryKind::kErf), {"f"}},
          {"exp", unary(UnaryKind::kExp), {}},
          {"log", unary(UnaryKind::kLog), {}},
          {"sigmoid", unary(UnaryKind::kSigmoid), {"f"}},
          {"sign", unary(UnaryKind::kSign), {}},
          {"sqrt", unary(UnaryKind::kSqrt), {}},
          {"tanh", unary(UnaryKind::kTanh), {"f"}},
          {"square", binary(BinaryKind::kPow, 2), {}},
          {"least", binary(BinaryKind::kMin, 0.5f), {"f"}},
          {"most", binary(BinaryKind::kMax, 0.5f), {"f"}},
          {"modulo", binary(BinaryKind::kMod, 0.5f), {}},
          {"less", binary(BinaryKind::kLess, 0.5f), {}},
          {"masked_less", masked(BinaryKind::kLess), {"f", "real", "mask"}},
          {"masked_less_or_equal", masked(BinaryKind::kLessOrEqual), {"f", "real", "mask"}},
          {"erf_for_two", erf_for_two, {}},
          {"erf_compared", erf_compared, {}},
          {"sigmoid_then_floor", sigmoid_then_floor, {"sigmoid"}},
          {"chosen_by_a_third", chosen_by_a_third, {}},
          {"cast_to_bool", cast_after_sigmoid(DType::kBool), {}},
          {"cast_to_i8", cast_after_sigmoid(DType::kInt8), {"f"}},
          {"cast_to_i32", cast_after_sigmoid(DType::kInt32), {"f"}},
          {"cast_to_f32", cast_after_sigmoid(DType::kFloat32), {"f"}}};
}

Model network(const Layers& layers) {
  Network net({2, 6, 6}, 1);
  net.conv("c1", 2, 3, 1, 0.4);
  layers(net);
  return net.add("flat", Flatten{}).gemm("g1", 108, 4, 0.1).finish("net");
}

/// The operations that a run refused, those alone whose finding contains `words`.
Names refused(const PassRun& run, const std::string& words = "") {
  Names names;
  for (const Diagnostic& finding : run.diagnostics) {
    const bool counts = finding.code == "lowering.unsupported-op" &&
                        (finding.message + finding.help).find(words) != std::string::npos;
    if (!counts) continue;
    names.insert(std::get<ModelNode>(finding.at).node);
    for (const Note& note : finding.notes) {
      if (const auto* node = std::get_if<ModelNode>(&note.at)) names.insert(node->node);
    }
  }
  return names;
}

TEST(WayOut, OfACastDependsOnItsTypes) {
  const auto help = [](DType there) {
    Model model = network([there](Network& net) {
      net.add("there", Cast{there}).add("back", Cast{DType::kFloat32});
    });
    const PassRun run = run_passes(model, "infer_shapes,rate{steps=8}");
    return run.result ? "none" : run.result.error().message + ": " + run.result.error().help;
  };
  EXPECT_EQ(help(DType::kFloat32), "none");
  EXPECT_EQ(help(DType::kFloat64),
            "'there' (cast) changes the element type from f32 to f64: export the network in "
            "float32");
  EXPECT_EQ(help(DType::kBool),
            "'there' (cast) changes the element type from f32 to bool: train the network with "
            "Relu, or with Clip from 0 to a bound");
  EXPECT_EQ(help(DType::kInt8),
            "'there' (cast) changes the element type from f32 to i8: put 'recognise_quantizers' "
            "before 'rate'; what remains after it is no quantiser");
}

class WayOutByTable : public testing::TestWithParam<Case> {};

TEST_P(WayOutByTable, IsATableOnlyWhereTheTableTakesTheOperationAway) {
  Model plain = network(GetParam().layers), tabulated = plain;
  const Names sent =
      refused(run_passes(plain, "infer_shapes,rate{steps=8}"), "tabulate_activations");
  EXPECT_EQ(sent, GetParam().tabulated);
  const PassRun after =
      run_passes(tabulated, "infer_shapes,tabulate_activations,infer_shapes,rate{steps=8}");
  const Names left = refused(after);
  for (const std::string& name : sent) EXPECT_FALSE(left.contains(name)) << name;
  EXPECT_TRUE(after.result.has_value() || !left.empty()) << to_string(after.result.error());
}

INSTANTIATE_TEST_SUITE_P(Operations, WayOutByTable, testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace neurotool::test
