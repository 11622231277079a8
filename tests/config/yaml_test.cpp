#include <gtest/gtest.h>

#include <limits>

#include "config/support.hpp"

namespace neurotool {
namespace {

using test::node;
using test::position;
using test::refusal;
using yaml::Kind;

TEST(Yaml, ReadsMappingsInTheOrderOfTheFile) {
  const yaml::Node document = node("b: 1\na: [x, \"y\"]\nc:\n");
  ASSERT_EQ(document.kind, Kind::kMapping);
  ASSERT_EQ(document.entries.size(), 3u);
  EXPECT_EQ(document.entries[0].key, "b");
  EXPECT_EQ(document.entries[1].key, "a");
  EXPECT_EQ(document.find("a")->items[0].scalar, "x");
  EXPECT_FALSE(document.find("a")->items[0].quoted);
  EXPECT_TRUE(document.find("a")->items[1].quoted);
  EXPECT_EQ(document.find("c")->kind, Kind::kNull);
  EXPECT_EQ(document.find("d"), nullptr);
  EXPECT_EQ(document.find_entry("d"), nullptr);
}

TEST(Yaml, ReadsAnEmptyDocumentAsNull) {
  for (const char* const text : {"", "\n\n", "# only a comment\n", "---\n", "\xEF\xBB\xBF"}) {
    EXPECT_EQ(node(text).kind, Kind::kNull) << text;
  }
}

TEST(Yaml, CountsLinesAndColumnsFromOne) {
  const yaml::Node document = node("a: 1\nb:\n  - x\n  - {k: v}\n");
  EXPECT_EQ(position(document.entries[0].key_at), (FilePosition{"test.yaml", 1, 1}));
  EXPECT_EQ(position(document.find("a")->at), (FilePosition{"test.yaml", 1, 4}));
  EXPECT_EQ(position(document.find("b")->items[0].at), (FilePosition{"test.yaml", 3, 5}));
  const yaml::Node& mapping = document.find("b")->items[1];
  EXPECT_EQ(position(mapping.at), (FilePosition{"test.yaml", 4, 5}));
  EXPECT_EQ(position(mapping.find("k")->at), (FilePosition{"test.yaml", 4, 9}));
}

TEST(Yaml, CountsColumnsInCharactersNotBytes) {
  const yaml::Node document = node("\xEF\xBB\xBFgrüße: ä\n日本: 語\n");
  EXPECT_EQ(position(document.entries[0].value.at).column, 8u);
  EXPECT_EQ(position(document.entries[1].value.at), (FilePosition{"test.yaml", 2, 5}));
}

TEST(Yaml, CountsCarriageReturnLinefeedAsOneLine) {
  const yaml::Node document = node("a: 1\r\nb: 2\r\n");
  EXPECT_EQ(position(document.find("b")->at), (FilePosition{"test.yaml", 2, 4}));
  EXPECT_EQ(document.find("a")->scalar, "1");
}

TEST(Yaml, PlacesAMissingValueAtItsKeyOrDash) {
  const yaml::Node document = node("a:\nb:\n  -   # nothing\n\n  # more\n  - x\n  -\nc: ~\n");
  EXPECT_EQ(position(document.find("a")->at), (FilePosition{"test.yaml", 1, 1}));
  EXPECT_EQ(position(document.find("b")->items[0].at), (FilePosition{"test.yaml", 3, 3}));
  EXPECT_EQ(position(document.find("b")->items[2].at), (FilePosition{"test.yaml", 7, 3}));
  EXPECT_EQ(position(document.find("c")->at), (FilePosition{"test.yaml", 8, 4}));
}

TEST(Yaml, SaysWhereADuplicateKeyStoodFirst) {
  const Error found = refusal("run:\n  a: 1\n  b: 2\n  a: 3\n");
  EXPECT_EQ(found.code, "config.duplicate-key");
  EXPECT_EQ(position(found.at), (FilePosition{"test.yaml", 4, 3}));
  ASSERT_EQ(found.notes.size(), 1u);
  EXPECT_EQ(position(found.notes[0].at), (FilePosition{"test.yaml", 2, 3}));
}

TEST(Yaml, AllowsTheSameKeyInDifferentMappings) {
  EXPECT_EQ(node("a: {x: 1}\nb: {x: 2}\n").entries.size(), 2u);
}

TEST(Yaml, ReportsEveryFindingThatIsNoSyntaxError) {
  Diagnostics findings;
  const auto parsed = yaml::parse("a: 1\na: !t 2\nb: {c: 1, c: 2}\n", "f", findings);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code, "config.duplicate-key");
  EXPECT_EQ(findings.error_count(), 3u);
}

TEST(Yaml, ReturnsItsOwnFirstErrorFromASinkInUse) {
  Diagnostics findings;
  findings.report(error("other", {}, "reported before"));
  const auto parsed = yaml::parse("a: !t 2\n", "f", findings);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code, "config.tag");
}

