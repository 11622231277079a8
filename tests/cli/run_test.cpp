// Whole runs of the tool: what goes to stdout, what to stderr, what to files.
#include <gtest/gtest.h>

#include <csignal>
#include <sstream>

#include "base/json.hpp"
#include "transcript.hpp"

namespace neurotool::test {
namespace {

namespace fs = std::filesystem;

TEST(Run, PrintsTheTableAndWritesTheFolder) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline("report: { directory: out }\n"));
  const ToolResult result = place.run({"--config", "p.yaml"});
  ASSERT_EQ(result.exit, 0) << result.err;
  for (const char* word :
       {"float accuracy", "spiking accuracy", "gap", "steps", "events per neuron",
        "synaptic operations", "sparsity", "time", "simulated"}) {
    EXPECT_NE(result.out.find(word), std::string::npos) << word;
  }
  EXPECT_NE(result.err.find("report: out\n"), std::string::npos) << result.err;
  EXPECT_TRUE(fs::exists(place / "out/report.md"));
}

TEST(Run, IsTheSameAsConfig) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline());
  const auto table = [&](std::vector<std::string> arguments) {
    const std::string text = place.run(std::move(arguments)).out;
    return text.substr(0, text.find("\ntime"));
  };
  EXPECT_EQ(table({"run", "p.yaml"}), table({"--config", "p.yaml"}));
}

TEST(Run, PrintsJsonForPrograms) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline());
  const ToolResult result = place.run({"run", "p.yaml", "--format", "json", "-q"});
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto json = Json::parse(result.out);
  ASSERT_TRUE(json.has_value());
  EXPECT_NE(json->find("metrics"), nullptr);
}

TEST(DryRun, ShowsTheNetworkAndTouchesNothing) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline("report: { directory: out }\n"));
  const ToolResult result = place.run({"run", "p.yaml", "--dry-run"});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_NE(result.out.find("population"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("provisional"), std::string::npos);
  EXPECT_FALSE(fs::exists(place / "out"));
}

TEST(ExplainRun, SaysWhereEachValueIsFrom) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline());
  const ToolResult result = place.run({"run", "p.yaml", "--explain", "--set", "run.seed=7"});
  EXPECT_EQ(result.exit, 0) << result.err;
  const auto line_with = [&](const std::string& word) {
    const std::size_t at = result.out.find(word);
    if (at == result.out.npos) return std::string("not there");
    return result.out.substr(at, result.out.find('\n', at) - at);
  };
  EXPECT_NE(line_with("run.seed").find("--set #1 (run.seed=7)"), std::string::npos) << result.out;
  EXPECT_NE(line_with("run.batch").find("default"), std::string::npos) << result.out;
  EXPECT_NE(line_with("model.path").find("p.yaml:2:16"), std::string::npos) << result.out;
  EXPECT_NE(line_with("       steps").find("p.yaml:7:89"), std::string::npos) << result.out;
  EXPECT_NE(line_with("run.steps").find("p.yaml:7:74"), std::string::npos) << result.out;
  EXPECT_NE(line_with("target.version").find("neurotool_cpu.so"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("5. qcfs"), std::string::npos) << result.out;
}

TEST(DumpIr, WritesTheNetworkAfterEachPass) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline("report: { directory: out }\n"));
  ASSERT_EQ(place.run({"run", "p.yaml", "--dump-ir"}).exit, 0);
  for (const char* name : {"01-infer_shapes.txt", "05-qcfs.txt", "05-qcfs.h5"}) {
    EXPECT_TRUE(fs::exists(place / "out/ir" / name)) << name;
  }
  ASSERT_EQ(place.run({"run", "p.yaml", "--dump-ir=qcfs"}).exit, 0);
  EXPECT_FALSE(fs::exists(place / "out/ir/01-infer_shapes.txt"));
  EXPECT_TRUE(fs::exists(place / "out/ir/05-qcfs.txt"));
}

TEST(Events, AreJsonLinesThatEndWithTheReport) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline());
  const ToolResult result = place.run({"run", "p.yaml", "--events", "-"});
  ASSERT_EQ(result.exit, 0) << result.err;
  std::istringstream lines(result.out);
  std::string line;
  Json last;
  int stages = 0;
  while (std::getline(lines, line)) {
    const auto event = Json::parse(line);
    ASSERT_TRUE(event.has_value()) << line;
    last = *event;
    stages += *event->find("event") == Json("stage") ? 1 : 0;
  }
  EXPECT_GT(stages, 5);
  EXPECT_EQ(*last.find("event"), Json("end"));
  EXPECT_EQ(*last.find("exit"), Json(0));
  EXPECT_NE(last.find("report"), nullptr);
}

TEST(Interrupt, EndsWith130AndLeavesNothing) {
  const Workplace place;
  place.write("p.yaml",
              mnist_pipeline("report: { directory: deep/out }\nrun: { batch: 10 }\n", 10000));
  ToolCall call = place.call({"run", "p.yaml", "--set", "model.path=cnn.onnx"});
  call.on_first_error_output = [](pid_t child) { ::kill(child, SIGINT); };
  const ToolResult result = run_tool(call);
  EXPECT_EQ(result.exit, 130) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("interrupted; nothing was written"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(place / "deep"));
}

TEST(ClosedPipe, DoesNotCrash) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline());
  ToolCall call = place.call({"run", "p.yaml"});
  call.close_stdout = true;
  EXPECT_EQ(run_tool(call).exit, 0);
  ToolCall help{.arguments = {"--help"}};
  help.close_stdout = true;
  EXPECT_EQ(run_tool(help).exit, 0);
}

TEST(FullDisk, IsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const ToolResult result = run_program(
      "/bin/sh", {.arguments = {"-c", std::string(NEUROTOOL_TOOL) + " --help > /dev/full"}});
  EXPECT_EQ(result.exit, 2);
  EXPECT_NE(result.err.find("error[cli.output]"), std::string::npos) << result.err;
}

TEST(Color, IsOnlyWhereItIsWanted) {
  const auto colored = [](std::vector<std::string> more) {
    std::vector<std::string> arguments{"run", "nothing.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(arguments).err.find('\x1b') != std::string::npos;
  };
  EXPECT_FALSE(colored({}));
  EXPECT_FALSE(colored({"--color", "never"}));
  EXPECT_TRUE(colored({"--color", "always"}));
}

}  // namespace
}  // namespace neurotool::test
