#include "base/parallel.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace neurotool {
namespace {

using Ranges = std::set<std::pair<std::size_t, std::size_t>>;

class ParallelTest : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override { set_thread_count(GetParam()); }
  void TearDown() override { set_thread_count(0); }
};

Ranges ranges_of(std::size_t count, std::size_t grain) {
  Ranges ranges;
  std::mutex mutex;
  parallel_for(
      count,
      [&](std::size_t first, std::size_t last) {
        const std::lock_guard lock(mutex);
        ranges.emplace(first, last);
      },
      grain);
  return ranges;
}

TEST_P(ParallelTest, VisitsEveryIndexOnce) {
  for (const std::size_t count : {1u, 2u, 7u, 100u, 5000u, 100'003u}) {
    std::vector<int> visits(count);
    parallel_for(count, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) ++visits[i];
    });
    EXPECT_EQ(visits, std::vector<int>(count, 1)) << count;
  }
}

TEST_P(ParallelTest, CallsNothingForNoWork) {
  parallel_for(0, [](std::size_t, std::size_t) { FAIL() << "called"; });
}

TEST_P(ParallelTest, CutsByGrainAlone) {
  EXPECT_EQ(ranges_of(10, 4), (Ranges{{0, 4}, {4, 8}, {8, 10}}));
  EXPECT_EQ(ranges_of(3, 100), (Ranges{{0, 3}}));
  EXPECT_EQ(ranges_of(2, 0), (Ranges{{0, 1}, {1, 2}}));
}

TEST_P(ParallelTest, Nests) {
  std::atomic<std::size_t> total{0};
  parallel_for(20, [&](std::size_t, std::size_t) {
    parallel_for(20, [&](std::size_t, std::size_t) {
      parallel_for(5, [&](std::size_t first, std::size_t last) { total += last - first; });
    });
  });
  EXPECT_EQ(total, 20u * 20u * 5u);
}

TEST_P(ParallelTest, KeepsALockedOuterTaskApartFromInnerWaits) {
  // Were a waiting thread to start another outer task, it would lock its own mutex again.
  std::mutex mutex;
  int inner = 0;
  parallel_for(50, [&](std::size_t, std::size_t) {
    const std::lock_guard lock(mutex);
    std::atomic<int> count{0};
    parallel_for(50, [&](std::size_t, std::size_t) { ++count; });
    inner += count;
  });
  EXPECT_EQ(inner, 2500);
}

TEST_P(ParallelTest, ThrowsTheExceptionOfTheLowestRange) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    try {
      parallel_for(200, [](std::size_t first, std::size_t) {
        if (first >= 37) throw std::runtime_error(std::to_string(first));
      });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& failure) {
      EXPECT_STREQ(failure.what(), "37");
    }
  }
}

TEST_P(ParallelTest, WorksAgainAfterAnException) {
  EXPECT_THROW(parallel_for(10, [](std::size_t, std::size_t) { throw 1; }), int);
  EXPECT_EQ(ranges_of(2, 1).size(), 2u);
}

TEST_P(ParallelTest, TakesWorkFromSeveralThreads) {
  std::atomic<std::size_t> total{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        parallel_for(1000, [&](std::size_t first, std::size_t last) { total += last - first; });
      });
    }
  }
  EXPECT_EQ(total, 4000u);
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelTest, testing::Values(1u, 2u, 7u));

TEST(ThreadCount, IsWhatWasSet) {
  set_thread_count(3);
  EXPECT_EQ(thread_count(), 3u);
  set_thread_count(0);
  EXPECT_GE(thread_count(), 1u);
}

TEST(ThreadCount, StopsAt1024) {
  set_thread_count(1'000'000);
  EXPECT_EQ(thread_count(), 1024u);
  set_thread_count(0);
}

TEST(ThreadCount, DoesNotChangeTheRanges) {
  set_thread_count(1);
  const Ranges alone = ranges_of(123'457, 1);
  set_thread_count(5);
  EXPECT_EQ(ranges_of(123'457, 1), alone);
  set_thread_count(0);
}

}  // namespace
}  // namespace neurotool
