// What holds for every tensor pass: on random networks the function and the names of the results
// stay, a second run finds nothing to do, and the usual order leaves nothing behind. And their
// options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passes/random_tensor_network.hpp"
#include "passes/tensor_tools.hpp"

namespace neurotool::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kPasses[] = {"infer_shapes", "fold_constants", "remove_identity",
                                   "fold_batch_norm"};

class RandomNetworks : public testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override {
    original_ = RandomTensorNetwork(GetParam()).build();
    for (const std::int64_t batch : {1, 3}) {
      inputs_.push_back(random_inputs(original_, batch));
      wanted_.push_back(evaluate(original_, inputs_.back()));
    }
  }

  void expect_original_function(const Model& model) {
    EXPECT_EQ(output_names(model), output_names(original_));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      expect_near(wanted_[i], evaluate(model, inputs_[i]), 1e-5);
    }
  }

  Model original_;
  std::vector<std::vector<Tensor>> inputs_, wanted_;
};

TEST_P(RandomNetworks, KeepTheirFunctionThroughThePassesInTheUsualOrder) {
  Model model = original_;
  for (const char* const pass : kPasses) {
    SCOPED_TRACE(pass);
    ASSERT_TRUE(run_pass(model, pass).changed.has_value());
    ASSERT_NO_FATAL_FAILURE(expect_original_function(model));
  }
}

TEST_P(RandomNetworks, KeepTheirFunctionThroughThePassesInAnyOrder) {
  // A normalisation behind computed shapes needs infer_shapes only where shapes are open.
  RandomStream random(GetParam(), "test", "order");
  Model model = original_;
  ASSERT_TRUE(run_pass(model, "infer_shapes").changed.has_value());
  for (int i = 0; i < 5; ++i) {
    const char* const pass = kPasses[random.below(std::size(kPasses))];
    SCOPED_TRACE(pass);
    ASSERT_TRUE(run_pass(model, pass).changed.has_value());
    ASSERT_NO_FATAL_FAILURE(expect_original_function(model));
  }
}

TEST_P(RandomNetworks, AreLeftAloneByASecondRun) {
  Model model = original_;
  for (const char* const pass : kPasses) {
    SCOPED_TRACE(pass);
    ASSERT_TRUE(run_pass(model, pass).changed.has_value());
    const std::string once = print_text(model);
    EXPECT_FALSE(run_pass(model, pass).did_change());
    EXPECT_EQ(print_text(model), once);
  }
}

TEST_P(RandomNetworks, LoseWhatThePassesPromiseToRemove) {
  Model model = original_;
  for (const char* const pass : kPasses) ASSERT_TRUE(run_pass(model, pass).changed.has_value());
  EXPECT_EQ(count_ops<BatchNorm>(model), 0);
  EXPECT_EQ(count_ops<Gather>(model), 0);
  EXPECT_EQ(count_ops<Cast>(model), 0);
  EXPECT_EQ(count_ops<Pad>(model), 0);
  EXPECT_EQ(count_ops<Slice>(model), 0);
  for (const OpNode& node : model.tensor().ops) {
    if (std::holds_alternative<ShapeOf>(node.op)) {
      EXPECT_THAT(node.name, testing::StartsWith("unread"));
    }
    if (std::holds_alternative<Identity>(node.op)) {
      EXPECT_TRUE(model.tensor().is_output(node.outputs[0])) << node.name;
    }
  }
}

TEST_P(RandomNetworks, ComeOutTheSameOnEveryRun) {
  Model first = original_, second = RandomTensorNetwork(GetParam()).build();
  for (const char* const pass : kPasses) {
    run_pass(first, pass);
    run_pass(second, pass);
  }
  EXPECT_EQ(print_text(first), print_text(second));
  const auto &values = first.tensor().values, &others = second.tensor().values;
  ASSERT_EQ(values.size(), others.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i].constant.defined(), others[i].constant.defined());
    if (values[i].constant.defined()) {
      EXPECT_TRUE(values[i].constant == others[i].constant) << values[i].name;
    }
  }
}

