// Messages for whoever debugs a run. One sink, set once by the program; silent by default.
#pragma once

#include <functional>
#include <string_view>

namespace neurotool {

enum class LogLevel { kDebug, kInfo, kWarning };

using LogSink = std::function<void(LogLevel, std::string_view message)>;

/// Replaces the sink; an empty function silences the log. Not for use while work is running.
void set_log_sink(LogSink sink, LogLevel minimum);
/// Safe from any thread.
void log(LogLevel level, std::string_view message);

}  // namespace neurotool
