// dump() and parse() are inverses: for documents as people write them, and for random trees of the
// nastiest scalars.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>

#include "base/random.hpp"
#include "config/support.hpp"

namespace neurotool {
namespace {

using test::node;
using test::same;
using yaml::Kind;
using yaml::Node;

Node scalar(std::string text, bool quoted) {
  Node made;
  made.kind = Kind::kScalar;
  made.scalar = std::move(text);
  made.quoted = quoted;
  return made;
}

TEST(Dump, WritesBlocksAndShortLists) {
  const Node document = node("a: 1\nb: {c: [1, 2, x], d: {}}\ne: [{f: g}, [h], []]\ni:\n");
  EXPECT_EQ(yaml::dump(document),
            "a: 1\n"
            "b:\n"
            "  c: [1, 2, x]\n"
            "  d: {}\n"
            "e:\n"
            "  - f: g\n"
            "  - [h]\n"
            "  - []\n"
            "i: null\n");
}

TEST(Dump, KeepsNumbersPlainAndTextsQuoted) {
  EXPECT_EQ(yaml::dump(node("[5, \"5\", true, 'true', 0x10]")),
            "[5, \"5\", true, \"true\", 0x10]\n");
}

TEST(Dump, QuotesTextThatWouldChangeItsMeaning) {
  for (const char* const text :
       {"",     "~",    "null", "Null", "NULL", " a",       "a ",           "a: b", "a #b",
        "- a",  "-",    "?",    "? a",  ":",    ": a",      "a:",           "---",  "--- a",
        "...",  "[a",   "]",    "{a",   "}",    ",a",       "#a",           "&a",   "*a",
        "!a",   "|",    ">",    ">= 1", "'",    "\"",       "%a",           "@a",   "`a",
        "a\nb", "a\tb", "a\rb", "\x01", "\x7f", "\xC2\x85", "\xEF\xBB\xBF", "\\",   "\"\\\""}) {
    const Node back = node(yaml::dump(scalar(text, false)));
    EXPECT_EQ(back.kind, Kind::kScalar) << text;
    EXPECT_EQ(back.scalar, text);
  }
}

TEST(Dump, LeavesOrdinaryTextPlain) {
  for (const char* const text : {"a", "models/x.onnx", "-1", "1e5", "a:b", "a#b", "two words",
                                 "ümlaut", "日本", "a-b", "a,b", "x[0]", "-x", "<<"}) {
    EXPECT_EQ(yaml::dump(scalar(text, false)), std::string(text) + "\n");
    EXPECT_TRUE(same(node(yaml::dump(scalar(text, false))), scalar(text, false))) << text;
  }
}

TEST(Dump, IsStable) {
  const std::string once = yaml::dump(node("b: [1, {a: \"x\"}]\na:\n  - - 1\n    - 2\n"));
  EXPECT_EQ(yaml::dump(node(once)), once);
}

/// Scalars out of pieces that mean something to YAML, and of plain ones.
std::string random_text(RandomStream& random) {
  static constexpr std::array<std::string_view, 36> kPieces{
      "a",  "b",  "null", "~", "true", "1", "0.5", "-",    ": ",       ":",  " #", "#",
      " ",  "  ", ",",    "[", "]",    "{", "}",   "'",    "\"",       "\\", "\n", "\t",
      "&x", "*x", "!t",   "|", ">",    "%", "@",   "\x01", "\xC2\x9F", "ä",  "日", "\r"};
  std::string text;
  for (std::uint64_t i = random.below(5); i > 0; --i) text += kPieces[random.below(kPieces.size())];
  return text;
}

Node random_tree(RandomStream& random, int depth) {
  const std::uint64_t kind = random.below(depth > 4 ? 2 : 4);
  if (kind == 0) {
    Node null;
    return null;
  }
  if (kind == 1) return scalar(random_text(random), random.below(2) == 0);
  Node made;
  made.kind = kind == 2 ? Kind::kSequence : Kind::kMapping;
  for (std::uint64_t i = random.below(4); i > 0; --i) {
    Node child = random_tree(random, depth + 1);
    if (kind == 2) {
      made.items.push_back(std::move(child));
    } else {
      const std::string key = std::to_string(i) + random_text(random);
      made.entries.push_back({.key = key, .key_at = {}, .value = std::move(child)});
    }
  }
  return made;
}

/// Equal, where text that needs quotes may have gained them.
bool reads_the_same(const Node& a, const Node& b) {
  const bool quotes = a.quoted == b.quoted || (!a.quoted && b.quoted);
  return a.kind == b.kind && a.scalar == b.scalar && quotes &&
         std::ranges::equal(a.items, b.items, reads_the_same) &&
         std::ranges::equal(a.entries, b.entries, [](const auto& x, const auto& y) {
           return x.key == y.key && reads_the_same(x.value, y.value);
         });
}

TEST(DumpProperty, RandomTreesReadBack) {
  RandomStream random(1, "dump_test", "trees");
  for (int i = 0; i < 3000; ++i) {
    const Node tree = random_tree(random, 0);
    const std::string text = yaml::dump(tree);
    const Node back = node(text);
    ASSERT_TRUE(reads_the_same(tree, back)) << i << '\n' << text;
    ASSERT_TRUE(same(back, node(yaml::dump(back)))) << i << '\n' << text;
  }
}

TEST(DumpProperty, WhateverParsesDumpsToAnEqualDocument) {
  RandomStream random(1, "dump_test", "texts");
  int parsed_count = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (int piece = 0; piece < 4; ++piece) text += random_text(random);
    Diagnostics findings;
    const auto document = yaml::parse(text, "random", findings);
    if (!document) continue;
    ++parsed_count;
    ASSERT_TRUE(same(*document, node(yaml::dump(*document)))) << text << "\n--\n"
                                                              << yaml::dump(*document);
  }
  EXPECT_GT(parsed_count, 1000);
}

TEST(DumpProperty, TheCasesReadBack) {
  int count = 0;
  for (const char* const kind : {"pipeline", "options"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(test::config_tests() / "cases" / kind)) {
      if (entry.path().extension() != ".yaml") continue;
      std::ifstream stream(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(stream), {}};
      Diagnostics findings;
      const auto document = yaml::parse(text, "case", findings);
      if (!document) continue;
      ++count;
      EXPECT_TRUE(same(*document, node(yaml::dump(*document)))) << entry.path();
    }
  }
  EXPECT_GT(count, 40);
}

}  // namespace
}  // namespace neurotool
