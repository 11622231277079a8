// Progress on stderr. Updates come from any thread, so everything is under one lock; most of them
// end at a look at the clock.
#include "progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/text.hpp"

namespace neurotool::cli {
namespace {

using namespace std::chrono_literals;
constexpr auto kQuietTime = 500ms;
constexpr auto kRedrawTime = 100ms;
constexpr std::string_view kClearLine = "\r\x1b[K";

CancelFlag cancel_flag;

extern "C" void on_interrupt(int) { cancel_flag.cancel(); }

double seconds(std::chrono::steady_clock::duration span) {
  return std::chrono::duration<double>(span).count();
}

std::string bar(double fraction, int width) {
  const int filled = static_cast<int>(fraction * width);
  return "[" + std::string(static_cast<std::size_t>(filled), '#') +
         std::string(static_cast<std::size_t>(width - filled), '.') + "]";
}

/// At most `width` columns; a name from a plugin must not wrap the line.
std::string cut(std::string text, int width) {
  if (width > 0 && text.size() > static_cast<std::size_t>(width)) {
    text.resize(static_cast<std::size_t>(width));
    while (!is_utf8(text)) text.pop_back();
  }
  return text;
}

}  // namespace

CancelFlag& install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);  // the second one kills
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  return cancel_flag;
}

TerminalProgress::TerminalProgress(Terminal& terminal, const CancelFlag& cancel)
    : terminal_(terminal), cancel_(cancel) {}

TerminalProgress::~TerminalProgress() { finish(); }

void TerminalProgress::stage(std::string_view name) {
  const std::lock_guard lock(mutex_);
  end_stage();
  stage_ = escape_control(name);
  stage_start_ = Clock::now();
  if (terminal_.live() && stage_start_ - start_ >= kQuietTime) draw(-1, {}, stage_start_);
}

bool TerminalProgress::update(double fraction, std::string_view activity) {
  const Clock::time_point now = Clock::now();
  if (!terminal_.quiet && terminal_.live() && now - start_ >= kQuietTime) {
    const std::lock_guard lock(mutex_);
    if (now - last_drawn_ >= kRedrawTime) draw(fraction, activity, now);
  }
  return !cancel_.cancelled();
}

void TerminalProgress::finish() {
  const std::lock_guard lock(mutex_);
  end_stage();
}

void TerminalProgress::end_stage() {
  if (terminal_.quiet) return;
  if (line_on_screen_) {
    terminal_.err().write(kClearLine);
    line_on_screen_ = false;
  }
  if (stage_.empty() || terminal_.live()) return;
  const Clock::time_point now = Clock::now();
  held_back_.push_back(fmt::format("{:<20} {:>7.2f} s\n", stage_, seconds(now - stage_start_)));
  stage_.clear();
  if (now - start_ < kQuietTime) return;
  for (const std::string& line : held_back_) terminal_.err().write(line);
  held_back_.clear();
}

void TerminalProgress::draw(double fraction, std::string_view activity, Clock::time_point now) {
  if (terminal_.quiet) return;
  const double spent = seconds(now - stage_start_);
  std::string line = stage_;
  if (fraction >= 0) {
    const double share = std::clamp(fraction, 0.0, 1.0);
    line += fmt::format("  {} {:3.0f} %", bar(share, 24), 100 * share);
    if (share > 0.02 && spent > 1) line += fmt::format("  {:.0f} s left", spent / share - spent);
  }
  if (!activity.empty() && activity != stage_) line += "  " + escape_control(activity);
  terminal_.err().write(std::string(kClearLine) + cut(std::move(line), terminal_.width() - 1));
  line_on_screen_ = true;
  last_drawn_ = now;
}

}  // namespace neurotool::cli
