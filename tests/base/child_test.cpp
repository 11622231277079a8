// Every way in which a function in a process of its own can end, and that nothing of it is ours.
#include "base/child.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

namespace neurotool {
namespace {

using How = ChildEnd::How;
using ::testing::HasSubstr;

/// Kept from the optimiser: the loops must really run.
volatile std::uint64_t counter = 0;

[[noreturn]] std::string run_for_ever() {
  for (;;) counter = counter + 1;
}

TEST(Child, AnswersAndLeavesOurMemoryAlone) {
  int mine = 1;
  const ChildEnd end = run_in_child(
      [&] {
        mine = 2;
        return std::string("answer");
      },
      {});
  EXPECT_EQ(end.how, How::kReturned);
  EXPECT_EQ(end.answer, "answer");
  EXPECT_EQ(mine, 1);
}

TEST(Child, EmptyAnswerIsAnAnswer) {
  const ChildEnd end = run_in_child([] { return std::string(); }, {});
  EXPECT_EQ(end.how, How::kReturned);
  EXPECT_EQ(end.answer, "");
}

TEST(Child, AnswerOfManyPipesIsWhole) {
  std::string wanted(5'000'000, '\0');
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = static_cast<char>(i * i >> 3);
  const ChildEnd end = run_in_child([&] { return wanted; }, {});
  EXPECT_EQ(end.how, How::kReturned);
  EXPECT_TRUE(end.answer == wanted);
}

TEST(Child, CrashIsASignal) {
  const ChildEnd end = run_in_child(
      []() -> std::string {
        std::fputs("free(): bad pointer\n", stderr);
        std::signal(SIGABRT, SIG_DFL);
        std::abort();
      },
      {});
  EXPECT_EQ(end.how, How::kSignalled);
  EXPECT_EQ(end.code, SIGABRT);
  EXPECT_EQ(end.said, "free(): bad pointer");
  EXPECT_EQ(signal_name(end.code), "SIGABRT");
}

TEST(Child, ExceptionAndExitAreNoAnswer) {
  const auto thrown = []() -> std::string { throw std::runtime_error("no"); };
  EXPECT_EQ(run_in_child(thrown, {}).how, How::kExited);
  const ChildEnd end = run_in_child([]() -> std::string { ::_exit(0); }, {});
  EXPECT_EQ(end.how, How::kExited);
  EXPECT_EQ(end.code, 0);
}

TEST(Child, ClockAndProcessorTimeAreLimited) {
  const ChildEnd by_clock = run_in_child(
      [] {
        std::this_thread::sleep_for(std::chrono::minutes(5));
        return std::string();
      },
      {.seconds = 0.1});
  EXPECT_EQ(by_clock.how, How::kTimedOut);
  EXPECT_EQ(by_clock.code, 0);
  EXPECT_LT(by_clock.seconds, 60);
  const ChildEnd by_processor = run_in_child(run_for_ever, {.processor_seconds = 1});
  EXPECT_EQ(by_processor.how, How::kTimedOut);
  EXPECT_EQ(by_processor.code, SIGXCPU);
}

TEST(Child, CancellingEndsIt) {
  CancelFlag cancel;
  cancel.cancel();
  EXPECT_EQ(run_in_child(run_for_ever, {}, Leave::kAtOnce, &cancel).how, How::kCancelled);
}

TEST(Child, MemoryIsLimitedBeyondWhatWeHave) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer's address space is beyond any limit";
#endif
  const auto take = [](std::size_t bytes) {
    return [bytes] {
      const std::vector<char> memory(bytes, 1);
      return std::to_string(memory.size());
    };
  };
  constexpr std::uint64_t kLimit = 256 << 20;
  EXPECT_EQ(run_in_child(take(64 << 20), {.memory = kLimit}).answer, std::to_string(64 << 20));
  EXPECT_EQ(run_in_child(take(512 << 20), {.memory = kLimit}).how, How::kExited);
}

TEST(Child, ManyOneAfterTheOther) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(run_in_child([&] { return std::to_string(i); }, {}).answer, std::to_string(i));
  }
  // Nothing waits for a clock: 20 ms each would be 1 s.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

}  // namespace
}  // namespace neurotool