TEST(Yaml, ExpandsAliasesAndPlacesThemWhereTheyStand) {
  const yaml::Node document = node("a: &x {k: [1, 2]}\nb: *x\nc: [*x, *x]\n");
  EXPECT_TRUE(test::same(*document.find("a"), *document.find("b")));
  EXPECT_TRUE(test::same(*document.find("a"), document.find("c")->items[1]));
  EXPECT_EQ(position(document.find("b")->at), (FilePosition{"test.yaml", 2, 4}));
  EXPECT_EQ(position(document.find("b")->find("k")->at), (FilePosition{"test.yaml", 1, 11}));
}

TEST(Yaml, ReadsAliasesOfAliases) {
  const yaml::Node document = node("a: &x 1\nb: &y [*x]\nc: *y\n");
  EXPECT_EQ(document.find("c")->items[0].scalar, "1");
}

TEST(Yaml, ReadsAThousandAliasedValuesAndNoMore) {
  std::string text = "a: &x 1\nb: [";
  for (int i = 0; i < 1000; ++i) text += "*x, ";
  EXPECT_EQ(node(text + "2]\n").find("b")->items.size(), 1001u);
  EXPECT_EQ(refusal(text + "*x]\n").code, "config.alias");
}

TEST(Yaml, ReadsSixtyFourLevelsAndNoMore) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_EQ(node(nested(64)).kind, Kind::kSequence);
  EXPECT_EQ(refusal(nested(65)).code, "config.too-deep");
  const std::string aliased = "- &x " + nested(40) + "\n- ";
  EXPECT_EQ(node(aliased + std::string(20, '[') + "*x" + std::string(20, ']')).items.size(), 2u);
  EXPECT_EQ(refusal(aliased + std::string(30, '[') + "*x" + std::string(30, ']')).code,
            "config.too-deep");
}

TEST(Yaml, KeepsTextOfBlockScalars) {
  const yaml::Node document = node("a: |\n  one\n  two\nb: >\n  one\n  two\n");
  EXPECT_EQ(document.find("a")->scalar, "one\ntwo\n");
  EXPECT_EQ(document.find("b")->scalar, "one two\n");
  EXPECT_TRUE(document.find("a")->quoted);
}

TEST(Yaml, RefusesATextWhoseQuoteIsNeverClosed) {
  for (const char* const text : {"a: \"x\n", "a: 'x\nb: 1\n", "a: \"x \\\"\n", "a: 'it''s\n",
                                 "\"a: 1\n", "a: &b \"x\n", "- \"x", "a: {b: \"x }\n"}) {
    const Error found = refusal(text);
    EXPECT_EQ(found.code, "config.syntax") << text;
    EXPECT_EQ(found.help, "add the closing quote") << text;
    EXPECT_EQ(position(found.at).line, 1u) << text;
  }
  EXPECT_EQ(node("a: 'it''s'\nb: \"\\\\\"\nc: &x 'y'\n").entries.size(), 3u);
}

TEST(Yaml, RefusesBytesThatAreNoText) {
  EXPECT_EQ(position(refusal("a: 1\nb: \xC3(\n").at), (FilePosition{"test.yaml", 2, 4}));
  EXPECT_EQ(position(refusal(std::string("a: \0\n", 5)).at), (FilePosition{"test.yaml", 1, 4}));
  EXPECT_EQ(refusal("a: \x1b[31m\n").message,
            "the control byte 0x1b stands here, so this is no text file");
}

