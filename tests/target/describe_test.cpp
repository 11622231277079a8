// Tables of a plugin that are not what they should be: each is refused with a sentence, none
// crashes.
#include "target/describe.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <limits>

namespace neurotool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

nt_code no_open(nt_call*, const nt_config*, nt_target**) noexcept { return NT_UNSUPPORTED; }
void no_close(nt_target*) noexcept {}
nt_code no_check(nt_target*, nt_call*, const nt_graph*) noexcept { return NT_UNSUPPORTED; }
nt_code no_compile(nt_target*, nt_call*, const nt_graph*, nt_program**) noexcept {
  return NT_UNSUPPORTED;
}
void no_release(nt_program*) noexcept {}
nt_code no_init(const nt_host*) noexcept { return NT_OK; }
void no_shutdown() noexcept {}
nt_code no_run(nt_program*, nt_call*, std::uint64_t, std::uint64_t, std::uint64_t,
               const nt_stimulus* const*, std::size_t, const nt_probe* const*,
               std::size_t) noexcept {
  return NT_OK;
}

nt_simulate simulate;
const void* answers(nt_str) noexcept { return &simulate; }
const void* denies(nt_str) noexcept { return nullptr; }

/// A plugin that is right; tests spoil one thing each.
struct Tables {
  nt_option option{};
  const nt_option* options[1] = {&option};
  nt_str models[2] = {NT_LIT("input"), NT_LIT("if")};
  nt_str kinds[1] = {NT_LIT("dense")};
  nt_str extensions[1] = {NT_LIT("nt.simulate/1")};
  nt_str choices[2] = {NT_LIT("a"), NT_LIT("b")};
  nt_target_info target{};
  const nt_target_info* targets[2] = {&target, &target};
  nt_plugin plugin{};

  Tables() {
    simulate = {sizeof simulate, 0.5, &no_run};
    option.struct_size = sizeof option;
    option.key = NT_LIT("core.size");
    option.summary = NT_LIT("Neurons.");
    option.fallback = NT_LIT("128");
    option.minimum = 1;
    option.maximum = 4096;
    option.type = NT_INT;
    target.struct_size = sizeof target;
    target.id = NT_LIT("x");
    target.summary = NT_LIT("A target.");
    target.options = options;
    target.option_count = 1;
    target.models = models;
    target.model_count = 2;
    target.kinds = kinds;
    target.kind_count = 1;
    target.extensions = extensions;
    target.extension_count = 1;
    target.open = &no_open;
    target.close = &no_close;
    target.check = &no_check;
    target.compile = &no_compile;
    target.release = &no_release;
    target.extension = &answers;
    plugin.struct_size = sizeof plugin;
    plugin.abi_major = NT_ABI_MAJOR;
    plugin.abi_minor = NT_ABI_MINOR;
    plugin.id = NT_LIT("org.example.x");
    plugin.version = NT_LIT("1.0");
    plugin.targets = targets;
    plugin.target_count = 1;
    plugin.init = &no_init;
    plugin.shutdown = &no_shutdown;
  }
};

Result<DescribedPlugin> describe(const Tables& tables) {
  return describe_plugin(&tables.plugin, "/p/neurotool_x.so", "x");
}

TEST(Describe, CopiesWhatIsRight) {
  const Tables tables;
  const auto plugin = describe(tables);
  ASSERT_TRUE(plugin) << plugin.error().message;
  const TargetDescription& target = plugin->targets.at(0).description;
  EXPECT_EQ(target.name, "x");
  EXPECT_EQ(target.plugin_id, "org.example.x");
  EXPECT_THAT(target.models, ElementsAre("input", "if"));
  EXPECT_THAT(target.kinds, ElementsAre("dense"));
  EXPECT_TRUE(target.can("nt.simulate/1"));
  EXPECT_FALSE(target.can("nt.codegen/1"));
  EXPECT_EQ(target.tolerance, 0.5);
  ASSERT_EQ(target.options.size(), 1u);
  EXPECT_EQ(target.options[0].key, "core.size");
  EXPECT_EQ(target.options[0].fallback, OptionValue(std::int64_t{128}));
  EXPECT_TRUE(target.options[0].bounded);
  EXPECT_FALSE(target.options[0].required);
}

struct Spoilt {
  const char* name;
  std::function<void(Tables&)> spoil;
  const char* message;
};

