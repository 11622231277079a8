// `neurotool nir`: what is printed, what is written, and the exit codes.
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "io/netx/netx.hpp"
#include "io/nir/nir_file.hpp"
#include "support/test_data.hpp"
#include "transcript.hpp"

namespace neurotool::test {
namespace {

using namespace nir;  // the primitives

Graph network() {
  const Shape image{1, 4, 4}, maps{2, 4, 4}, pooled{2, 2, 2};
  Graph graph;
  add(graph, "data", nir::Input{shape_tensor(image)});
  add(graph, "conv.1",
      nir::Conv2d{pair_tensor(4, 4), filled({2, 1, 3, 3}, 1), int_tensor(1), std::string("same"),
                  int_tensor(1), int_tensor(1), filled({2}, 0)});
  add(graph, "if.1", IF{filled({1}, 1), filled({2}, 1), {}});
  add(graph, "pool", AvgPool2d{pair_tensor(2, 2), pair_tensor(2, 2), pair_tensor(0, 0)});
  add(graph, "flatten", Flatten{int_tensor(0), int_tensor(-1), {}});
  add(graph, "fc", Linear{filled({3, 8}, 1)});
  add(graph, "out", Output{shape_tensor({3})});
  connect(graph,
          std::vector<std::string>{"data", "conv.1", "if.1", "pool", "flatten", "fc", "out"});
  connect(graph, "data", "conv.1");
  return graph;
}

class NirCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    Diagnostics diagnostics;
    ASSERT_TRUE(nir::write(folder_ / "net.nir", {"1.0.7", network()}, diagnostics).has_value());
  }

  ToolResult run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "nir");
    return run_tool({.arguments = std::move(arguments), .folder = folder_.path()});
  }

  std::string transcript(const std::vector<std::string>& arguments, int exit) const {
    const ToolResult result = run(arguments);
    EXPECT_EQ(result.exit, exit) << result.err;
    std::string line = "$ neurotool nir";
    for (const std::string& word : arguments) line += " " + word;
    return line + "\n" + result.out + result.err;
  }

  TempFolder folder_;
};

TEST_F(NirCommands, LintSaysWhatReadersDo) {
  expect_golden("cli", "nir_lint", transcript({"lint", "net.nir"}, 1));
}

TEST_F(NirCommands, FixWritesAFileThatReadersLoad) {
  // One after the other: each uses what the one before wrote.
  std::string all =
      transcript({"lint", "net.nir", "--for", "nir,norse,sinabs", "--fix", "fixed.nir"}, 0);
  all += transcript({"lint", "fixed.nir", "--for", "nir,norse,sinabs", "--strict"}, 0);
  all += transcript({"diff", "net.nir", "fixed.nir"}, 1);
  all += transcript({"diff", "fixed.nir", "fixed.nir"}, 0);
  expect_golden("cli", "nir_lint_fix", all);
}

TEST_F(NirCommands, DiffRunsBothUnderAPreset) {
  run({"lint", "net.nir", "--for", "nir", "--fix", "fixed.nir"});
  const ToolResult same =
      run({"diff", "net.nir", "fixed.nir", "--preset", "norse", "--format", "json"});
  EXPECT_EQ(same.exit, 1) << same.err;  // the form differs
  const auto json = Json::parse(same.out);
  ASSERT_TRUE(json.has_value());
  const auto& runs = std::get<Json::Array>(json->find("runs")->value());
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(std::get<std::int64_t>(runs[0].find("different")->value()), 0);
  EXPECT_GT(std::get<std::int64_t>(runs[0].find("values")->value()), 0);
  EXPECT_EQ(run({"diff", "net.nir", "net.nir", "--preset", "nrose"}).exit, 2);
}

