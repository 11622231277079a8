// recognise_quantizers: every order in which exporters write a quantiser becomes one operation of
// the same values; what is no quantiser stays and is named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passes/tensor_tools.hpp"

namespace neurotool::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Adds operations by one word each; numbers come from `theta` and eight levels.
class Chain {
 public:
  explicit Chain(double theta = 2) : net_({3, 4, 4}), theta_(static_cast<float>(theta)) {
    net_.add("exp", Unary{UnaryKind::kExp});
  }
  Chain& mul(float by) { return binary("mul", BinaryKind::kMul, by); }
  Chain& div(float by) { return binary("div", BinaryKind::kDiv, by); }
  Chain& add(float by) { return binary("add", BinaryKind::kAdd, by); }
  Chain& sub(float by) { return binary("sub", BinaryKind::kSub, by); }
  Chain& unary(UnaryKind kind) {
    net_.add(name("unary"), Unary{kind});
    return *this;
  }
  Chain& clip(float low, float high) {
    net_.add(name("clip"), Clip{}, {net_.constant({}, {low}), net_.constant({}, {high})});
    return *this;
  }
  Chain& clip_i8(std::int8_t low, std::int8_t high) {
    TensorGraph& graph = net_.graph();
    const ValueId least = graph.add_constant("least", Tensor::scalar(low));
    const ValueId most = graph.add_constant("most", Tensor::scalar(high));
    net_.add(name("clip"), Clip{}, {least, most});
    return *this;
  }
  Chain& cast(DType to) {
    net_.add(name("cast"), Cast{to});
    return *this;
  }
  Chain& by_channel(BinaryKind kind, std::vector<float> numbers) {
    net_.add(name("channel"), Binary{kind}, {net_.constant({3, 1, 1}, std::move(numbers))});
    return *this;
  }
  Model finish() { return net_.add("neg", Unary{UnaryKind::kNeg}).finish("net"); }
  float theta() const { return theta_; }

 private:
  Chain& binary(const char* word, BinaryKind kind, float by) {
    net_.add(name(word), Binary{kind}, {net_.constant({}, {by})});
    return *this;
  }
  std::string name(const std::string& word) { return word + std::to_string(count_++); }

  Network net_;
  float theta_;
  int count_ = 0;
};

struct Spelling {
  const char* name;
  void (*write)(Chain&);
};
void PrintTo(const Spelling& spelling, std::ostream* out) { *out << spelling.name; }

class QuantizerSpelling : public testing::TestWithParam<Spelling> {};

TEST_P(QuantizerSpelling, BecomesOneOperationOfTheSameValues) {
  Chain chain;
  GetParam().write(chain);
  Model model = chain.finish();
  const Model before = model;
  const OnePass done = run_pass(model, "recognise_quantizers");
  EXPECT_TRUE(done.did_change());
  EXPECT_THAT(done.diagnostics, IsEmpty());
  ASSERT_EQ(count_ops<QuantizedActivation>(model), 1) << print_text(model);
  EXPECT_EQ(model.tensor().ops.size(), 3U) << print_text(model);
  expect_same_function(before, model, 0);
  EXPECT_FALSE(run_pass(model, "recognise_quantizers").did_change());
}

