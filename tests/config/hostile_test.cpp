// Input that was made to hurt: it must end soon, with a diagnostic that has a place.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "base/random.hpp"
#include "config/pipeline.hpp"
#include "config/support.hpp"

namespace neurotool {
namespace {

std::string times(std::string_view piece, std::size_t count) {
  std::string text;
  text.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

/// Nested aliases, each repeating the one before it nine times.
std::string alias_bomb() {
  std::string text = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 30; ++i) {
    text +=
        fmt::format("a{0}: &a{0} [*a{1}{2}]\n", i, i - 1, times(fmt::format(", *a{}", i - 1), 9));
  }
  return text;
}

struct Hostile {
  const char* name;
  std::string text;
  const char* code;
};

std::vector<Hostile> hostile_texts() {
  return {
      {"brackets", times("[", 1'000'000), "config.syntax"},
      {"braces", times("{", 1'000'000), "config.syntax"},
      {"closed_brackets", times("[", 400) + times("]", 400), "config.too-deep"},
      {"brackets_and_braces", "a: " + times("[{", 500'000), "config.syntax"},
      {"flow_mappings", "a: " + times("{a: ", 250'000), "config.too-deep"},
      {"dashes", times("- ", 500'000), "config.too-deep"},
      {"questions", times("? ", 500'000), "config.syntax"},
      {"colons", times(":", 1'000'000), "config.syntax"},
      {"alias_bomb", alias_bomb(), "config.alias"},
      {"aliases", "- &a 1\n" + times("- *a\n", 200'000), "config.alias"},
      {"anchors", times("&a ", 300'000), "config.syntax"},
      {"tags", times("- !t 1\n", 100'000), "config.tag"},
      {"documents", times("---\n", 250'000), "config.syntax"},
      {"values", times("- a\n", 200'000), "config.too-large"},
      {"one_line_of_values", "- [" + times("a,", 500'000) + "a]", "config.too-large"},
      {"one_line_of_nothing", "- [" + times(",", 900'000) + "]", "config.too-large"},
      {"one_line_of_pairs", "- {" + times("a: , ", 150'000) + "}", "config.duplicate-key"},
      {"dashes_on_lines", times("-\n", 500'000), "config.too-large"},
      {"quotes", "- [" + times("\"\",", 300'000) + "]", "config.too-large"},
      {"duplicate_keys", times("a: 1\n", 90'000), "config.duplicate-key"},
      {"open_quote", "a: \"" + times("x", 1'000'000), "config.syntax"},
      {"long_key", times("k", 1000) + ": 1", "config.too-large"},
      {"megabytes", times("a", 5'000'000), "config.too-large"},
      {"zero_bytes", std::string(1'000'000, '\0'), "config.syntax"},
      {"utf_16", std::string("\xFF\xFEv\0:\0", 6), "config.syntax"},
      {"gzip", std::string("\x1F\x8B\x08\x00", 4), "config.syntax"},
      {"surrogate", "a: \xED\xA0\x80", "config.syntax"},
      {"surrogate_escape", "a: \"\\ud800\"", "config.syntax"},
      {"overlong", "a: \xC0\xAF", "config.syntax"},
  };
}

TEST(HostileYaml, EndsSoonWithADiagnostic) {
  for (const Hostile& hostile : hostile_texts()) {
    const std::clock_t start = std::clock();
    const Error found = test::refusal(hostile.text);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_EQ(found.code, hostile.code) << hostile.name << ": " << to_string(found);
    EXPECT_GT(test::position(found.at).line, 0u) << hostile.name;
    EXPECT_LT(seconds, 10.0) << hostile.name;  // sanitizers are slow; by itself under a second
    EXPECT_LT(to_string(found).size(), 600u) << hostile.name;
  }
}

TEST(HostileYaml, ReadsTheLargestScalar) {
  const yaml::Node document = test::node("a: " + times("x", 1'000'000));
  EXPECT_EQ(document.find("a")->scalar.size(), 1'000'000u);
}

constexpr std::string_view kFile = R"(version: 1
model: { path: models/x.onnx }
data:
  test: { images: "data/t10k.gz", format: auto, count: 0 }
  preprocess: { divide: 255, mean: [0.485, 0.456], std: &s [0.229, 0.224] }
passes:
  - fold_batch_norm
  - qcfs: { steps: 32, list: *s }
target: cpu
run: { mode: simulate, steps: 0x20 }
report: { expect: { accuracy: '>= 0.97' } }
)";

TEST(HostileYaml, ReadsOrRefusesEveryTruncation) {
  for (std::size_t size = 0; size <= kFile.size(); ++size) {
    Diagnostics findings;
    const auto document = yaml::parse(kFile.substr(0, size), "cut", findings);
    EXPECT_EQ(document.has_value(), !findings.has_errors()) << size;
  }
}

TEST(HostileYaml, ReadsOrRefusesEveryMutation) {
  constexpr std::string_view kBytes = "[]{}:,-?&*!|>'\"%@`#~ \n\t\\x0\x80\xFF\x01";
  RandomStream random(7, "hostile_test", "mutation");
  std::size_t read = 0, refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text(kFile);
    for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
      const std::size_t at = random.below(text.size());
      const char byte = kBytes[random.below(kBytes.size())];
      switch (random.below(3)) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1 + random.below(5));
      }
    }
    Diagnostics findings;
    auto document = yaml::parse(text, "mutated", findings);
    ++(document ? read : refused);
    ASSERT_EQ(document.has_value(), !findings.has_errors()) << text;
    const auto lines = static_cast<std::uint32_t>(std::ranges::count(text, '\n')) + 1;
    for (const Diagnostic& finding : findings.all()) {
      ASSERT_GT(test::position(finding.at).line, 0u) << to_string(finding) << text;
      ASSERT_LE(test::position(finding.at).line, lines) << to_string(finding) << text;
    }
  }
  EXPECT_GT(read, 100u);
  EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace neurotool
