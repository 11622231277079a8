// The pass manager and its instruments, on passes made for the occasion.
#include "passes/manager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "passes/instruments/instruments.hpp"
#include "support/graphs.hpp"

namespace neurotool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

using Body = std::function<Result<Changed>(Model&, Context&)>;

class BodyPass final : public Pass {
 public:
  explicit BodyPass(Body body) : body_(std::move(body)) {}
  Result<Changed> run(Model& model, Context& context) override { return body_(model, context); }

 private:
  Body body_;
};

class PassManagerTest : public testing::Test {
 protected:
  void plan(const char* name, Body body) {
    entries_.push_back(std::make_unique<PassEntry>(
        PassEntry{.info = {name, "A pass of this test.", Level::kSpike, Level::kSpike},
                  .options = {},
                  .create = nullptr}));
    const auto line = static_cast<std::uint32_t>(entries_.size());
    PlannedPass planned;
    planned.entry = entries_.back().get();
    planned.pass = std::make_unique<BodyPass>(std::move(body));
    planned.at = FilePosition{"net.yaml", line, 1};
    passes_.push_back(std::move(planned));
  }
  Result<> run() {
    Context context{.diagnostics = diagnostics_,
                    .progress = progress_,
                    .seed = 0,
                    .calibration = nullptr,
                    .limits = {},
                    .facts = {}};
    return manager_.run(passes_, model_, context);
  }

  struct Watched final : Progress {
    bool update(double, std::string_view activity) override { return activity != stop_at; }
    void stage(std::string_view name) override { stages.emplace_back(name); }
    std::string stop_at;
    std::vector<std::string> stages;
  };

  Model model_ = test::spike_model(test::small_mlp());
  PassManager manager_;
  Watched progress_;
  Diagnostics diagnostics_;

 private:
  std::vector<std::unique_ptr<PassEntry>> entries_;
  std::vector<PlannedPass> passes_;
};

Result<Changed> nothing(Model&, Context&) { return Changed::kNo; }
Result<Changed> rename_first(Model& model, Context&) {
  model.spike().populations[0].name = "renamed";
  return Changed::kYes;
}
Result<Changed> refuse(Model& model, Context&) {
  model.spike().populations.clear();
  return error("test.refused", {}, "this pass refuses");
}

TEST_F(PassManagerTest, RunsPassesInOrderBetweenInstruments) {
  struct Recorder final : Instrument {
    explicit Recorder(std::vector<std::string>& lines) : log(lines) {}
    Result<> before(const PassInfo& info, const Model& model) override {
      log.push_back("before " + std::string(info.name) + " " + model.spike().populations[0].name);
      return {};
    }
    Result<> after(const PassInfo& info, const Model& model, Changed changed) override {
      log.push_back("after " + std::string(info.name) + " " + model.spike().populations[0].name +
                    (changed == Changed::kYes ? " changed" : ""));
      return {};
    }
    std::vector<std::string>& log;
  };
  std::vector<std::string> log;
  manager_.add(std::make_unique<Recorder>(log));
  plan("first", rename_first);
  plan("second", nothing);
  ASSERT_TRUE(run().has_value());
  EXPECT_THAT(log, ElementsAre("before first image", "after first renamed changed",
                               "before second renamed", "after second renamed"));
  EXPECT_THAT(progress_.stages, ElementsAre("first", "second"));
}

TEST_F(PassManagerTest, CompactsAfterEachPass) {
  plan("remove", [](Model& model, Context&) -> Result<Changed> {
    SpikeGraph& graph = model.spike();
    graph.remove(graph.add(build::relay_population("spare", {2})));
    return Changed::kYes;
  });
  ASSERT_TRUE(run().has_value());
  EXPECT_THAT(model_.spike().populations, SizeIs(3));
}

TEST_F(PassManagerTest, NamesThePassThatFailedAndItsPlace) {
  plan("first", nothing);
  plan("second", refuse);
  plan("third", [](Model&, Context&) -> Result<Changed> { throw std::logic_error("not reached"); });
  const auto result = run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(to_string(result.error()),
            "net.yaml:2:1: error[test.refused]: this pass refuses\n"
            "  note: net.yaml:2:1: in pass 'second'\n");
  EXPECT_EQ(diagnostics_.error_count(), 1u) << "the error is reported once";
}