TEST_F(NirCommands, JsonHoldsTheSame) {
  const ToolResult result = run({"lint", "net.nir", "--for", "sinabs", "--format", "json"});
  EXPECT_EQ(result.exit, 1);
  const auto json = Json::parse(result.out);
  ASSERT_TRUE(json.has_value());
  const auto& findings = std::get<Json::Array>(json->find("findings")->value());
  ASSERT_FALSE(findings.empty());
  EXPECT_NE(findings[0].find("rule"), nullptr);
  const auto diff = Json::parse(run({"diff", "net.nir", "net.nir", "--format", "json"}).out);
  ASSERT_TRUE(diff.has_value());
  EXPECT_TRUE(std::get<Json::Array>(diff->find("differences")->value()).empty());
}

TEST_F(NirCommands, LavaNetworksAreModels) {
  netx::Network network;
  netx::Layer layer{"dense", {2}, {}, std::nullopt};
  layer.values.members.push_back({"weight", filled({2, 3}, 4), {}});
  network.layers = {{"input", {3}, {}, std::nullopt}, layer};
  ASSERT_TRUE(netx::write(folder_ / "net.net", network).has_value());
  const ToolResult result =
      run_tool({.arguments = {"inspect", "net.net"}, .folder = folder_.path()});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_NE(result.out.find("dense_1"), std::string::npos) << result.out;
}

TEST_F(NirCommands, WhatReadingPassesOverIsAFinding) {
  const std::filesystem::path folder = test_data() / "nir-examples/tolerance";
  NT_NEEDS_DATA(folder);
  for (const char* name : {"dangling_edge", "duplicate_edge", "extra_dataset_in_node",
                           "vlen_utf8_but_shape_1", "graph_with_input_type_dataset"}) {
    SCOPED_TRACE(name);
    const std::string file = (folder / (std::string(name) + ".nir")).string();
    EXPECT_EQ(run({"lint", file, "--for", "nir"}).exit, 1);
    const bool lost = std::string_view(name) == "dangling_edge";
    EXPECT_EQ(run({"lint", file, "--for", "nir", "--fix", "out.nir"}).exit, lost ? 1 : 0);
    EXPECT_EQ(run({"lint", "out.nir", "--for", "nir"}).exit, 0);
  }
  const std::string swapped = (folder / "big_endian_f4.nir").string();
  EXPECT_EQ(run({"lint", swapped, "--for", "nir"}).exit, 0);
  EXPECT_EQ(run({"lint", swapped, "--for", "norse"}).exit, 1);
}

/// As 1.0.7 does, and 1.0.8, which also refuses double edges and the types of a graph.
TEST_F(NirCommands, LintRefusesWhatTheNirPackageRefuses) {
  const std::filesystem::path folder = test_data() / "nir-examples/tolerance";
  NT_NEEDS_DATA(folder);
  const auto json = Json::parse(slurp(folder / "verdicts.json"));
  ASSERT_TRUE(json.has_value());
  std::size_t refused = 0;
  for (const auto& [name, verdicts] : std::get<Json::Object>(json->value())) {
    SCOPED_TRACE(name);
    const auto ok = [&](const char* version) {
      return std::get<std::string>(verdicts.find(version)->value()) == "ok";
    };
    const bool newest_only =
        name == "duplicate_edge.nir" || name == "graph_with_input_type_dataset.nir";
    const bool refuses = !ok("v1.0.7") || newest_only;
    const int exit = run({"lint", (folder / name).string(), "--for", "nir"}).exit;
    EXPECT_EQ(exit != 0, refuses) << exit;
    refused += refuses ? 1 : 0;
  }
  EXPECT_GT(refused, 10U);
}

TEST_F(NirCommands, MistakesAreNamed) {
  folder_.write("text.nir", "hello");
  expect_golden(
      "cli", "nir_mistakes",
      transcript({"lint", "net.nir", "--for", "nrose"}, 2) +
          transcript({"lint", "nowhere.nir"}, 3) + transcript({"lint", "text.nir"}, 3) +
          transcript({"lint", "net.nir", "--strict"}, 3) +
          transcript({"lint", "net.nir", "--fix", "out.nir", "--max-nir-version", "2.0"}, 3));
}

}  // namespace
}  // namespace neurotool::test
