// as, dis and run-sco as a user meets them.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "support/golden.hpp"
#include "support/run_tool.hpp"
#include "support/temp_folder.hpp"

namespace neurotool::test {
namespace {

constexpr std::string_view kBlink = R"(.steps 4
.core 0
  ACC a0, w[0:3], s[0:3]
  ACC a1, w[3:6], s[0:3]
  FIRE.s a0, th=10, sc=1
  FIRE a1, th=8, sc=0
  LEAK a0..a1, d=0xc000
  HALT
  .page 0 7 -3 5 2 4 -6
  .route a0 -> chip 0 cores 1 axon 0
  .route a1 -> chip 0 cores 1 axon 1
.core 1
  ACC a0, w[0:2], s[0:2]
  ACC.g a1, w[0:2], s[0:2]
  FIRE a0, th=5, sc=0
  HALT
  .page 0 3 2
.plan
  LOADW cores 0..1 page 0
  LOOP
    INPUT 0
    ENTRY cores 0 entry 0
    RUN
    DELIVER
    ENTRY cores 1 entry 0
    RUN
    DELIVER
    OUT 0
    STEP
  ENDL
.endplan
)";
constexpr std::string_view kSpikes =
    "# the worked example\n0:c0.k0.s0 0:c0.k0.s2\n1:c0.k0.s0, 1:c0.k0.s1, 1:c0.k0.s2\n"
    "2:c0.k0.s1 ; alone\n3:c0.k0.s0 3:c0.k0.s2=1\n";

class Toolchain : public testing::Test {
 protected:
  Toolchain() {
    folder_.write("blink.s", kBlink);
    folder_.write("blink.spikes", kSpikes);
  }

  ToolResult run(std::vector<std::string> arguments) {
    return run_tool(ToolCall{.arguments = std::move(arguments), .folder = folder_.path()});
  }
  std::string said(std::vector<std::string> arguments) {
    std::string text = "$ neurotool";
    for (const std::string& argument : arguments) text += " " + argument;
    const ToolResult result = run(std::move(arguments));
    return text + "\n" + result.out + result.err + "exit " + std::to_string(result.exit) + "\n\n";
  }
  static std::string many(const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  }
  std::string content(const std::string& name) {
    std::ifstream stream(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  TempFolder folder_;
};

TEST_F(Toolchain, AssemblesRunsAndTraces) {
  std::string all = said({"as", "blink.s"});
  all += said({"run-sco", "blink.sco", "--spikes", "blink.spikes"});
  all += said({"run-sco", "blink.sco", "--spikes", "blink.spikes", "--steps", "1", "--trace"});
  all += said({"run-sco", "blink.s", "--spikes", "blink.spikes", "--break", "0.1.2"});
  all += said({"dis", "--word", "0x020100010000000a"});
  expect_golden("spikecore", "toolchain", all);
}

TEST_F(Toolchain, DisassemblyAssemblesToTheSameBytes) {
  EXPECT_EQ(run({"as", "blink.s"}).exit, 0);
  EXPECT_EQ(run({"dis", "blink.sco", "-o", "again.s"}).exit, 0);
  EXPECT_EQ(run({"as", "again.s"}).exit, 0);
  EXPECT_EQ(content("blink.sco"), content("again.sco"));
  EXPECT_EQ(run({"dis", "again.s"}).out, content("again.s"));
}

TEST_F(Toolchain, RunawayProgramsAndPlansEnd) {
  folder_.write("loop.s", ".core 0\nREP 65536, body=15, dn=0, dw=0, ds=0\n" + many("NOP\n", 15) +
                              "REP 65536, body=15, dn=0, dw=0, ds=0\n" + many("NOP\n", 15) +
                              "HALT\n");
  folder_.write("plan.s",
                ".core 0\nHALT\n.plan\nLOOP 4294967295\nLOOP 4294967295\nCLEAR\nENDL\n"
                "ENDL\n.endplan\n");
  folder_.write("nested.s",
                "REP 2, body=2, dn=0, dw=0, ds=0\nREP 2, body=1, dn=0, dw=0, ds=0\nNOP\n"
                "HALT\n");
  folder_.write("slots.s", "REP 300, body=1, dn=1, dw=1, ds=0\nACC a0, w[0:1], s[0:1]\nHALT\n");
  std::string all;
  for (const char* name : {"loop.s", "plan.s", "nested.s", "slots.s"}) {
    const ToolResult result = run({"run-sco", name});
    EXPECT_FALSE(result.timed_out) << name;
    all += said({"run-sco", name});
  }
  expect_golden("spikecore", "runaways", all);
}

TEST_F(Toolchain, TheNumberOfThreadsChangesNoByte) {
  const auto configs = std::filesystem::path(NEUROTOOL_TESTS_DIR).parent_path() / "configs";
  const auto run_with = [&](const std::string& threads, const std::string& schedule) {
    const std::string report = (folder_ / ("report" + threads)).string();
    const ToolResult result =
        run({"--config", (configs / "mnist_spikecore.yaml").string(), "-q", "--threads", threads,
             "--set", "data.test.count=60", "--set", "run.batch=7", "--set",
             "report.expect.accuracy=>= 0", "--set", "target.options.schedule=" + schedule, "--set",
             "report.directory=" + report});
    EXPECT_EQ(result.exit, 0) << result.err;
    const std::string json = content("report" + threads + "/report.json");
    const std::size_t timing = json.find("\"timing\"");
    EXPECT_NE(timing, std::string::npos);
    return json.substr(0, timing) + content("report" + threads + "/artifacts/program.sco") +
           content("report" + threads + "/raster.svg");
  };
  for (const char* schedule : {"direct", "resident"}) {
    const std::string one = run_with("1", schedule);
    EXPECT_GT(one.size(), 100'000u);
    EXPECT_TRUE(one == run_with("2", schedule)) << schedule;
    EXPECT_TRUE(one == run_with("5", schedule)) << schedule;
  }
}

TEST_F(Toolchain, SaysWhatIsWrong) {
  folder_.write("bad.s", "ACK a0\nHALT\n.core 200\n BIAS a0 7\n");
  folder_.write("illegal.s", "NOP\n.word 0xff00000000000001\n");
  folder_.write("open.s", "NOP\n");
  folder_.write("damaged.sco", "SPKC and nothing else that would be right");
  folder_.write("big.s", ".chips 4\nHALT\n");
  folder_.write("silent.s", "HALT\n.plan\nRUN\n.endplan\n");
  std::string all;
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"as", "bad.s"},
                                             {"as", "missing.s"},
                                             {"run-sco", "illegal.s"},
                                             {"run-sco", "open.s"},
                                             {"run-sco", "damaged.sco"},
                                             {"run-sco", "big.s", "--chips", "1"},
                                             {"run-sco", "blink.s", "--spike", "0:c0.k200.s0"},
                                             {"run-sco", "silent.s", "--spike", "0:c0.k0.s0"},
                                             {"run-sco", "blink.s", "--break", "0.1"},
                                             {"run-sco", "blink.s", "--spike", "0:c0.k0.s0",
                                              "--spike", "0:c0.k0.s0", "--strict-spikes"},
                                             {"dis", "--word", "0xnone"}}) {
    all += said(arguments);
  }
  expect_golden("spikecore", "mistakes", all);
}

}  // namespace
}  // namespace neurotool::test
