// How long work tells the outside where it is, and how the outside stops it. Nothing under core/
// prints; the command line implements Progress, tests pass NoProgress.
#pragma once

#include <atomic>
#include <string_view>

namespace neurotool {

/// Set from a signal handler or another thread; read by whoever does long work.
class CancelFlag {
 public:
  void cancel() noexcept { flag_.store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return flag_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> flag_{false};
};

/// Receives progress. Functions may be called from any thread.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A named stage begins ("qcfs", "simulate"); the stage before it is finished.
  virtual void stage(std::string_view name) = 0;
  /// fraction in 0..1, or negative for "still alive". Returns false when work should stop.
  virtual bool update(double fraction, std::string_view activity) = 0;
};

class NoProgress final : public Progress {
 public:
  void stage(std::string_view) override {}
  bool update(double, std::string_view) override { return true; }
};

}  // namespace neurotool
