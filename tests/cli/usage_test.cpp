// Help, mistakes on the command line, and the small commands.
#include <gtest/gtest.h>

#include <bit>

#include "base/json.hpp"
#include "support/zip.hpp"
#include "transcript.hpp"

namespace neurotool::test {
namespace {

std::string joined(const std::vector<std::string>& words, char with) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(1, with)) + word;
  return text;
}

TEST(Help, IsShortAndLongForEveryCommand) {
  const std::vector<std::vector<std::string>> commands{
      {},          {"run"},      {"doctor"},         {"inspect"},    {"opt"},
      {"passes"},  {"targets"},  {"plugin"},         {"schema"},     {"explain"},
      {"version"}, {"generate"}, {"plugin", "path"}, {"as"},         {"dis"},
      {"run-sco"}, {"nir"},      {"nir", "lint"},    {"nir", "diff"}};
  for (const auto& command : commands) {
    const std::string name = command.empty() ? "neurotool" : joined(command, '_');
    for (const char* flag : {"-h", "--help"}) {
      std::vector<std::string> arguments = command;
      arguments.emplace_back(flag);
      const ToolResult result = run_tool(arguments);
      EXPECT_EQ(result.exit, 0) << name;
      EXPECT_EQ(result.err, "") << name;
      expect_golden("cli", (flag[1] == 'h' ? "help_short_" : "help_long_") + name, result.out);
    }
  }
}

TEST(Help, FitsEightyColumns) {
  for (const char* command : {"run", "opt", "targets"}) {
    const std::string text = run_tool({command, "-h"}).out;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      EXPECT_LE(end - begin, 80u) << text.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

TEST(Usage, WithoutArgumentsShowsHelpOnStderr) {
  const ToolResult result = run_tool(std::vector<std::string>{});
  EXPECT_EQ(result.exit, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("usage"), std::string::npos);
}

TEST(Usage, NamesMistakes) {
  const std::vector<std::vector<std::string>> mistakes{
      {"--confg", "p.yaml"},
      {"doctor", "--config", "p.yaml", "--samples", "0"},
      {"inspct", "net.onnx"},
      {"p.yaml"},
      {"run"},
      {"run", "p.yaml", "another.yaml"},
      {"run", "p.yaml", "--format", "yaml"},
      {"run", "p.yaml", "--threads", "many"},
      {"run", "p.yaml", "--set"},
      {"--config", "p.yaml", "inspect", "net.onnx"},
      {"opt", "net.onnx"},
      {"plugin", "liste"},
      {"generate", "tcsh"},
      {"passes", "qfcs"},
      {"explain", "config.rang"},
      {"run", "p.yaml", "--dump-ir=qfcs"},
      {"run", "p.yaml", "--dump-ir", "--dry-run"},
      {"inspect", "net.onnx", "--dot", "--json"},
  };
  std::string all;
  for (const auto& arguments : mistakes) {
    const ToolResult result = run_tool(arguments);
    EXPECT_EQ(result.exit, 2) << joined(arguments, ' ');
    EXPECT_EQ(result.out, "") << joined(arguments, ' ');
    all += "$ neurotool " + joined(arguments, ' ') + "\n" + result.err + "\n";
  }
  expect_golden("cli", "usage", all);
}

TEST(Explain, PrintsThePageOfACode) {
  const ToolResult result = run_tool({"explain", "run.steps-differ"});
  EXPECT_EQ(result.exit, 0);
  EXPECT_TRUE(result.out.starts_with("# run.steps-differ\n")) << result.out;
}

TEST(Explain, ListsAllPages) {
  const ToolResult result = run_tool({"explain"});
  EXPECT_EQ(result.exit, 0);
  for (const char* code : {"cli.usage", "config.range", "run.expect"}) {
    EXPECT_NE(result.out.find(std::string(code) + "\n"), std::string::npos) << code;
  }
}

TEST(Version, PrintsFiveVersions) {
  // The option that people try first is the command.
  EXPECT_EQ(run_tool({"--version"}).out, run_tool({"version"}).out);
  EXPECT_THAT(run_tool({"--version"}).out, testing::StartsWith("neurotool "));
  const auto json = Json::parse(run_tool({"version", "--json"}).out);
  ASSERT_TRUE(json.has_value());
  for (const char* key : {"neurotool", "plugin_abi", "pipeline", "report", "snapshot"}) {
    EXPECT_NE(json->find(key), nullptr) << key;
  }
}

TEST(Passes, ListsAndDescribes) {
  const ToolResult list = run_tool({"passes"});
  EXPECT_EQ(list.exit, 0);
  EXPECT_NE(list.out.find("qcfs"), std::string::npos);
  const ToolResult one = run_tool({"passes", "qcfs"});
  EXPECT_EQ(one.exit, 0);
  EXPECT_NE(one.out.find("steps"), std::string::npos);
}

TEST(Targets, ListsAndDescribes) {
  const ToolResult list = run_tool({"targets"});
  EXPECT_EQ(list.exit, 0);
  EXPECT_NE(list.out.find("cpu"), std::string::npos) << list.err;
  const ToolResult one = run_tool({"targets", "cpu"});
  EXPECT_EQ(one.exit, 0) << one.err;
  EXPECT_NE(one.out.find("nt.simulate/1"), std::string::npos);
  EXPECT_EQ(run_tool({"targets", "cpi"}).exit, 4);
}

TEST(Targets, ShowABrokenPluginInOneLine) {
  const TempFolder temp;
  temp.write("neurotool_broken.so", "no library");
  const ToolResult list = run_tool({"targets", "--plugin-path", temp.path().string()});
  EXPECT_EQ(list.exit, 0);
  EXPECT_NE(list.out.find("broken"), std::string::npos);
  EXPECT_NE(list.out.find("cpu"), std::string::npos);
}

TEST(Schema, IsJsonWithPassesAndTargets) {
  const ToolResult result = run_tool({"schema"});
  EXPECT_EQ(result.exit, 0);
  ASSERT_TRUE(Json::parse(result.out).has_value());
  EXPECT_NE(result.out.find("\"qcfs\""), std::string::npos);
  EXPECT_NE(result.out.find("\"cpu\""), std::string::npos);
}

TEST(Inspect, ShowsShapesAndCounts) {
  const Workplace place;
  const ToolResult result = place.run({"inspect", "net.onnx"});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_NE(result.out.find("parameters   101,770"), std::string::npos) << result.out;
  EXPECT_TRUE(place.run({"inspect", "net.onnx", "--dot"}).out.starts_with("digraph"));
  EXPECT_TRUE(Json::parse(place.run({"inspect", "net.onnx", "--json"}).out).has_value());
}

TEST(Inspect, SaysOfEachNodeWhereItGoes) {
  const Workplace place;
  const ToolResult text = place.run({"inspect", "cnn.onnx"});
  EXPECT_NE(text.out.find(" nodes: "), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("  spiking  Conv"), std::string::npos) << text.out;
  const auto json = Json::parse(place.run({"inspect", "cnn.onnx", "--json"}).out);
  ASSERT_TRUE(json.has_value());
  EXPECT_NE(json->find("nodes_of_file"), nullptr);
}

/// `count` equal floats as a .npy file.
std::string npy(const std::string& shape, std::size_t count, float value) {
  const std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }\n";
  std::string bytes("\x93NUMPY\x01\0", 8);
  put_little(bytes, static_cast<std::uint32_t>(header.size()), 2);
  bytes += header;
  for (std::size_t i = 0; i < count; ++i) put_little(bytes, std::bit_cast<std::uint32_t>(value), 4);
  return bytes;
}

TEST(Inspect, ComparesWithAReferenceAndSaysNoWhenItDiffers) {
  const Workplace place;
  const auto reference = [&](float answer, const std::string& tolerance) {
    place.write("ref.npz", stored_zip({{"input.npy", npy("1, 1, 28, 28", 784, 0)},
                                       {"logits.npy", npy("1, 10", 10, answer)}}));
    return place.run({"inspect", "net.onnx", "--check", "ref.npz", "--tolerance", tolerance});
  };
  const ToolResult right = reference(0, "100");
  EXPECT_EQ(right.exit, 0) << right.err;
  const ToolResult wrong = reference(1e6f, "0.1");
  EXPECT_EQ(wrong.exit, 1) << wrong.err;
  EXPECT_NE(wrong.out.find("1 of 1 values differ from the reference"), std::string::npos);
  EXPECT_EQ(place.run({"inspect", "net.onnx", "--check", "none.npz"}).exit, 3);
}

TEST(Inspect, TakesNumbersForFreeExtents) {
  const Workplace place;
  const ToolResult bound = place.run({"inspect", "net.onnx", "--dim", "N=4"});
  EXPECT_EQ(bound.exit, 0) << bound.err;
  EXPECT_NE(bound.out.find("f32[4,1,28,28]"), std::string::npos);
  EXPECT_EQ(place.run({"inspect", "net.onnx", "--dim", "seq"}).exit, 2);
  EXPECT_EQ(place.run({"inspect", "net.onnx", "--dim", "seq=4"}).exit, 3);
}

TEST(Inspect, RefusesWhatIsNoModel) {
  const Workplace place;
  EXPECT_EQ(place.run({"inspect", "labels.gz"}).exit, 3);
  EXPECT_EQ(place.run({"inspect", "nothing.onnx"}).exit, 3);
}

TEST(Opt, PrintsTheSpikingNetwork) {
  const Workplace place;
  const ToolResult result =
      place.run({"opt", "net.onnx", "--passes", "infer_shapes,qcfs{steps=4}"});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("spike ")) << result.out;
}