TEST_P(RandomNetworks, KeepTheFilesNodesAsOrigins) {
  Model model = original_;
  for (const char* const pass : kPasses) run_pass(model, pass);
  for (const OpNode& node : model.tensor().ops) {
    EXPECT_THAT(node.origins, testing::Not(IsEmpty())) << node.name;
    for (const std::string& origin : node.origins) {
      EXPECT_NO_THROW(op_named(original_, origin)) << node.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetworks,
                         testing::Range(std::uint64_t{1}, std::uint64_t{25}));

// ---- options -----------------------------------------------------------------------------------

TEST(TensorPassOptions, OnlyFoldConstantsHasOne) {
  for (const char* const pass : kPasses) {
    const PassEntry* const entry = find_pass(pass);
    ASSERT_NE(entry, nullptr) << pass;
    EXPECT_EQ(entry->info.from, Level::kTensor) << pass;
    EXPECT_EQ(entry->info.to, Level::kTensor) << pass;
    EXPECT_THAT(entry->options, SizeIs(std::string_view(pass) == "fold_constants" ? 1 : 0)) << pass;
  }
}

TEST(TensorPassOptions, MaxElementsIsDescribedAsItIsChecked) {
  const OptionInfo& info = find_pass("fold_constants")->options[0];
  EXPECT_EQ(info.key, "max_elements");
  EXPECT_EQ(info.type, OptionType::kInt);
  EXPECT_EQ(value_text(info.fallback), "16777216");
  EXPECT_EQ(describe_range(info), "1 to 1000000000");
  EXPECT_FALSE(info.required);
}

/// The findings of building a pass from YAML text.
std::vector<std::string> findings(std::string_view pass, std::string_view options) {
  Diagnostics out;
  const auto made = make_pass(pass, options, out);
  EXPECT_EQ(made == nullptr, out.has_errors());
  std::vector<std::string> texts;
  for (const Diagnostic& diagnostic : out.all()) texts.push_back(to_string(diagnostic));
  return texts;
}

TEST(TensorPassOptions, AreOptional) {
  for (const char* const pass : kPasses) EXPECT_THAT(findings(pass, ""), IsEmpty()) << pass;
}

TEST(TensorPassOptions, ThatDoNotExistAreRefusedByEveryPassWithThePlace) {
  for (const char* const pass : kPasses) {
    const auto found = findings(pass, "{epsilon: 1}");
    ASSERT_THAT(found, SizeIs(1)) << pass;
    EXPECT_THAT(found[0], HasSubstr("net.yaml:1:2: error[config.unknown-key]")) << pass;
    EXPECT_THAT(found[0], HasSubstr("'epsilon'")) << pass;
  }
}

TEST(TensorPassOptions, AMistypedKeyGetsTheNearestName) {
  EXPECT_THAT(findings("fold_constants", "{max_element: 4}"),
              ElementsAre(HasSubstr("did you mean 'max_elements'?")));
}

TEST(TensorPassOptions, MaxElementsTakesWholeNumbersInItsRange) {
  EXPECT_THAT(findings("fold_constants", "{max_elements: 1}"), IsEmpty());
  EXPECT_THAT(findings("fold_constants", "{max_elements: 1000000000}"), IsEmpty());
  EXPECT_THAT(findings("fold_constants", "{max_elements: 0}"),
              ElementsAre(HasSubstr("error[config.range]")));
  EXPECT_THAT(findings("fold_constants", "{max_elements: 1000000001}"),
              ElementsAre(HasSubstr("error[config.range]")));
  EXPECT_THAT(findings("fold_constants", "{max_elements: 1.5}"),
              ElementsAre(HasSubstr("error[config.type]")));
  EXPECT_THAT(findings("fold_constants", "{max_elements: \"4\"}"),
              ElementsAre(HasSubstr("error[config.type]")));
}

TEST(TensorPassOptions, AreListedWithTheirValuesForTheLockFile) {
  Diagnostics out;
  const auto pass = make_pass("fold_constants", "{max_elements: 64}", out);
  ASSERT_NE(pass, nullptr);
  const auto options = pass->options();
  ASSERT_THAT(options, SizeIs(1));
  EXPECT_EQ(options[0].first, "max_elements");
  EXPECT_EQ(value_text(options[0].second), "64");
}

}  // namespace
}  // namespace neurotool::test
