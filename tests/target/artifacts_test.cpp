#include "target/artifacts.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using test::slurp;
using test::TempFolder;

TEST(ArtifactName, MayBeARelativePathOfPlainWords) {
  for (const char* good : {"a", "program.asm", "core/0/weights.bin", "n\xC3\xA4me.txt", "a b"}) {
    EXPECT_EQ(artifact_name_refusal(good), "") << good;
  }
}

TEST(ArtifactName, MayNotLeaveHideOrUpsetATerminal) {
  const std::string long_name(2000, 'a');
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("/etc/passwd"), std::string_view("../x"),
        std::string_view("a/../x"), std::string_view("a/./x"), std::string_view("a//x"),
        std::string_view("a/"), std::string_view(".hidden"), std::string_view("a\\b"),
        std::string_view("a\nb"), std::string_view("a\0b", 3), std::string_view("\xFF"),
        std::string_view(long_name)}) {
    EXPECT_NE(artifact_name_refusal(bad), "") << bad;
  }
}

TEST(Artifacts, KeepsWhatIsWrittenInPieces) {
  const TempFolder folder;
  Artifacts artifacts(folder.path());
  Artifacts::Writer* writer = *artifacts.open("code/a.txt");
  ASSERT_TRUE(artifacts.write(*writer, "one ", 4));
  ASSERT_TRUE(artifacts.write(*writer, "two", 3));
  ASSERT_TRUE(artifacts.close(*writer));
  ASSERT_TRUE(artifacts.finish(true));
  EXPECT_EQ(slurp(folder / "code/a.txt"), "one two");
  EXPECT_EQ(artifacts.names(), std::vector<std::string>{"code/a.txt"});
}

TEST(Artifacts, RefusesUseAfterClose) {
  const TempFolder folder;
  Artifacts artifacts(folder.path());
  Artifacts::Writer* writer = *artifacts.open("a");
  ASSERT_TRUE(artifacts.close(*writer));
  EXPECT_EQ(artifacts.write(*writer, "x", 1).error().code, "target.misbehaved");
  EXPECT_EQ(artifacts.close(*writer).error().code, "target.misbehaved");
  EXPECT_EQ(artifacts.open("a").error().code, "target.misbehaved");
}

TEST(Artifacts, OfAFailedCallAreRemoved) {
  const TempFolder folder;
  Artifacts artifacts(folder.path());
  ASSERT_TRUE(artifacts.close(**artifacts.open("a")));
  ASSERT_TRUE(artifacts.open("b"));
  EXPECT_TRUE(artifacts.finish(false));
  EXPECT_FALSE(fs::exists(folder / "a"));
  EXPECT_FALSE(fs::exists(folder / "b"));
}

TEST(Artifacts, LeftOpenByACallThatSucceededAreAMistake) {
  const TempFolder folder;
  Artifacts artifacts(folder.path());
  ASSERT_TRUE(artifacts.open("a"));
  const auto result = artifacts.finish(true);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "artifact 'a' was never closed");
  EXPECT_FALSE(fs::exists(folder / "a"));
}

TEST(Artifacts, StopAtTheirLimits) {
  const TempFolder folder;
  Artifacts artifacts(folder.path(), {.files = 1, .bytes = 3});
  Artifacts::Writer* writer = *artifacts.open("a");
  ASSERT_TRUE(artifacts.write(*writer, "123", 3));
  EXPECT_EQ(artifacts.write(*writer, "4", 1).error().code, "target.too-much");
  EXPECT_EQ(artifacts.open("b").error().code, "target.too-much");
}

TEST(Artifacts, ReplaceALinkInsteadOfFollowingIt) {
  const TempFolder folder;
  const fs::path outside = folder.write("outside.txt", "mine");
  fs::create_directory(folder / "artifacts");
  fs::create_symlink(outside, folder / "artifacts/a");
  Artifacts artifacts(folder / "artifacts");
  Artifacts::Writer* writer = *artifacts.open("a");
  ASSERT_TRUE(artifacts.write(*writer, "theirs", 6));
  ASSERT_TRUE(artifacts.close(*writer));
  EXPECT_EQ(slurp(outside), "mine");
}

TEST(Artifacts, NameTheFileThatCannotBeWritten) {
  const TempFolder folder;
  folder.write("taken", "a file");
  Artifacts artifacts(folder.path());
  const auto result = artifacts.open("taken/a");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "target.artifact");
  EXPECT_NE(result.error().message.find("taken/a"), std::string::npos);
}

}  // namespace
}  // namespace neurotool
