// spdlog with one sink of ours behind it. spdlog filters by level and serialises the calls; its
// global registry, which would own a console logger, is never touched.
#include "base/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace neurotool {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
  }
  return spdlog::level::warn;
}

LogLevel from_spdlog(spdlog::level::level_enum level) {
  if (level <= spdlog::level::debug) return LogLevel::kDebug;
  return level == spdlog::level::info ? LogLevel::kInfo : LogLevel::kWarning;
}

class ForwardingSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ForwardingSink(LogSink forward) : forward_(std::move(forward)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    forward_(from_spdlog(message.level), {message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

 private:
  LogSink forward_;
};

struct LogState {
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;
};

LogState& state() {
  static LogState instance;
  return instance;
}

std::shared_ptr<spdlog::logger> current_logger() {
  const std::lock_guard lock(state().mutex);
  return state().logger;
}

}  // namespace

void set_log_sink(LogSink sink, LogLevel minimum) {
  std::shared_ptr<spdlog::logger> logger;
  if (sink) {
    logger = std::make_shared<spdlog::logger>("neurotool",
                                              std::make_shared<ForwardingSink>(std::move(sink)));
    logger->set_level(to_spdlog(minimum));
    // spdlog would print what a throwing sink says; the library never prints.
    logger->set_error_handler([](const std::string&) {});
  }
  const std::lock_guard lock(state().mutex);
  state().logger = std::move(logger);
}

void log(LogLevel level, std::string_view message) {
  if (const auto logger = current_logger()) {
    logger->log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
  }
}

}  // namespace neurotool
