#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "base/files.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using test::slurp;
using test::TempFolder;
using testing::ElementsAre;

std::set<std::string> names(const fs::path& folder) {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder)) found.insert(entry.path().filename());
  return found;
}

void fill(const FolderSwap& swap, const std::string& name) { std::ofstream(swap.path() / name); }

TEST(FolderSwap, StagesBesideTheFinalPlace) {
  const TempFolder folder;
  const auto swap = FolderSwap::create(folder / "out");
  ASSERT_TRUE(swap);
  EXPECT_EQ(swap->path(), folder / (".out.partial-" + std::to_string(::getpid())));
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(FolderSwap, PutsANewFolderInPlace) {
  const TempFolder folder;
  auto swap = FolderSwap::create(folder / "deep" / "er" / "out");
  ASSERT_TRUE(swap);
  fill(*swap, "new.txt");
  ASSERT_TRUE(swap->commit());
  EXPECT_THAT(names(folder / "deep" / "er"), ElementsAre("out"));
  EXPECT_THAT(names(folder / "deep" / "er" / "out"), ElementsAre("new.txt"));
}

TEST(FolderSwap, ReplacesAFolderWithAllItHolds) {
  const TempFolder folder;
  folder.write("out/sub/old.txt", "old");
  auto swap = FolderSwap::create(folder / "out/");
  ASSERT_TRUE(swap);
  fill(*swap, "new.txt");
  EXPECT_THAT(names(folder / "out"), ElementsAre("sub"));
  ASSERT_TRUE(swap->commit());
  EXPECT_THAT(names(folder.path()), ElementsAre("out"));
  EXPECT_THAT(names(folder / "out"), ElementsAre("new.txt"));
}

TEST(FolderSwap, LeavesTheOldFolderAloneWithoutCommit) {
  const TempFolder folder;
  folder.write("out/old.txt", "old");
  {
    auto swap = FolderSwap::create(folder / "out");
    ASSERT_TRUE(swap);
    fill(*swap, "new.txt");
    const FolderSwap moved = *std::move(swap);
    EXPECT_TRUE(fs::exists(moved.path() / "new.txt"));
  }
  EXPECT_THAT(names(folder.path()), ElementsAre("out"));
  EXPECT_THAT(names(folder / "out"), ElementsAre("old.txt"));
}

TEST(FolderSwap, NeverReplacesAFile) {
  const TempFolder folder;
  folder.write("out", "precious");
  EXPECT_EQ(FolderSwap::create(folder / "out").error().code, "file.not-folder");

  auto swap = FolderSwap::create(folder / "late");
  ASSERT_TRUE(swap);
  folder.write("late", "precious");
  EXPECT_EQ(swap->commit().error().code, "file.not-folder");
  EXPECT_EQ(slurp(folder / "late"), "precious");
}

TEST(FolderSwap, BringsTheOldFolderBackWhenTheNewOneIsGone) {
  const TempFolder folder;
  folder.write("out/old.txt", "old");
  auto swap = FolderSwap::create(folder / "out");
  ASSERT_TRUE(swap);
  fs::remove_all(swap->path());
  EXPECT_EQ(swap->commit().error().code, "file.unwritable");
  EXPECT_THAT(names(folder.path()), ElementsAre("out"));
  EXPECT_EQ(slurp(folder / "out/old.txt"), "old");
}

TEST(FolderSwap, RefusesPathsThatHaveNoNameOfTheirOwn) {
  for (const char* path : {"", ".", "..", "/", "a/.."}) {
    EXPECT_FALSE(FolderSwap::create(path)) << path;
  }
}

TEST(FolderSwap, FollowsALinkToAFolder) {
  const TempFolder folder;
  folder.write("real/old.txt", "old");
  fs::create_directory_symlink("real", folder / "out");
  auto swap = FolderSwap::create(folder / "out");
  ASSERT_TRUE(swap);
  fill(*swap, "new.txt");
  ASSERT_TRUE(swap->commit());
  EXPECT_TRUE(fs::is_symlink(folder / "out"));
  EXPECT_THAT(names(folder / "real"), ElementsAre("new.txt"));
}

TEST(FolderSwap, GivesEachOfTwoWritersAPlace) {
  const TempFolder folder;
  auto first = FolderSwap::create(folder / "out");
  auto second = FolderSwap::create(folder / "out");
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->path(), second->path());
  fill(*first, "first.txt");
  fill(*second, "second.txt");
  EXPECT_TRUE(first->commit());
  EXPECT_TRUE(second->commit());
  EXPECT_THAT(names(folder / "out"), ElementsAre("second.txt"));
}

}  // namespace
}  // namespace neurotool
