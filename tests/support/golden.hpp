// Compares text with tests/golden/<area>/<name>.txt. Run the test with --update-golden, or with
// NEUROTOOL_UPDATE_GOLDEN=1 in the environment, to write what it found instead; then read the diff.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace neurotool::test {

inline std::filesystem::path golden_file(std::string_view area, std::string_view name) {
  return std::filesystem::path(NEUROTOOL_TESTS_DIR) / "golden" / area /
         (std::string(name) + ".txt");
}

inline bool updating_golden() {
  const char* const variable = std::getenv("NEUROTOOL_UPDATE_GOLDEN");
  if (variable != nullptr && std::string_view(variable) == "1") return true;
  // gtest_main leaves flags that it does not know alone, but keeps them to itself.
  const auto arguments = ::testing::internal::GetArgvs();
  return std::ranges::find(arguments, "--update-golden") != arguments.end();
}

inline void expect_golden(std::string_view area, std::string_view name, std::string_view text) {
  const std::filesystem::path file = golden_file(area, name);
  if (updating_golden()) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    EXPECT_TRUE(stream.flush()) << file << " cannot be written";
    return;
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    ADD_FAILURE() << file << " does not exist; run with NEUROTOOL_UPDATE_GOLDEN=1 to write it";
    return;
  }
  const std::string wanted{std::istreambuf_iterator<char>(stream),
                           std::istreambuf_iterator<char>()};
  EXPECT_EQ(wanted, text) << "differs from " << file
                          << "; if the new text is right, run with NEUROTOOL_UPDATE_GOLDEN=1";
}

}  // namespace neurotool::test
