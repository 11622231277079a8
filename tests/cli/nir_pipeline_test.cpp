// The shipped pipelines that read and write NIR files, from the command line to the bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/json.hpp"
#include "io/nir/data.hpp"
#include "io/nir/nir_file.hpp"
#include "transcript.hpp"

namespace neurotool::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kConfigs = fs::path(NEUROTOOL_TESTS_DIR) / ".." / "configs";

class NirPipelines : public ::testing::Test {
 protected:
  ToolResult run(const std::string& config, std::vector<std::string> sets = {}) const {
    std::vector<std::string> arguments{"--config", (kConfigs / config).string()};
    sets.push_back("report.directory=" + (folder_ / "out").string());
    sets.push_back("data.test.count=200");
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    return run_tool({.arguments = arguments, .folder = folder_.path()});
  }
  fs::path artifact(const std::string& name) const { return folder_ / "out/artifacts" / name; }
  Json report() const { return *Json::parse(slurp(folder_ / "out/report.json")); }

  TempFolder folder_;
};

TEST_F(NirPipelines, EveryShippedOneExportsAFaithfulFile) {
  std::set<std::string> ran;
  for (const fs::directory_entry& entry : fs::directory_iterator(kConfigs)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("nir_")) continue;
    SCOPED_TRACE(name);
    const ToolResult result = run(name);
    ASSERT_EQ(result.exit, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("NIR file artifacts/"));
    EXPECT_THAT(result.out, HasSubstr("0 % of the spikes differ"));
    const Json all = report();
    const Json& said = *all.find("nir_export");
    EXPECT_EQ(*said.find("faithful"), Json(true));
    std::int64_t spikes = 0;
    for (const Json& layer : std::get<Json::Array>(said.find("check")->find("layers")->value())) {
      EXPECT_EQ(*layer.find("mismatches"), Json(std::int64_t{0}));
      spikes += std::get<std::int64_t>(layer.find("spikes")->value());
    }
    EXPECT_GT(spikes, 1000);
    ran.insert(name);
  }
  EXPECT_THAT(ran, testing::IsSupersetOf(
                       {"nir_export_norse.yaml", "nir_export_sinabs.yaml", "nir_roundtrip.yaml"}));
}

TEST_F(NirPipelines, AnotherReaderIsExitOneWithItsNumberAndNoFile) {
  const ToolResult result =
      run("nir_export_sinabs.yaml", {"export.nir.check=spikingjelly", "export.nir.adapter=false"});
  EXPECT_EQ(result.exit, 1);
  EXPECT_THAT(result.err, HasSubstr("error[nir.fidelity]"));
  EXPECT_THAT(result.out, HasSubstr("NIR file not written"));
  EXPECT_FALSE(fs::exists(artifact("mnist.nir")));
  EXPECT_FALSE(fs::exists(artifact("mnist.data.nir")));
  EXPECT_TRUE(fs::exists(folder_ / "out/report.json"));
  EXPECT_EQ(*report().find("nir_export")->find("faithful"), Json(false));
  const ToolResult allowed =
      run("nir_export_sinabs.yaml", {"export.nir.check=spikingjelly", "export.nir.adapter=false",
                                     "export.nir.max_mismatches=100"});
  EXPECT_EQ(allowed.exit, 0) << allowed.err;
  EXPECT_TRUE(fs::exists(artifact("mnist.nir")));
}

TEST_F(NirPipelines, WhatIsForSinabsItsLintTakesAndTheDataAreOfItsNodes) {
  ASSERT_EQ(run("nir_export_sinabs.yaml").exit, 0);
  const std::string file_name = artifact("mnist.nir").string();
  const ToolResult lint = run_tool({"nir", "lint", file_name, "--for", "sinabs"});
  EXPECT_EQ(lint.exit, 0) << lint.out << lint.err;
  Diagnostics diagnostics;
  const auto file = nir::read(artifact("mnist.nir"), diagnostics);
  const auto data = nir::read_data(artifact("mnist.data.nir"));
  ASSERT_TRUE(file && data);
  EXPECT_EQ(data->nodes.size(), 5U);
  for (const auto& [name, recorded] : data->nodes) {
    EXPECT_NE(file->graph.find(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace neurotool::test
