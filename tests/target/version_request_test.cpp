#include "target/version_request.hpp"

#include <gtest/gtest.h>

namespace neurotool {
namespace {

bool accepts(std::string_view request, std::string_view version) {
  return check_version(request, version, "org.example.demo", {}).has_value();
}

TEST(VersionRequest, ComparesNumberByNumber) {
  EXPECT_TRUE(accepts(">=1.2", "1.10.0"));
  EXPECT_TRUE(accepts("1.2", "1.2.0"));
  EXPECT_TRUE(accepts("==1.2.0", "1.2"));
  EXPECT_TRUE(accepts("> 1", "1.0.1"));
  EXPECT_TRUE(accepts("<2", "1.9-beta"));
  EXPECT_TRUE(accepts("<=2.0", "2"));
  EXPECT_TRUE(accepts("", "anything"));
  EXPECT_FALSE(accepts(">=1.2", "1.1.9"));
  EXPECT_FALSE(accepts("1.2", "1.2.1"));
  EXPECT_FALSE(accepts(">1", "1.0"));
  EXPECT_FALSE(accepts(">=1.2", "unknown"));
}

TEST(VersionRequest, SaysWhatIsInstalledAndWhatIsAsked) {
  const auto result =
      check_version(">=2", "1.2.3", "org.example.demo", FilePosition{"p.yaml", 4, 7});
  ASSERT_FALSE(result);
  EXPECT_EQ(
      to_string(result.error()),
      "p.yaml:4:7: error[target.version]: plugin 'org.example.demo' has version 1.2.3, but >=2 "
      "is asked for\n  help: install another version of the plugin, or change "
      "target.version\n");
}

TEST(VersionRequest, RefusesWhatIsNoVersion) {
  for (const char* odd : {"abc", ">=", "1..2", "=>1", "1.2x"}) {
    const auto result = check_version(odd, "1.2", "p", {});
    ASSERT_FALSE(result) << odd;
    EXPECT_NE(result.error().message.find("no version to ask for"), std::string::npos) << odd;
  }
}

}  // namespace
}  // namespace neurotool
