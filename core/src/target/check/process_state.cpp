// Reads each thing through the interface that reports it; /proc where there is no other.

#include "target/check/process_state.hpp"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cfenv>
#include <charconv>
#include <clocale>
#include <cstring>
#include <filesystem>
#include <limits>

extern char** environ;

namespace neurotool::conformance {
namespace {

std::string current_folder() {
  std::error_code gone;
  const std::filesystem::path folder = std::filesystem::current_path(gone);
  return gone ? std::string("(removed)") : folder.string();
}

/// umask can only be read by setting it; the process has no thread that makes files meanwhile.
unsigned current_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

std::vector<int> blocked() {
  sigset_t set;
  std::vector<int> signals;
  if (::pthread_sigmask(SIG_SETMASK, nullptr, &set) != 0) return signals;
  for (int number = 1; number <= SIGRTMAX; ++number)
    if (::sigismember(&set, number) == 1) signals.push_back(number);
  return signals;
}

ProcessState::Handler handler_of(int number) {
  struct sigaction action = {};
  if (::sigaction(number, nullptr, &action) != 0) return {};
  ProcessState::Handler handler;
  // Both members lie in one union; its bytes say which function it is.
  std::memcpy(&handler.function, &action.sa_handler, sizeof handler.function);
  handler.flags = action.sa_flags;
  return handler;
}

/// True if the processor rounds tiny results to 0, as code built with -ffast-math makes it.
bool flushes_to_zero() {
  volatile float smallest = std::numeric_limits<float>::min();
  volatile float half = smallest / 2;
  return half == 0.0f;
}

std::vector<std::string> entries_of(const char* folder) {
  std::vector<std::string> names;
  DIR* const directory = ::opendir(folder);
  if (directory == nullptr) return names;
  const std::string own = std::to_string(::dirfd(directory));
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != ".." && name != own) names.push_back(name);
  }
  ::closedir(directory);
  std::ranges::sort(names);
  return names;
}

std::vector<ProcessState::OpenFile> open_files() {
  std::vector<ProcessState::OpenFile> files;
  for (const std::string& name : entries_of("/proc/self/fd")) {
    ProcessState::OpenFile file;
    std::from_chars(name.data(), name.data() + name.size(), file.descriptor);
    std::error_code gone;
    file.target = std::filesystem::read_symlink("/proc/self/fd/" + name, gone).string();
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

std::size_t bytes_in_use() {
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

std::size_t bytes_left_by(const std::function<void()>& body, std::size_t times,
                          std::size_t tolerated) {
  constexpr int kRounds = 8;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (int round = 0; round < kRounds && least > tolerated; ++round) {
    const std::size_t before = bytes_in_use();
    for (std::size_t i = 0; i < times; ++i) body();
    const std::size_t after = bytes_in_use();
    least = std::min(least, after > before ? after - before : 0);
  }
  return least;
}

ProcessState ProcessState::now() {
  ProcessState state;
  state.folder = current_folder();
  state.locale = std::setlocale(LC_ALL, nullptr);
  state.umask = current_umask();
  state.blocked_signals = blocked();
  for (int number = 1; number < static_cast<int>(state.handlers.size()); ++number)
    state.handlers[static_cast<std::size_t>(number)] = handler_of(number);
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    state.environment.emplace_back(*variable);
  std::ranges::sort(state.environment);
  state.rounding = std::fegetround();
  state.flushes_denormals = flushes_to_zero();
  state.threads = entries_of("/proc/self/task").size();
  state.files = open_files();
  return state;
}

}  // namespace neurotool::conformance