// All with theta = 2 and 8 levels, so that every constant is a power of two and nothing rounds.
const Spelling kSpellings[] = {
    {"Qcfs",
     [](Chain& c) { c.div(2).mul(8).add(0.5f).unary(UnaryKind::kFloor).div(8).clip(0, 1).mul(2); }},
    {"ClipFirst",
     [](Chain& c) { c.div(2).clip(0, 1).mul(8).add(0.5f).unary(UnaryKind::kFloor).div(8).mul(2); }},
    {"ClipOfLevels",
     [](Chain& c) { c.mul(4).add(0.5f).unary(UnaryKind::kFloor).clip(0, 8).mul(0.25f); }},
    {"ReluBefore",
     [](Chain& c) {
       c.unary(UnaryKind::kRelu).div(2).mul(8).add(0.5f).unary(UnaryKind::kFloor).div(8);
       c.clip(-1, 1).mul(2);
     }},
    {"Round", [](Chain& c) { c.div(0.25f).unary(UnaryKind::kRound).clip(0, 8).mul(0.25f); }},
    {"Qdq",
     [](Chain& c) {
       c.div(0.25f).unary(UnaryKind::kRound).clip(0, 255).cast(DType::kUint8);
       c.cast(DType::kFloat32).mul(0.25f);
     }},
    {"QdqWithZeroPoint",
     [](Chain& c) {
       c.div(0.25f).unary(UnaryKind::kRound).add(3).clip(0, 15).cast(DType::kUint8);
       c.cast(DType::kFloat32).sub(3).mul(0.25f);
     }},
    {"Qcdq",
     [](Chain& c) {
       c.div(0.25f).unary(UnaryKind::kRound).clip(-128, 127).cast(DType::kInt8).clip_i8(-7, 7);
       c.cast(DType::kFloat32).mul(0.25f);
     }},
    {"PerChannel",
     [](Chain& c) {
       c.by_channel(BinaryKind::kDiv, {0.5f, 1, 2}).add(0.5f).unary(UnaryKind::kFloor);
       c.clip(0, 15).by_channel(BinaryKind::kMul, {0.5f, 1, 2});
     }},
};
INSTANTIATE_TEST_SUITE_P(Chains, QuantizerSpelling, testing::ValuesIn(kSpellings),
                         [](const auto& chain) { return chain.param.name; });

TEST(RecogniseQuantizers, ReadsLevelsOffsetAndScale) {
  Chain chain;
  chain.div(2).mul(8).add(0.25f).unary(UnaryKind::kFloor).div(8).clip(0, 1).mul(2);
  Model model = chain.finish();
  run_pass(model, "recognise_quantizers");
  const OpNode& node = op_named(model, "mul6");
  const auto& op = std::get<QuantizedActivation>(node.op);
  EXPECT_EQ(op.low, 0);
  EXPECT_EQ(op.high, 8);
  EXPECT_EQ(op.rounding, LevelRounding::kFloor);
  EXPECT_EQ(op.offset, 0.25f);
  EXPECT_EQ(constant_at(model, "mul6", 1), Tensor::scalar(0.25f));
  EXPECT_EQ(node.origins.size(), 7U);
}

/// The one warning about a chain that must stay as it is.
std::string complaint(Chain& chain) {
  Model model = chain.finish();
  const std::size_t ops = model.tensor().ops.size();
  const OnePass done = run_pass(model, "recognise_quantizers");
  EXPECT_FALSE(done.did_change());
  EXPECT_EQ(model.tensor().ops.size(), ops);
  if (done.diagnostics.size() != 1) return "no single diagnostic";
  EXPECT_EQ(done.diagnostics[0].code, "recognise_quantizers.almost");
  return done.diagnostics[0].message;
}

TEST(RecogniseQuantizers, NamesWhatAlmostIsOne) {
  Chain scales;
  scales.mul(4).add(0.5f).unary(UnaryKind::kFloor).mul(0.3f).clip(0, 3);
  EXPECT_THAT(complaint(scales), HasSubstr("multiplies by 1.2 in all"));
  Chain open;
  open.div(0.25f).unary(UnaryKind::kRound).mul(0.25f);
  EXPECT_THAT(complaint(open), HasSubstr("nothing bounds it"));
  Chain between;
  between.div(0.25f).unary(UnaryKind::kRound).clip(0, 7.5f).mul(0.25f);
  EXPECT_THAT(complaint(between), HasSubstr("clips at 7.5 levels"));
  Chain channels;
  channels.div(0.25f).by_channel(BinaryKind::kAdd, {0, 0.25f, 0.5f}).unary(UnaryKind::kFloor);
  channels.mul(0.25f).clip(0, 1.75f);
  EXPECT_THAT(complaint(channels), HasSubstr("differs between channels"));
}

TEST(RecogniseQuantizers, DropsAQuantizerOfItsOwnLevels) {
  Network net({2, 4, 4});
  const auto quantize = [&](const std::string& name) {
    net.add(name, QuantizedActivation{.low = 0, .high = 7}, {net.constant({}, {0.3f})});
  };
  quantize("first");
  net.add("flat", Flatten{});
  quantize("second");
  net.add("neg", Unary{UnaryKind::kNeg});
  Model model = net.finish("net");
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "recognise_quantizers").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("first:quantized_activation", "flat:flatten", "neg:neg"));
  expect_same_function(before, model, 0);
}

}  // namespace
}  // namespace neurotool::test
