// Watches the progress of a session on its way to the screen: how long each stage took, and whether
// somebody asked to stop.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.hpp"

namespace neurotool {

class StageClock final : public Progress {
 public:
  explicit StageClock(Progress& progress) : progress_(progress), start_(Clock::now()) {}

  /// Stages begin and end on the session's thread.
  void stage(std::string_view name) override {
    finish();
    current_ = name;
    stage_start_ = Clock::now();
    progress_.stage(name);
  }
  bool update(double fraction, std::string_view activity) override {
    if (progress_.update(fraction, activity)) return true;
    cancelled_.store(true, std::memory_order_relaxed);
    return false;
  }

  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  /// Ends the current stage.
  void finish() {
    if (!current_.empty()) stages_.emplace_back(std::move(current_), seconds_since(stage_start_));
    current_.clear();
  }
  const std::vector<std::pair<std::string, double>>& stages() const { return stages_; }
  double total_seconds() const { return seconds_since(start_); }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

  Progress& progress_;
  Clock::time_point start_, stage_start_;
  std::string current_;
  std::vector<std::pair<std::string, double>> stages_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace neurotool
