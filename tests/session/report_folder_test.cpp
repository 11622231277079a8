#include "session/report_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

void touch(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "old";
}

TEST(ReportFolder, AppearsOnlyWhenItIsComplete) {
  const test::TempFolder temp;
  const fs::path out = temp.path() / "a" / "b" / "out";
  ReportFolder folder(out, {});
  ASSERT_TRUE(folder.write("report.json", "{}").has_value());
  EXPECT_FALSE(fs::exists(out));
  ASSERT_TRUE(folder.commit().has_value());
  EXPECT_TRUE(fs::exists(out / "report.json"));
}

TEST(ReportFolder, LeavesNoTraceWithoutCommit) {
  const test::TempFolder temp;
  {
    ReportFolder folder(temp.path() / "a" / "b" / "out", {});
    ASSERT_TRUE(folder.write("report.json", "{}").has_value());
  }
  EXPECT_TRUE(fs::is_empty(temp.path()));
}

TEST(ReportFolder, LeavesTheOldReportWithoutCommit) {
  const test::TempFolder temp;
  touch(temp.path() / "out" / "report.json");
  {
    ReportFolder folder(temp.path() / "out", {});
    ASSERT_TRUE(folder.write("report.json", "{}").has_value());
  }
  EXPECT_EQ(*read_file(temp.path() / "out" / "report.json"), "old");
}

TEST(ReportFolder, ReplacesAnOldReport) {
  const test::TempFolder temp;
  touch(temp.path() / "out" / "report.json");
  touch(temp.path() / "out" / "ir" / "01-qcfs.txt");
  ReportFolder folder(temp.path() / "out", {});
  ASSERT_TRUE(folder.write("report.json", "new").has_value());
  ASSERT_TRUE(folder.commit().has_value());
  EXPECT_EQ(*read_file(temp.path() / "out" / "report.json"), "new");
  EXPECT_FALSE(fs::exists(temp.path() / "out" / "ir"));
}

TEST(ReportFolder, RefusesAFolderWithSomethingElse) {
  const test::TempFolder temp;
  touch(temp.path() / "out" / "report.json");
  touch(temp.path() / "out" / "thesis.tex");
  const auto checked = ReportFolder(temp.path() / "out", {}).check();
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, "run.report-folder");
  EXPECT_NE(checked.error().message.find("'thesis.tex'"), std::string::npos);
}

TEST(ReportFolder, RefusesAFolderWithoutReport) {
  const test::TempFolder temp;
  touch(temp.path() / "out" / "artifacts" / "mine.bin");
  const auto checked = ReportFolder(temp.path() / "out", {}).check();
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, "run.report-folder");
}

TEST(ReportFolder, TakesAnEmptyFolder) {
  const test::TempFolder temp;
  fs::create_directory(temp.path() / "out");
  EXPECT_TRUE(ReportFolder(temp.path() / "out", {}).check().has_value());
}

TEST(ReportFolder, DropsAnEmptyArtifactsFolder) {
  const test::TempFolder temp;
  ReportFolder folder(temp.path() / "out/", {});
  ASSERT_TRUE(folder.folder("artifacts").has_value());
  ASSERT_TRUE(folder.commit().has_value());
  EXPECT_FALSE(fs::exists(temp.path() / "out" / "artifacts"));
}

}  // namespace
}  // namespace neurotool
