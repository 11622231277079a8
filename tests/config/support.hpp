// What the tests of the config layer share: nodes from text, findings as text, equal nodes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "config/yaml.hpp"

namespace neurotool::test {

/// The document in `text`; fails the test when the reader refuses it.
inline yaml::Node node(std::string_view text) {
  Diagnostics findings;
  auto parsed = yaml::parse(text, "test.yaml", findings);
  EXPECT_TRUE(parsed.has_value()) << text << '\n' << to_string(parsed.error());
  return parsed ? *std::move(parsed) : yaml::Node();
}

/// The first error that the reader finds in `text`.
inline Error refusal(std::string_view text) {
  Diagnostics findings;
  auto parsed = yaml::parse(text, "test.yaml", findings);
  EXPECT_FALSE(parsed.has_value()) << "accepted: " << text;
  return parsed ? Error{} : std::move(parsed).error();
}

inline std::string all_text(const Diagnostics& findings) {
  std::string text;
  for (const Diagnostic& finding : findings.all()) text += to_string(finding);
  return text;
}

/// Equal but for places.
inline bool same(const yaml::Node& a, const yaml::Node& b) {
  return a.kind == b.kind && a.scalar == b.scalar && a.quoted == b.quoted &&
         std::ranges::equal(a.items, b.items, same) &&
         std::ranges::equal(a.entries, b.entries, [](const auto& x, const auto& y) {
           return x.key == y.key && same(x.value, y.value);
         });
}

inline FilePosition position(const Location& at) {
  const auto* file = std::get_if<FilePosition>(&at);
  EXPECT_NE(file, nullptr) << "not in a file: " << to_string(at);
  return file ? *file : FilePosition{};
}

inline std::filesystem::path config_tests() {
  return std::filesystem::path(NEUROTOOL_TESTS_DIR) / "config";
}

}  // namespace neurotool::test
