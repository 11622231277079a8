// Cuts [0, count) into chunks that depend on count and grain alone, and hands them to TBB, or to
// plain threads where a sanitizer has to see every synchronisation (NEUROTOOL_STD_POOL).
#include "base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>

#ifdef NEUROTOOL_STD_POOL
#include <system_error>
#include <thread>
#include <vector>
#else
#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#endif

namespace neurotool {
namespace {

constexpr std::size_t kMaxThreads = 1024;
// Enough to keep a large machine busy, few enough that a grain of 1 costs little.
constexpr std::size_t kMaxChunks = 4096;

using RangeBody = std::function<void(std::size_t, std::size_t)>;

/// One call of parallel_for. Of several exceptions the one of the lowest chunk is kept: chunks
/// below a failed one still run, so which exception is thrown does not depend on timing either.
class Work {
 public:
  Work(std::size_t count, std::size_t grain, const RangeBody& body)
      : body_(body),
        count_(count),
        chunk_size_(std::max({grain, std::size_t{1}, divide_up(count, kMaxChunks)})),
        chunks_(divide_up(count, chunk_size_)) {}

  std::size_t chunks() const { return chunks_; }

  void run(std::size_t chunk) noexcept {
    if (chunk > first_failed_.load(std::memory_order_relaxed)) return;
    const std::size_t first = chunk * chunk_size_;
    try {
      body_(first, first + std::min(chunk_size_, count_ - first));
    } catch (...) {
      keep(chunk, std::current_exception());
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  static std::size_t divide_up(std::size_t value, std::size_t by) {
    return value / by + (value % by == 0 ? 0 : 1);
  }

  void keep(std::size_t chunk, std::exception_ptr failure) noexcept {
    const std::lock_guard lock(mutex_);
    if (chunk > first_failed_.load(std::memory_order_relaxed)) return;
    first_failed_.store(chunk, std::memory_order_relaxed);
    failure_ = std::move(failure);
  }

  const RangeBody& body_;
  std::size_t count_;
  std::size_t chunk_size_;
  std::size_t chunks_;
  std::mutex mutex_;
  std::atomic<std::size_t> first_failed_{std::numeric_limits<std::size_t>::max()};
  std::exception_ptr failure_;
};

#ifdef NEUROTOOL_STD_POOL

std::atomic<std::size_t> chosen_threads{0};

std::size_t core_count() { return std::max<std::size_t>(1, std::thread::hardware_concurrency()); }

void apply_thread_count(std::size_t threads) { chosen_threads = threads; }

std::size_t current_thread_count() {
  const std::size_t threads = chosen_threads;
  return threads == 0 ? core_count() : threads;
}

/// True on a thread that runs chunks: a nested call then stays on it, which cannot deadlock.
thread_local bool inside_work = false;

void drain(Work& work, std::atomic<std::size_t>& next) {
  inside_work = true;
  for (std::size_t chunk = next++; chunk < work.chunks(); chunk = next++) work.run(chunk);
  inside_work = false;
}

void run_chunks(Work& work) {
  if (inside_work) {
    for (std::size_t chunk = 0; chunk < work.chunks(); ++chunk) work.run(chunk);
    return;
  }
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> helpers;
  const std::size_t wanted = std::min(current_thread_count(), work.chunks());
  helpers.reserve(wanted);
  try {
    while (helpers.size() + 1 < wanted) helpers.emplace_back([&] { drain(work, next); });
  } catch (const std::system_error&) {
    // No more threads to be had: those there are, and this one, do the work.
  }
  drain(work, next);
}

#else

/// The size of the pool. The arena allows more threads than cores when someone asks for them; the
/// global limit keeps other users of TBB in the process within the same number.
struct Pool {
  explicit Pool(std::size_t threads)
      : size(threads),
        limit(tbb::global_control::max_allowed_parallelism, threads),
        arena(static_cast<int>(threads)) {}

  std::size_t size;
  tbb::global_control limit;
  tbb::task_arena arena;
};

std::size_t core_count() {
  return static_cast<std::size_t>(std::max(1, tbb::info::default_concurrency()));
}

std::mutex pool_mutex;

std::shared_ptr<Pool>& pool_slot() {
  static std::shared_ptr<Pool> pool;
  return pool;
}

std::shared_ptr<Pool> current_pool() {
  const std::lock_guard lock(pool_mutex);
  auto& pool = pool_slot();
  if (!pool) pool = std::make_shared<Pool>(core_count());
  return pool;
}

void apply_thread_count(std::size_t threads) {
  const std::lock_guard lock(pool_mutex);
  pool_slot() = std::make_shared<Pool>(threads == 0 ? core_count() : threads);
}

std::size_t current_thread_count() { return current_pool()->size; }

void run_chunks(Work& work) {
  const auto run_range = [&work](const tbb::blocked_range<std::size_t>& range) {
    for (std::size_t chunk = range.begin(); chunk != range.end(); ++chunk) work.run(chunk);
  };
  const tbb::blocked_range<std::size_t> all(0, work.chunks(), 1);
  // Isolated: a thread that waits for an inner loop must not pick up a chunk of an outer one, which
  // might want a lock that this thread holds.
  current_pool()->arena.execute([&] {
    tbb::this_task_arena::isolate(
        [&] { tbb::parallel_for(all, run_range, tbb::simple_partitioner()); });
  });
}

#endif

}  // namespace

void set_thread_count(std::size_t threads) { apply_thread_count(std::min(threads, kMaxThreads)); }

std::size_t thread_count() { return current_thread_count(); }

void parallel_for(std::size_t count, const RangeBody& body, std::size_t grain) {
  if (count == 0) return;
  Work work(count, grain, body);
  if (work.chunks() == 1 || current_thread_count() == 1) {
    for (std::size_t chunk = 0; chunk < work.chunks(); ++chunk) work.run(chunk);
  } else {
    run_chunks(work);
  }
  work.rethrow();
}

}  // namespace neurotool
