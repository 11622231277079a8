#include "target/search.hpp"

#include <gmock/gmock.h>

#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;
using ::testing::ElementsAre;

SearchEnvironment environment() {
  return {.plugin_path = "/env/a:relative::/env/b/../b:/typed",
          .data_home = "/data",
          .home = "/home/me",
          .executable = "/opt/nt/bin/neurotool"};
}

TEST(PluginSearch, LooksInOneOrderAndNeverInARelativeFolder) {
  const PluginSearch search({.files = {}, .folders = {"/typed"}}, environment());
  EXPECT_THAT(search.folders(),
              ElementsAre("/typed", "/env/a", "/env/b", "/data/neurotool/plugins/0",
                          fs::path("/opt/nt") / NEUROTOOL_PLUGIN_RELATIVE_DIR));
}

TEST(PluginSearch, FallsBackToTheHomeFolder) {
  SearchEnvironment outside = environment();
  outside.plugin_path.clear();
  for (const char* unusable : {"", "relative/data"}) {
    outside.data_home = unusable;
    EXPECT_EQ(PluginSearch({}, outside).folders().front(),
              "/home/me/.local/share/neurotool/plugins/0");
  }
}

TEST(PluginSearch, KnowsWhenItKnowsNothing) { EXPECT_TRUE(PluginSearch({}, {}).folders().empty()); }

TEST(PluginSearch, FirstHitWins) {
  const TempFolder folder;
  const fs::path first = folder.write("a/neurotool_x.so", "");
  folder.write("b/neurotool_x.so", "");
  const fs::path only = folder.write("b/neurotool_y.so", "");
  const PluginSearch search({.files = {}, .folders = {folder / "a", folder / "b"}}, {});
  EXPECT_EQ(search.find("x"), first);
  EXPECT_EQ(search.find("x.fast"), first);
  EXPECT_EQ(search.find("y"), only);
  EXPECT_EQ(search.find("z"), std::nullopt);
}

TEST(PluginSearch, AFileThatWasNamedComesBeforeEveryFolder) {
  const TempFolder folder;
  folder.write("a/neurotool_x.so", "");
  const fs::path named = folder.write("b/neurotool_x.so", "");
  const PluginSearch search({.files = {named}, .folders = {folder / "a"}}, {});
  EXPECT_EQ(search.find("x"), named);
}

TEST(PluginSearch, ANameNeverBecomesAPath) {
  const TempFolder folder;
  folder.write("neurotool_x.so", "");
  const PluginSearch search({.files = {}, .folders = {folder / "sub", folder.path()}}, {});
  for (const char* odd : {"", "../x", "/x", "x/y", "X", "x y", ".x"}) {
    EXPECT_EQ(search.find(odd), std::nullopt) << odd;
  }
}

TEST(PluginSearch, ListsPluginsByNameAndLeavesTheRest) {
  const TempFolder folder;
  for (const char* name : {"neurotool_b.so", "neurotool_a.so", "libneurotool.so", "neurotool_.so",
                           "neurotool_A.so", "neurotool_a.so.1"}) {
    folder.write(name, "");
  }
  std::vector<std::string> stems;
  for (const auto& found : PluginSearch({.files = {}, .folders = {folder.path()}}, {}).all()) {
    stems.push_back(found.stem);
  }
  EXPECT_THAT(stems, ElementsAre("a", "b"));
}

TEST(TargetName, IsAWordOrTwo) {
  for (const char* good : {"cpu", "loihi2", "loihi2.fast", "acme_chip"}) {
    EXPECT_TRUE(is_target_name(good)) << good;
  }
  for (const char* bad : {"", "Cpu", "2x", "a.", ".a", "a.b.c", "a-b", "a/b"}) {
    EXPECT_FALSE(is_target_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace neurotool
