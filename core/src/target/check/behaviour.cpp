// Group behaviour: a plugin is a guest. Each check looks at one thing of the process before the
// library is opened and after shutdown(), with a whole life between.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.hpp"
#include "target/check/drive.hpp"
#include "target/check/process_state.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

struct BeforeAndAfter {
  ProcessState before, after;
};

Result<BeforeAndAfter> states(Trial& trial) {
  BeforeAndAfter result;
  // The first use of these may open files or start threads of our own; it must not count as theirs.
  static_cast<void>(zoo());
  result.before = ProcessState::now();
  NT_TRY_VOID(live(trial, {}, [](const Recorder&) {}));
  result.after = ProcessState::now();
  return result;
}

/// Stdout and stderr turned into a file in memory for as long as it lives.
class Muted {
 public:
  Muted() : file_(::memfd_create("neurotool-check", MFD_CLOEXEC)) {
    std::fflush(nullptr);
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      saved_[i] = ::fcntl(kStreams[i], F_DUPFD_CLOEXEC, 3);
      ::dup2(file_, kStreams[i]);
    }
  }
  Muted(const Muted&) = delete;
  Muted& operator=(const Muted&) = delete;
  ~Muted() {
    restore();
    ::close(file_);
  }

  /// Gives the streams back and returns what was written to them.
  std::string restore() {
    if (restored_) return {};
    restored_ = true;
    std::fflush(nullptr);
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      ::dup2(saved_[i], kStreams[i]);
      ::close(saved_[i]);
    }
    std::string text(static_cast<std::size_t>(::lseek(file_, 0, SEEK_END)), '\0');
    const ssize_t got = ::pread(file_, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }

 private:
  static constexpr std::array kStreams{STDOUT_FILENO, STDERR_FILENO};
  int file_;
  std::array<int, 2> saved_{};
  bool restored_ = false;
};

Result<> silent(Trial& trial) {
  Muted muted;
  const Result<> lived = live(trial, {}, [](const Recorder&) {});
  const std::string text = muted.restore();
  if (!lived) return lived;
  if (!text.empty()) {
    const std::string_view first =
        std::string_view(text).substr(0, std::min(text.find('\n'), std::size_t{60}));
    trial.fail(
        fmt::format("it prints {} bytes, beginning with '{}'", text.size(), escape_control(first)));
  }
  return {};
}

Result<> folder(Trial& trial) {
  NT_TRY(const auto state, states(trial));
  if (state.before.folder != state.after.folder) {
    trial.fail(fmt::format("the current folder was '{}' and is '{}'", state.before.folder,
                           state.after.folder));
  }
  return {};
}

Result<> locale(Trial& trial) {
  NT_TRY(const auto state, states(trial));
  if (state.before.locale != state.after.locale) {
    trial.fail(
        fmt::format("the locale was '{}' and is '{}'", state.before.locale, state.after.locale));
  }
  return {};
}

Result<> file_mask(Trial& trial) {
  NT_TRY(const auto state, states(trial));
  if (state.before.umask != state.after.umask) {
    trial.fail(
        fmt::format("the umask was {:03o} and is {:03o}", state.before.umask, state.after.umask));
  }
  return {};
}

Result<> signals(Trial& trial) {
  NT_TRY(const auto state, states(trial));
  if (state.before.blocked_signals != state.after.blocked_signals) {
    trial.fail(fmt::format("the signals [{}] were blocked, and now [{}] are",
                           fmt::join(state.before.blocked_signals, ", "),
                           fmt::join(state.after.blocked_signals, ", ")));
  }
  for (std::size_t number = 1; number < state.before.handlers.size(); ++number) {
    if (state.before.handlers[number] != state.after.handlers[number])
      trial.fail(fmt::format("signal {} has another handler than before", number));
  }
  return {};
}

Result<> environment(Trial& trial) {
  NT_TRY(const auto state, states(trial));
  std::vector<std::string> changed;
  std::ranges::set_symmetric_difference(state.before.environment, state.after.environment,
                                        std::back_inserter(changed));
  for (const std::string& variable : changed)
    trial.fail(fmt::format("the environment variable '{}' is not as before",
                           escape_control(variable.substr(0, variable.find('=')))));
  return {};
}

Result<> arithmetic(Trial& trial) {
  NT_TRY(const auto state, states(trial));
  if (state.before.rounding != state.after.rounding)
    trial.fail("floating-point numbers round in another direction than before");
  if (state.before.flushes_denormals != state.after.flushes_denormals)
    trial.fail(
        "tiny floating-point numbers become 0, which they did not before; code built with "
        "-ffast-math does that when it is loaded");
  return {};
}

