// docs/pipeline.md and docs/report.md are prose; this keeps them complete.
#include <gtest/gtest.h>

#include "config/pipeline.hpp"
#include "session/metrics.hpp"
#include "session/report.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

std::string page(const char* name) {
  return test::slurp(std::filesystem::path(NEUROTOOL_TESTS_DIR) / ".." / "docs" / name);
}

TEST(PipelinePage, NamesEveryKey) {
  const std::string text = page("pipeline.md");
  for (const SectionInfo& section : pipeline_sections()) {
    if (section.path.starts_with("data.calibration")) continue;  // "the same keys"
    if (section.path.starts_with("data.train")) continue;
    for (const OptionInfo& row : section.rows) {
      const std::string key = section.path.empty() ? row.key : section.path + "." + row.key;
      EXPECT_NE(text.find("`" + key + "`"), text.npos) << key;
    }
  }
}

TEST(ReportPage, NamesEveryKeyOfTheReport) {
  const std::string text = page("report.md");
  const Json report = report_json(Report{});
  for (const auto& [key, value] : std::get<Json::Object>(report.value())) {
    EXPECT_NE(text.find("`" + key + "`"), text.npos) << key;
  }
}

TEST(ReportPage, NamesTheWellKnownMetrics) {
  const std::string text = page("report.md");
  for (const std::string_view name : {kSpikesTotal, kSynapticOpsTotal, kInputMacsTotal}) {
    EXPECT_NE(text.find("`" + std::string(name) + "`"), text.npos) << name;
  }
}

}  // namespace
}  // namespace neurotool