TEST_F(PassManagerTest, DoesNotRepeatWhatThePassReportedItself) {
  plan("loud", [](Model&, Context& context) -> Result<Changed> {
    context.diagnostics.report(error("test.one", {}, "one"));
    context.diagnostics.report(error("test.two", {}, "two"));
    return context.diagnostics.first_error();
  });
  const auto result = run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, "test.one");
  EXPECT_EQ(diagnostics_.error_count(), 2u);
}

TEST_F(PassManagerTest, ShowsTheModelFromBeforeTheFailureToTheReproducer) {
  std::string failed_pass, first_population;
  manager_.add(reproduce_instrument([&](std::string_view pass, const Model& before, const Error&) {
    failed_pass = pass;
    first_population = before.spike().populations.at(0).name;
  }));
  plan("first", rename_first);
  plan("second", refuse);
  EXPECT_FALSE(run().has_value());
  EXPECT_EQ(failed_pass, "second");
  EXPECT_EQ(first_population, "renamed");
}

TEST_F(PassManagerTest, ShowsABugToTheReproducerAndThrowsItOn) {
  std::string message;
  manager_.add(reproduce_instrument(
      [&](std::string_view, const Model&, const Error& found) { message = found.message; }));
  plan("buggy", [](Model&, Context&) -> Result<Changed> { throw InternalError("oops"); });
  EXPECT_THROW((void)run(), InternalError);
  EXPECT_EQ(message, "oops");
}

TEST_F(PassManagerTest, StopsWhenCancelled) {
  progress_.stop_at = "second";
  plan("first", rename_first);
  plan("second", refuse);
  const auto result = run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, "pass.cancelled");
  EXPECT_EQ(model_.spike().populations[0].name, "renamed");
}

TEST_F(PassManagerTest, CallsABrokenInvariantABugOfThePass) {
  manager_.add(verify_instrument());
  plan("breaks", [](Model& model, Context&) -> Result<Changed> {
    model.spike().populations[1].name = "image";
    return Changed::kYes;
  });
  try {
    (void)run();
    FAIL() << "verify did not notice two populations of one name";
  } catch (const InternalError& bug) {
    EXPECT_THAT(bug.what(), HasSubstr("pass 'breaks'"));
    EXPECT_THAT(bug.what(), HasSubstr("verify.unique-names"));
  }
}

TEST_F(PassManagerTest, TimesEachPassAndCountsWhatItLeft) {
  std::vector<PassTiming> rows;
  manager_.add(timing_instrument(rows));
  plan("grow", [](Model& model, Context&) -> Result<Changed> {
    SpikeGraph& graph = model.spike();
    const PopulationId image = graph.find("image");
    const PopulationId more = graph.add(build::if_population("more", {4}, 1.0f));
    graph.connect(image, more, build::dense(4, 2, std::vector<float>(8, 1)));
    return Changed::kYes;
  });
  plan("rest", nothing);
  ASSERT_TRUE(run().has_value());
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].pass, "grow");
  EXPECT_TRUE(rows[0].changed);
  EXPECT_FALSE(rows[1].changed);
  EXPECT_EQ(rows[0].nodes_before, 5);
  EXPECT_EQ(rows[0].nodes_after, 7);
  EXPECT_EQ(rows[0].neurons_after, 9);
  EXPECT_EQ(rows[0].synapses_after, 20);
  EXPECT_GE(rows[0].seconds, 0);
  EXPECT_GT(rows[0].peak_memory_bytes, 0);
}

TEST_F(PassManagerTest, DumpsAfterTheNamedPassesOnly) {
  std::vector<std::string> written;
  const auto write = [&](int index, std::string_view pass, const Model&) -> Result<> {
    written.push_back(std::to_string(index) + " " + std::string(pass));
    return {};
  };
  manager_.add(dump_instrument({.names = {"b", "c"}, .only_changed = true}, write));
  plan("a", rename_first);
  plan("b", nothing);
  plan("c", rename_first);
  ASSERT_TRUE(run().has_value());
  EXPECT_THAT(written, ElementsAre("2 c"));
}

TEST_F(PassManagerTest, FailsWhenADumpCannotBeWritten) {
  manager_.add(dump_instrument({}, [](int, std::string_view, const Model&) -> Result<> {
    return error("file.unwritable", {}, "no room");
  }));
  plan("a", nothing);
  const auto result = run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, "file.unwritable");
}

}  // namespace
}  // namespace neurotool
