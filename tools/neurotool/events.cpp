// One JSON object per line: {"event": "stage" | "progress" | "diagnostic" | "end", …}.
#include "events.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <system_error>

#include "render.hpp"

namespace neurotool::cli {
namespace {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Json diagnostic_event(const Diagnostic& item) {
  return Json::Object{{"event", "diagnostic"},   {"severity", word_of(item.severity)},
                      {"code", item.code},       {"at", to_string(item.at)},
                      {"message", item.message}, {"help", item.help}};
}

}  // namespace

Result<std::unique_ptr<EventLog>> EventLog::open(const std::string& path, Terminal& terminal) {
  if (path == "-") {
    return std::unique_ptr<EventLog>(
        new EventLog([&terminal](std::string_view text) { terminal.out().write(text); }));
  }
  std::shared_ptr<std::FILE> file(std::fopen(path.c_str(), "we"), [](std::FILE* f) {
    if (f != nullptr) std::fclose(f);
  });
  if (!file) {
    return error(
        "file.unwritable", FilePosition{.path = path},
        fmt::format("'{}' cannot be written: {}", path, std::generic_category().message(errno)),
        "choose another file for --events");
  }
  return std::unique_ptr<EventLog>(new EventLog([file](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), file.get());
    std::fflush(file.get());  // whoever follows the file sees each line at once
  }));
}

void EventLog::write(const Json& event) {
  const std::lock_guard lock(mutex_);
  sink_(event.dump(0) + "\n");
}

EventProgress::EventProgress(Progress& shown, EventLog& log, const Diagnostics& diagnostics)
    : shown_(shown), log_(log), diagnostics_(diagnostics) {}

void EventProgress::stage(std::string_view name) {
  write_findings();
  log_.write(Json::Object{{"event", "stage"}, {"name", name}});
  shown_.stage(name);
}

bool EventProgress::update(double fraction, std::string_view activity) {
  bool due = false;
  {
    const std::lock_guard lock(mutex_);
    const double now = now_seconds();
    due = fraction >= 0 && now - last_ >= 0.1;
    if (due) last_ = now;
  }
  if (due) log_.write(Json::Object{{"event", "progress"}, {"fraction", fraction}});
  return shown_.update(fraction, activity);
}

void EventProgress::write_findings() {
  const std::lock_guard lock(mutex_);
  const std::vector<Diagnostic> all = diagnostics_.all();
  for (; written_ < all.size(); ++written_) log_.write(diagnostic_event(all[written_]));
}

}  // namespace neurotool::cli