class SpoiltTables : public ::testing::TestWithParam<Spoilt> {};

TEST_P(SpoiltTables, AreRefusedWithASentence) {
  Tables tables;
  GetParam().spoil(tables);
  const auto plugin = describe(tables);
  ASSERT_FALSE(plugin);
  EXPECT_EQ(plugin.error().code, "target.describe");
  EXPECT_THAT(plugin.error().message, HasSubstr(GetParam().message));
}

constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max() / 2;
const std::string kLong(100'000, 'a');

std::vector<Spoilt> spoilt_tables() {
  return {

      Spoilt{"plugin_size", [](Tables& t) { t.plugin.struct_size = 16; }, "too small"},
      Spoilt{"plugin_huge", [](Tables& t) { t.plugin.struct_size = kHuge; }, "too small"},
      Spoilt{"no_init", [](Tables& t) { t.plugin.init = nullptr; }, "lacks init()"},
      Spoilt{"plugin_id", [](Tables& t) { t.plugin.id = NT_LIT("x"); }, "reverse domain"},
      Spoilt{"plugin_id_null",
             [](Tables& t) {
               t.plugin.id = {nullptr, kHuge};
             },
             "reverse domain"},
      Spoilt{"no_version", [](Tables& t) { t.plugin.version = {}; }, "version is empty"},
      Spoilt{"vendor_text", [](Tables& t) { t.plugin.vendor = NT_LIT("\xC3("); }, "not UTF-8"},
      Spoilt{"no_targets", [](Tables& t) { t.plugin.target_count = 0; }, "0 targets"},
      Spoilt{"huge_targets", [](Tables& t) { t.plugin.target_count = kHuge; }, "targets"},
      Spoilt{"null_targets", [](Tables& t) { t.plugin.targets = nullptr; }, "at NULL"},
      Spoilt{"null_target", [](Tables& t) { t.targets[0] = nullptr; }, "table of target 0"},
      Spoilt{"twice", [](Tables& t) { t.plugin.target_count = 2; }, "offered twice"},
      Spoilt{"target_size", [](Tables& t) { t.target.struct_size = 8; }, "table of target 0"},
      Spoilt{"other_id", [](Tables& t) { t.target.id = NT_LIT("y"); }, "'neurotool_y.so'"},
      Spoilt{"odd_id", [](Tables& t) { t.target.id = NT_LIT("../x"); }, "lower-case words"},
      Spoilt{"long_id",
             [](Tables& t) {
               t.target.id = {kLong.data(), kLong.size()};
             },
             "lower-case words"},
      Spoilt{"no_summary", [](Tables& t) { t.target.summary = {}; }, "summary is empty"},
      Spoilt{"no_compile", [](Tables& t) { t.target.compile = nullptr; }, "is missing"},
      Spoilt{"huge_models", [](Tables& t) { t.target.model_count = kHuge; }, "list of models"},
      Spoilt{"null_models", [](Tables& t) { t.target.models = nullptr; }, "at NULL"},
      Spoilt{"same_models", [](Tables& t) { t.models[1] = NT_LIT("input"); }, "listed twice"},
      Spoilt{"odd_kind", [](Tables& t) { t.kinds[0] = NT_LIT("den se"); }, "is no word"},
      Spoilt{"empty_kind", [](Tables& t) { t.kinds[0] = {}; }, "is no word"},
      Spoilt{"denied", [](Tables& t) { t.target.extension = &denies; }, "with NULL"},
      Spoilt{"no_extension", [](Tables& t) { t.target.extension = nullptr; }, "no extension()"},
      Spoilt{"small_table", [](Tables&) { simulate.struct_size = 8; }, "too small"},
      Spoilt{"no_run", [](Tables&) { simulate.run = nullptr; }, "no run()"},
      Spoilt{"tolerance", [](Tables&) { simulate.tolerance = 1.5; }, "not within 0 to 1"},
      Spoilt{"nan_tolerance",
             [](Tables&) { simulate.tolerance = std::numeric_limits<double>::quiet_NaN(); },
             "not within 0 to 1"},
      Spoilt{"huge_options", [](Tables& t) { t.target.option_count = kHuge; }, "list of options"},
      Spoilt{"null_options", [](Tables& t) { t.target.options = nullptr; }, "at NULL"},
      Spoilt{"null_option", [](Tables& t) { t.options[0] = nullptr; }, "table of option 0"},
      Spoilt{"odd_key", [](Tables& t) { t.option.key = NT_LIT("Core"); }, "lower-case words"},
      Spoilt{"odd_type", [](Tables& t) { t.option.type = 99; }, "has type 99"},
      Spoilt{"no_sentence", [](Tables& t) { t.option.summary = {}; }, "no summary"},
      Spoilt{"empty_range", [](Tables& t) { t.option.minimum = 5000; }, "empty range"},
      Spoilt{"nan_range",
             [](Tables& t) { t.option.maximum = std::numeric_limits<double>::quiet_NaN(); },
             "empty range"},
      Spoilt{"default_range", [](Tables& t) { t.option.fallback = NT_LIT("0"); }, "'0'"},
      Spoilt{"default_type", [](Tables& t) { t.option.fallback = NT_LIT("12x"); }, "'12x'"},
      Spoilt{"choices_of_int",
             [](Tables& t) {
               t.option.choices = t.choices;
               t.option.choice_count = 2;
             },
             "2 choices"},
      Spoilt{"no_choices",
             [](Tables& t) {
               t.option.type = NT_CHOICE;
               t.option.minimum = t.option.maximum = 0;
             },
             "0 choices"},
      Spoilt{"huge_choices",
             [](Tables& t) {
               t.option.type = NT_CHOICE;
               t.option.minimum = t.option.maximum = 0;
               t.option.choices = t.choices;
               t.option.choice_count = kHuge;
             },
             "choices"},
      Spoilt{"default_choice",
             [](Tables& t) {
               t.option.type = NT_CHOICE;
               t.option.minimum = t.option.maximum = 0;
               t.option.choices = t.choices;
               t.option.choice_count = 2;
               t.option.fallback = NT_LIT("c");
             },
             "'c'"},
      Spoilt{"bounded_text", [](Tables& t) { t.option.type = NT_TEXT; }, "is no number"}};
}

std::string name_of(const ::testing::TestParamInfo<Spoilt>& row) { return row.param.name; }

INSTANTIATE_TEST_SUITE_P(Describe, SpoiltTables, ::testing::ValuesIn(spoilt_tables()), name_of);

TEST(Describe, AnOptionWithoutADefaultMustBeGiven) {
  Tables tables;
  tables.option.fallback = {};
  const auto plugin = describe(tables);
  ASSERT_TRUE(plugin);
  EXPECT_TRUE(plugin->targets[0].description.options[0].required);
}

TEST(Describe, AnEmptyTextIsADefault) {
  Tables tables;
  tables.option.type = NT_TEXT;
  tables.option.minimum = tables.option.maximum = 0;
  tables.option.fallback = {"", 0};
  const auto plugin = describe(tables);
  ASSERT_TRUE(plugin);
  EXPECT_FALSE(plugin->targets[0].description.options[0].required);
}

TEST(Describe, ReadsListsAndRealNumbers) {
  Tables tables;
  tables.option.type = NT_INT_LIST;
  tables.option.fallback = NT_LIT("[2, 30,4096]");
  auto plugin = describe(tables);
  ASSERT_TRUE(plugin) << plugin.error().message;
  EXPECT_EQ(plugin->targets[0].description.options[0].fallback,
            OptionValue(std::vector<std::int64_t>{2, 30, 4096}));
  tables.option.type = NT_REAL;
  tables.option.fallback = NT_LIT("1.5e2");
  plugin = describe(tables);
  ASSERT_TRUE(plugin);
  EXPECT_EQ(plugin->targets[0].description.options[0].fallback, OptionValue(150.0));
}

TEST(Describe, OptionsMayNotTakeEachOthersPlace) {
  Tables tables;
  nt_option inner = tables.option;
  inner.key = NT_LIT("core");
  const nt_option* both[2] = {&tables.option, &inner};
  tables.target.options = both;
  tables.target.option_count = 2;
  const auto plugin = describe(tables);
  ASSERT_FALSE(plugin);
  EXPECT_THAT(plugin.error().message, HasSubstr("'core.size' and 'core'"));
}

TEST(Describe, TextForTheTerminalIsEscaped) {
  Tables tables;
  tables.target.summary = NT_LIT("red \x1B[31m");
  const auto plugin = describe(tables);
  ASSERT_TRUE(plugin);
  EXPECT_EQ(plugin->targets[0].description.summary, "red \\x1b[31m");
}

}  // namespace
}  // namespace neurotool