TEST(Opt, PointsIntoItsArgument) {
  const Workplace place;
  expect_golden("cli", "opt_mistakes",
                transcript(place.run({"opt", "net.onnx", "--passes", "quantize,qcfs"})) +
                    transcript(place.run({"opt", "net.onnx", "--passes", "qcfs{steps=8"})));
}

TEST(Generate, PrintsACompletionThatBashAccepts) {
  const ToolResult result = run_tool({"generate", "bash"});
  ASSERT_EQ(result.exit, 0);
  const TempFolder temp;
  const auto file = temp.write("completion.bash", result.out);
  EXPECT_EQ(run_program("/bin/bash", {.arguments = {"-n", file.string()}}).exit, 0);
  const std::string ask =
      "source " + file.string() +
      "; COMP_WORDS=(neurotool run p.yaml --format t); COMP_CWORD=4; _neurotool; "
      "echo \"${COMPREPLY[@]}\"; COMP_WORDS=(neurotool plu); COMP_CWORD=1; "
      "_neurotool; echo \"${COMPREPLY[@]}\"";
  EXPECT_EQ(run_program("/bin/bash", {.arguments = {"-c", ask}, .folder = temp.path()}).out,
            "text\nplugin\n");
}

TEST(Generate, PrintsTheOthersToo) {
  EXPECT_TRUE(run_tool({"generate", "man"}).out.starts_with(".TH NEUROTOOL 1"));
  EXPECT_TRUE(run_tool({"generate", "zsh"}).out.starts_with("#compdef neurotool"));
  EXPECT_NE(run_tool({"generate", "fish"}).out.find("complete -c neurotool"), std::string::npos);
}

}  // namespace
}  // namespace neurotool::test
