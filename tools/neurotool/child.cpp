// fork without exec: the child has the same search paths and options without a protocol for them.
#include "child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>

namespace neurotool::cli {
namespace {

using Clock = std::chrono::steady_clock;

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

[[noreturn]] void be_the_child(int descriptor, const std::function<std::string()>& work) {
  const rlimit no_core{};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(nowhere, standard);
  }
  try {
    write_all(descriptor, work());
  } catch (const std::exception&) {
    ::_exit(70);
  }
  ::_exit(0);  // destructors and atexit handlers of a plugin are not what was asked for
}

/// Reads until the child closes its end; false when the time is over.
bool read_until(int descriptor, Clock::time_point deadline, std::string& output) {
  std::array<char, 4096> buffer;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wait{.fd = descriptor, .events = POLLIN, .revents = 0};
    const int ready = left > 0 ? ::poll(&wait, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    output.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return fmt::format("crashed with signal {} ({})", number, ::strsignal(number));
  }
  const int code = WEXITSTATUS(status);
  return code == 0 ? std::string() : fmt::format("ended the process with exit code {}", code);
}

}  // namespace

ChildResult run_in_child(const std::function<std::string()>& work,
                         std::chrono::milliseconds limit) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {{}, "could not be asked: no pipe"};
  const pid_t child = ::fork();
  if (child < 0) {
    ::close(ends[0]);
    ::close(ends[1]);
    return {{}, "could not be asked: no process"};
  }
  if (child == 0) be_the_child(ends[1], work);
  ::close(ends[1]);
  ChildResult result;
  const bool in_time = read_until(ends[0], Clock::now() + limit, result.output);
  ::close(ends[0]);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.failure = in_time ? how_it_ended(status)
                           : fmt::format("gave no answer within {:.0f} s",
                                         std::chrono::duration<double>(limit).count());
  return result;
}

}  // namespace neurotool::cli
