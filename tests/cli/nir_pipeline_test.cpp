// The shipped pipelines that read and write NIR files, from the command line to the bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "base/json.hpp"
#include "io/nir/data.hpp"
#include "io/nir/nir_file.hpp"
#include "support/test_data.hpp"
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

TEST_F(NirPipelines, WhatIsForSinabsNeedsItsAdapterAloneAndTheDataAreOfItsNodes) {
  ASSERT_EQ(run("nir_export_sinabs.yaml").exit, 0);
  const std::string file_name = artifact("mnist.nir").string();
  const ToolResult lint = run_tool({"nir", "lint", file_name, "--for", "sinabs"});
  EXPECT_EQ(lint.exit, 1) << lint.err;
  for (const char* mended : {"misreads the graph [own-spikes]", "misreads the graph [own-start]"}) {
    EXPECT_THAT(lint.out, HasSubstr(mended));
  }
  const auto count = [&](const std::string& part) {
    std::size_t found = 0;
    for (auto at = lint.out.find(part); at != std::string::npos; at = lint.out.find(part, at + 1)) {
      ++found;
    }
    return found;
  };
  EXPECT_EQ(count("misreads") + count("drops") + count("refuses"), 2U) << lint.out;
  EXPECT_EQ(count("load it with its adapter of tools/nir_adapters"), 2U) << lint.out;
  Diagnostics diagnostics;
  const auto file = nir::read(artifact("mnist.nir"), diagnostics);
  const auto data = nir::read_data(artifact("mnist.data.nir"));
  ASSERT_TRUE(file && data);
  EXPECT_EQ(data->nodes.size(), 5U);
  for (const auto& [name, recorded] : data->nodes) {
    EXPECT_NE(file->graph.find(name), nullptr) << name;
  }
}

/// A pipeline that only plans, and exports a Lava network.
ToolResult plan_netx(const TempFolder& folder, const std::string& model, const std::string& passes,
                     const std::string& file) {
  const std::string text = "version: 1\nmodel: " + model + "\npasses: " + passes +
                           "\nrun: { mode: plan }\nexport: { netx: " + file +
                           " }\nreport: { directory: out }\n";
  std::ofstream(folder / "lava.yaml") << text;
  return run_tool({.arguments = {"--config", "lava.yaml"}, .folder = folder.path()});
}

TEST(NetxPipelines, WhatIsWrittenReadsAsTheSameNetwork) {
  const fs::path published = test_data() / "lava-examples/mnist_mlp/trained_mnist_network.net";
  NT_NEEDS_DATA(published);
  const TempFolder folder;
  const ToolResult first = plan_netx(folder, published.string(), "[]", "again.net");
  ASSERT_EQ(first.exit, 0) << first.err;
  const fs::path again = folder / "out/artifacts/again.net";
  const std::string shown = run_tool({"inspect", again.string()}).out;
  EXPECT_THAT(shown, HasSubstr("cuba_lif[128]  threshold=4097 reset=to_value decay=3686/2^12"));
  EXPECT_THAT(shown, HasSubstr("dense[128,784]  i32 delay=1 shift=6"));
  // Nothing is lost on the way: what is read from it writes the same bytes.
  const std::string bytes = slurp(again);
  const ToolResult second = plan_netx(folder, again.string(), "[]", "third.net");
  ASSERT_EQ(second.exit, 0) << second.err;
  EXPECT_EQ(slurp(folder / "out/artifacts/third.net"), bytes);
}

TEST(NetxPipelines, WhatLavaHasNoPlaceForIsRefusedBeforeAnythingIsWritten) {
  const TempFolder folder;
  const std::string model = (kConfigs / "models/mnist_mlp_784_128_10.onnx").string();
  const ToolResult refused = plan_netx(
      folder, model, "[infer_shapes, { qcfs: { steps: 8 } }, { quantize: { weight_bits: 8 } }]",
      "mlp.net");
  EXPECT_EQ(refused.exit, 3);
  EXPECT_THAT(refused.err, HasSubstr("netx.unsupported"));
  EXPECT_FALSE(fs::exists(folder / "out/artifacts"));
  const ToolResult tensors = plan_netx(folder, model, "[infer_shapes]", "mlp.net");
  EXPECT_EQ(tensors.exit, 2);
  EXPECT_THAT(tensors.err, HasSubstr("a Lava file holds a spiking network"));
  const ToolResult outside = plan_netx(folder, model, "[infer_shapes]", "../mlp.net");
  EXPECT_EQ(outside.exit, 2);
  EXPECT_THAT(outside.err, HasSubstr("export.netx.file is '../mlp.net'"));
}

}  // namespace
}  // namespace neurotool::test