Result<> threads(Trial& trial) {
  NT_TRY(auto state, states(trial));
  // A joined thread may be counted for a moment longer.
  for (int i = 0; i < 20 && state.after.threads > state.before.threads; ++i) {
    ::usleep(10000);
    state.after = ProcessState::now();
  }
  if (state.after.threads > state.before.threads) {
    const std::size_t more = state.after.threads - state.before.threads;
    trial.fail(fmt::format("after shutdown() there {} {} thread{} more than before",
                           more == 1 ? "is" : "are", more, more == 1 ? "" : "s"));
  }
  return {};
}

Result<> files(Trial& trial) {
  NT_TRY(const auto state, states(trial));
  for (const ProcessState::OpenFile& file : state.after.files) {
    if (std::ranges::find(state.before.files, file) == state.before.files.end())
      trial.fail(fmt::format("'{}' is left open after shutdown()", escape_control(file.target)));
  }
  for (const ProcessState::OpenFile& file : state.before.files) {
    if (std::ranges::find(state.after.files, file) == state.after.files.end())
      trial.fail(
          fmt::format("'{}', which the host had open, is closed", escape_control(file.target)));
  }
  return {};
}

/// An empty folder that is the current one while it lives.
class EmptyFolder {
 public:
  static Result<EmptyFolder> enter() {
    std::string name = (std::filesystem::temp_directory_path() / "neurotool-check-XXXXXX").string();
    std::error_code problem;
    std::filesystem::path before = std::filesystem::current_path(problem);
    if (problem || ::mkdtemp(name.data()) == nullptr || ::chdir(name.c_str()) != 0)
      return finding(fmt::format("no empty folder can be made below '{}'",
                                 std::filesystem::temp_directory_path().string()));
    return EmptyFolder(std::move(before), std::move(name));
  }
  EmptyFolder(EmptyFolder&& other) noexcept
      : before_(std::move(other.before_)), path_(std::exchange(other.path_, {})) {}
  EmptyFolder& operator=(EmptyFolder&&) = delete;
  ~EmptyFolder() {
    if (path_.empty()) return;
    std::error_code ignored;
    std::filesystem::current_path(before_, ignored);
    std::filesystem::remove_all(path_, ignored);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_))
      found.push_back(entry.path().lexically_relative(path_).string());
    std::ranges::sort(found);
    return found;
  }

 private:
  EmptyFolder(std::filesystem::path before, std::filesystem::path path)
      : before_(std::move(before)), path_(std::move(path)) {}
  std::filesystem::path before_, path_;
};

Result<> writes(Trial& trial) {
  NT_TRY(const EmptyFolder folder, EmptyFolder::enter());
  NT_TRY_VOID(live(trial, {}, [](const Recorder&) {}));
  const std::vector<std::string> names = folder.names();
  if (!names.empty())
    trial.fail(fmt::format("it writes '{}' in the current folder", escape_control(names.front())));
  return {};
}

constexpr std::array kChecks{
    Check{{"behaviour", "behaviour.silent", "Nothing goes to stdout or stderr."},
          silent,
          "simulate.runs"},
    Check{{"behaviour", "behaviour.folder", "The current folder stays."}, folder, "simulate.runs"},
    Check{{"behaviour", "behaviour.locale", "The locale stays."}, locale, "simulate.runs"},
    Check{{"behaviour", "behaviour.umask", "The umask stays."}, file_mask, "simulate.runs"},
    Check{{"behaviour", "behaviour.signals", "Signal masks and handlers stay."},
          signals,
          "simulate.runs"},
    Check{{"behaviour", "behaviour.environment", "Environment variables stay."},
          environment,
          "simulate.runs"},
    Check{{"behaviour", "behaviour.arithmetic", "Floating-point arithmetic stays."},
          arithmetic,
          "simulate.runs"},
    Check{{"behaviour", "behaviour.threads", "No thread is left after shutdown()."},
          threads,
          "simulate.runs"},
    Check{{"behaviour", "behaviour.files", "No file is left open, none is closed."},
          files,
          "simulate.runs"},
    Check{{"behaviour", "behaviour.writes", "No file is written but artifacts."},
          writes,
          "simulate.runs"},
};

}  // namespace

std::span<const Check> behaviour_checks() { return kChecks; }

}  // namespace neurotool::conformance
