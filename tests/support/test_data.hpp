// Where the large data of the tests is: the folder that NEUROTOOL_TEST_DATA names, or `shared`
// beside the repository. Tests that need it skip when it is not there.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace neurotool::test {

inline std::filesystem::path test_data() {
  const char* const named = std::getenv("NEUROTOOL_TEST_DATA");
  if (named != nullptr && *named != '\0') return named;
  return std::filesystem::path(NEUROTOOL_TESTS_DIR) / ".." / ".." / "shared";
}

}  // namespace neurotool::test

/// Skips the test unless the file is there.
#define NT_NEEDS_DATA(path)                                                                \
  if (!std::filesystem::exists(path)) {                                                    \
    GTEST_SKIP() << (path) << " is not there; set NEUROTOOL_TEST_DATA to the data folder"; \
  }                                                                                        \
  static_assert(true)
