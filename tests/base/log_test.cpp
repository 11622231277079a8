#include "base/log.hpp"

#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace neurotool {
namespace {

using testing::ElementsAre;
using testing::Pair;

class LogTest : public testing::Test {
 protected:
  void listen(LogLevel minimum) {
    set_log_sink([this](LogLevel level, std::string_view text) { seen_.emplace_back(level, text); },
                 minimum);
  }
  void TearDown() override { set_log_sink({}, LogLevel::kDebug); }

  std::vector<std::pair<LogLevel, std::string>> seen_;
};

TEST_F(LogTest, IsSilentWithoutASink) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log(LogLevel::kWarning, "nobody listens");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(LogTest, PassesMessagesUnchanged) {
  listen(LogLevel::kDebug);
  log(LogLevel::kDebug, "{} %s {0}");
  log(LogLevel::kInfo, "");
  log(LogLevel::kWarning, "careful");
  EXPECT_THAT(seen_, ElementsAre(Pair(LogLevel::kDebug, "{} %s {0}"), Pair(LogLevel::kInfo, ""),
                                 Pair(LogLevel::kWarning, "careful")));
}

TEST_F(LogTest, DropsWhatIsBelowTheMinimum) {
  listen(LogLevel::kWarning);
  log(LogLevel::kInfo, "small talk");
  log(LogLevel::kWarning, "careful");
  EXPECT_THAT(seen_, ElementsAre(Pair(LogLevel::kWarning, "careful")));
}

TEST_F(LogTest, GivesTheSinkOneMessageAtATime) {
  listen(LogLevel::kDebug);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int j = 0; j < 50; ++j) log(LogLevel::kInfo, "x");
      });
    }
  }
  EXPECT_EQ(seen_.size(), 200u);
}

TEST_F(LogTest, SurvivesASinkThatThrows) {
  set_log_sink([](LogLevel, std::string_view) { throw std::runtime_error("full"); },
               LogLevel::kDebug);
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW(log(LogLevel::kInfo, "x"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace neurotool
