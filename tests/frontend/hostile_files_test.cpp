// The collection of malformed, hostile and odd files: each is refused, loaded, or either, as its
// manifest says, in under a second.
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "base/files.hpp"
#include "base/json.hpp"
#include "frontend/frontend.hpp"
#include "support/test_data.hpp"

namespace neurotool::test {
namespace {

std::string text_at(const Json& object, std::string_view key) {
  const Json* const found = object.find(key);
  return found ? std::get<std::string>(found->value()) : "";
}

TEST(HostileFiles, AreTreatedAsTheirManifestSays) {
  const auto folder = test_data() / "bad-onnx";
  NT_NEEDS_DATA(folder / "manifest.json");
  const auto text = read_file(folder / "manifest.json");
  ASSERT_TRUE(text.has_value());
  const auto manifest = Json::parse(*text);
  ASSERT_TRUE(manifest.has_value());
  int files = 0;
  for (const Json& row : std::get<Json::Array>(manifest->find("cases")->value())) {
    const std::string name = text_at(row, "file");
    SCOPED_TRACE(name);
    const std::string expected = text_at(row, "expect");
    // Of this process: the machine may be busy with other things.
    const std::clock_t begin = std::clock();
    Diagnostics diagnostics;
    const auto model = load_model(folder / name, diagnostics);
    EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC);
    EXPECT_EQ(model.has_value(), !diagnostics.has_errors());
    if (expected == "accept") {
      EXPECT_TRUE(model.has_value()) << to_string(model.error());
    }
    if (expected == "reject") {
      EXPECT_FALSE(model.has_value()) << text_at(row, "what");
    }
    ++files;
  }
  EXPECT_GT(files, 100);
}

}  // namespace
}  // namespace neurotool::test