TEST(YamlScalar, OnlyTrueAndFalseAreBooleans) {
  EXPECT_EQ(yaml::as_bool(node("true"), "x").value(), true);
  EXPECT_EQ(yaml::as_bool(node("false"), "x").value(), false);
  for (const char* const text : {"yes", "no", "on", "off", "True", "1", "\"true\"", "", "[true]"}) {
    EXPECT_EQ(yaml::as_bool(node(text), "x").error().code, "config.type") << text;
  }
}

TEST(YamlScalar, ReadsWholeNumbers) {
  EXPECT_EQ(yaml::as_int(node("0"), "x").value(), 0);
  EXPECT_EQ(yaml::as_int(node("-12"), "x").value(), -12);
  EXPECT_EQ(yaml::as_int(node("+7"), "x").value(), 7);
  EXPECT_EQ(yaml::as_int(node("0xFf"), "x").value(), 255);
  EXPECT_EQ(yaml::as_int(node("-0x10"), "x").value(), -16);
  EXPECT_EQ(yaml::as_int(node("9223372036854775807"), "x").value(),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(yaml::as_int(node("-9223372036854775808"), "x").value(),
            std::numeric_limits<std::int64_t>::min());
}

TEST(YamlScalar, RefusesWhatOnlyLooksLikeAWholeNumber) {
  for (const char* const text : {"010", "00", "-01", "\"5\"", "'5'", "5.0", "1e3", "0o7", "0b1",
                                 "1_000", "1,000", "five", "", "~", "0x", "- 5", "+", "5 ms"}) {
    EXPECT_EQ(yaml::as_int(node(text), "x").error().code, "config.type") << text;
  }
  EXPECT_EQ(yaml::as_int(node("9223372036854775808"), "x").error().code, "config.range");
  EXPECT_EQ(yaml::as_int(node("-9223372036854775809"), "x").error().code, "config.range");
  EXPECT_EQ(yaml::as_int(node("0x10000000000000000"), "x").error().code, "config.range");
}

TEST(YamlScalar, ReadsRealNumbers) {
  EXPECT_EQ(yaml::as_real(node("1"), "x").value(), 1.0);
  EXPECT_EQ(yaml::as_real(node("-2.5e-3"), "x").value(), -0.0025);
  EXPECT_EQ(yaml::as_real(node(".5"), "x").value(), 0.5);
  EXPECT_EQ(yaml::as_real(node("5."), "x").value(), 5.0);
  EXPECT_EQ(yaml::as_real(node("+1E2"), "x").value(), 100.0);
  EXPECT_EQ(yaml::as_real(node("0x10"), "x").value(), 16.0);
  EXPECT_EQ(yaml::as_real(node("0.1"), "x").value(), 0.1);
}

TEST(YamlScalar, RefusesNumbersThatAreNotFinite) {
  for (const char* const text : {".nan", "nan", ".inf", "-.inf", "inf", "infinity", "\"1.5\""}) {
    EXPECT_EQ(yaml::as_real(node(text), "x").error().code, "config.type") << text;
  }
  EXPECT_EQ(yaml::as_real(node("1e999"), "x").error().code, "config.range");
  EXPECT_EQ(yaml::as_real(node("01.5"), "x").error().code, "config.type");
}

TEST(YamlScalar, TakesAnyScalarAsText) {
  EXPECT_EQ(yaml::as_text(node("5"), "x").value(), "5");
  EXPECT_EQ(yaml::as_text(node("\"\""), "x").value(), "");
  EXPECT_EQ(yaml::as_text(node("two words"), "x").value(), "two words");
  EXPECT_EQ(yaml::as_text(node(""), "x").error().code, "config.type");
  EXPECT_EQ(yaml::as_text(node("{}"), "x").error().code, "config.type");
}

TEST(YamlScalar, CutsLongTextsInMessages) {
  const Error found = yaml::as_int(node(std::string(5000, 'a')), "x").error();
  EXPECT_LT(found.message.size(), 120u);
}

}  // namespace
}  // namespace neurotool
