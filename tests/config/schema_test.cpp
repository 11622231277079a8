#include <gtest/gtest.h>

#include "config/sample_options.hpp"
#include "config/support.hpp"

namespace neurotool {
namespace {

using test::node;
using test::sample_table;
using test::SampleOptions;

SampleOptions bind(std::string_view text) {
  Diagnostics findings;
  const auto options = sample_table().bind(node(text), "s", "help", findings);
  EXPECT_FALSE(findings.has_errors()) << test::all_text(findings);
  return options;
}

TEST(Schema, BindsEveryKindOfOption) {
  const SampleOptions options = bind(
      "weight_bits: 4\nper_channel: false\nsparsity: 0.25\nmethod: random\nwindow: 20 ms\n"
      "memory: 4 KiB\nnote: \"7\"\naxes: [-1]\nscales: []\nnoc: {rows: 2, link: {width: 16}}\n");
  EXPECT_EQ(options.weight_bits, 4);
  EXPECT_FALSE(options.per_channel);
  EXPECT_EQ(options.sparsity, 0.25);
  EXPECT_EQ(options.method, test::Method::kRandom);
  EXPECT_EQ(options.window, 20);
  EXPECT_EQ(options.memory, 4096);
  EXPECT_EQ(options.note, "7");
  EXPECT_EQ(options.axes, std::vector<std::int64_t>{-1});
  EXPECT_TRUE(options.scales.empty());
  EXPECT_EQ(options.rows, 2);
  EXPECT_EQ(options.link_width, 16);
}

TEST(Schema, KeepsDefaultsOfWhatIsNotGiven) {
  const SampleOptions options = bind("");
  EXPECT_EQ(options.weight_bits, 8);
  EXPECT_EQ(options.axes, (std::vector<std::int64_t>{0, 1}));
}

TEST(Schema, ReturnsRowsInTableOrderWithTheirPlaces) {
  Diagnostics findings;
  const auto checked = check_options(node("sparsity: 0.75\nweight_bits: 99\n"),
                                     sample_table().infos(), "s", "help", findings);
  ASSERT_EQ(checked.size(), sample_table().infos().size());
  EXPECT_EQ(checked[0].key, "weight_bits");
  EXPECT_EQ(checked[0].value, OptionValue(std::int64_t{8})) << "a row in error holds its default";
  EXPECT_EQ(checked[2].value, OptionValue(0.75));
  EXPECT_EQ(test::position(checked[2].at), (FilePosition{"test.yaml", 1, 11}));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(checked[1].at));
}

TEST(Schema, ReportsEverythingAtOnce) {
  Diagnostics findings;
  check_options(node("weight_bits: 99\nsparsity: 2\nmethod: x\nfoo: 1\n"), sample_table().infos(),
                "s", "help", findings);
  EXPECT_EQ(findings.error_count(), 4u);
}

TEST(Schema, AsksForRequiredOptions) {
  struct Options {
    std::string path;
  };
  const OptionTable<Options> table{option("path", &Options::path, "Where it is.").required()};
  Diagnostics findings;
  table.bind(node("{}"), "passes[0].load", "neurotool passes load", findings);
  ASSERT_TRUE(findings.has_errors());
  EXPECT_EQ(findings.first_error().code, "config.missing-key");
  EXPECT_EQ(findings.first_error().message, "passes[0].load.path is missing");
  EXPECT_EQ(findings.first_error().help, "add 'path', where it is");
}

TEST(Schema, LeavesOtherKeysAlone) {
  Diagnostics findings;
  const std::vector<std::string> others{"options"};
  check_options(node("options: {x: 1}\n"), sample_table().infos(), "target", "help", findings,
                others);
  EXPECT_FALSE(findings.has_errors());
  check_options(node("optoins: {x: 1}\n"), sample_table().infos(), "target", "help", findings,
                others);
  EXPECT_EQ(findings.first_error().help, "did you mean 'options'? (help)");
}

TEST(Schema, BoundsAnIntegerByItsMember) {
  struct Options {
    std::uint8_t small = 1;
    std::int32_t medium = 1;
    std::uint64_t large = 1;
    std::int64_t any = 1;
  };
  const OptionTable<Options> table{
      option("small", &Options::small, "S."), option("medium", &Options::medium, "M.").at_least(1),
      option("large", &Options::large, "L."), option("any", &Options::any, "A.")};
  for (const char* const text :
       {"small: 256", "small: -1", "medium: 2147483648", "medium: 0", "large: -1"}) {
    Diagnostics findings;
    table.bind(node(text), "s", "help", findings);
    EXPECT_TRUE(findings.has_errors()) << text;
  }
  Diagnostics findings;
  const Options options =
      table.bind(node("{small: 255, large: 9223372036854775807, any: -9223372036854775808}"), "s",
                 "help", findings);
  EXPECT_FALSE(findings.has_errors()) << test::all_text(findings);
  EXPECT_EQ(options.small, 255);
  EXPECT_EQ(options.large, 9223372036854775807u);
}

TEST(Schema, NamesTheCommandThatHelps) {
  Diagnostics findings;
  check_options(node("weight_bits: 99\n"), sample_table().infos(), "s", "neurotool passes quantize",
                findings);
  EXPECT_EQ(findings.first_error().help, "neurotool passes quantize");
}

TEST(Schema, ConvertsUnitsOfOneKindExactly) {
  EXPECT_EQ(bind("window: 9 ms").window, 9);
  EXPECT_EQ(bind("window: 9").window, 9);
  EXPECT_EQ(bind("window: 0.5 s").window, 500);
  EXPECT_EQ(bind("window: \"2000 us\"").window, 2);
  EXPECT_EQ(bind("memory: 0x10").memory, 16);
  EXPECT_EQ(bind("memory: 1.5 KiB").memory, 1536);
}

TEST(Schema, DescribesRanges) {
  const auto infos = sample_table().infos();
  EXPECT_EQ(describe_range(infos[0]), "1 to 16");
  EXPECT_EQ(describe_range(infos[1]), "");
  EXPECT_EQ(describe_range(infos[3]), "magnitude, random");
  EXPECT_EQ(describe_range(infos[5]), "0 or more");
  EXPECT_EQ(describe_range(infos[9]), "1 or more");
  EXPECT_EQ(describe_range(infos[10]), "") << "the limits of int say nothing to a user";
}

TEST(Schema, WritesValuesThatReadBack) {
  EXPECT_EQ(value_text(true), "true");
  EXPECT_EQ(value_text(std::int64_t{-5}), "-5");
  EXPECT_EQ(value_text(0.1), "0.1");
  EXPECT_EQ(value_text(std::string("cpu")), "cpu");
  EXPECT_EQ(value_text(std::string("")), "\"\"");
  EXPECT_EQ(value_text(std::string("5")), "\"5\"");
  EXPECT_EQ(value_text(std::string("true")), "\"true\"");
  EXPECT_EQ(value_text(std::string("a: b")), "\"a: b\"");
  EXPECT_EQ(value_text(std::vector<std::int64_t>{1, 2}), "[1, 2]");
  EXPECT_EQ(value_text(std::vector<double>{0.5, 1e300}), "[0.5, 1e+300]");
  EXPECT_EQ(value_text(std::vector<double>{}), "[]");
}

TEST(Schema, NamesTypes) {
  EXPECT_EQ(type_name(OptionType::kBool), "bool");
  EXPECT_EQ(type_name(OptionType::kRealList), "real list");
}

TEST(Schema, ListsValuesOfAStruct) {
  SampleOptions options;
  options.weight_bits = 3;
  const auto values = sample_table().values(options);
  EXPECT_EQ(values[0].first, "weight_bits");
  EXPECT_EQ(values[0].second, OptionValue(std::int64_t{3}));
}

}  // namespace
}  // namespace neurotool
