// What a user sees while work is running, and how the user stops it.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "terminal.hpp"

namespace neurotool::cli {

/// The first SIGINT or SIGTERM sets the returned flag, the second one kills.
CancelFlag& install_interrupt_handler();

/// On a terminal: one live line, redrawn at most ten times a second. Elsewhere: one plain line for
/// each finished stage. Nothing in the first half second.
class TerminalProgress final : public Progress {
 public:
  TerminalProgress(Terminal& terminal, const CancelFlag& cancel);
  ~TerminalProgress() override;

  void stage(std::string_view name) override;
  bool update(double fraction, std::string_view activity) override;
  /// Ends the last stage and clears the live line.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void end_stage();
  void draw(double fraction, std::string_view activity, Clock::time_point now);

  Terminal& terminal_;
  const CancelFlag& cancel_;
  std::mutex mutex_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point stage_start_ = start_, last_drawn_ = start_;
  std::string stage_;
  std::vector<std::string> held_back_;  ///< lines of the first half second
  bool line_on_screen_ = false;
};

}  // namespace neurotool::cli
