// fork, a pipe for the answer, a nameless file for what is printed, and a clock. The parent waits
// for the process rather than for the end of the pipe: a grandchild may hold the pipe open for
// ever.

#include "target/check/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace neurotool::conformance {
namespace {

using Clock = std::chrono::steady_clock;

/// A file descriptor with an owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() { reset(); }
  int get() const { return value_; }
  void reset() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }

 private:
  int value_ = -1;
};

Error no_child(std::string_view what) {
  return error(
      "plugin.child", {},
      fmt::format("a check needs a process of its own, but {}: {}", what, std::strerror(errno)),
      "free some memory or raise the limit on processes, or use --in-process");
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// The child's whole life. The parent's buffered output was flushed before the fork.
[[noreturn]] void live(const std::function<std::string()>& body, Leave leave, int answer,
                       int output) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close(nothing);
  // The first byte says that the function came back: an empty answer is an answer too.
  write_all(answer, '=' + body());
  ::close(answer);
  if (leave == Leave::kWithHandlers) std::exit(0);
  ::_exit(0);
}

/// The last line that holds something, from the last 4 KiB.
std::string last_line(int file) {
  std::array<char, 4096> tail{};
  const off_t size = ::lseek(file, 0, SEEK_END);
  const off_t from =
      size > static_cast<off_t>(tail.size()) ? size - static_cast<off_t>(tail.size()) : 0;
  const ssize_t got = ::pread(file, tail.data(), tail.size(), from);
  std::string_view text(tail.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (const std::size_t line = text.rfind('\n'); line != std::string_view::npos)
    text.remove_prefix(line + 1);
  return std::string(text);
}

/// Reads what is there without waiting longer than `wait_ms`.
void drain(int pipe, int wait_ms, std::string& into) {
  pollfd watched{pipe, POLLIN, 0};
  std::array<char, 65536> block;
  while (::poll(&watched, 1, wait_ms) > 0 && (watched.revents & POLLIN) != 0) {
    const ssize_t got = ::read(pipe, block.data(), block.size());
    if (got <= 0) return;
    into.append(block.data(), static_cast<std::size_t>(got));
    wait_ms = 0;
  }
}

/// Waits for the child, or ends it and its children.
int wait_for(pid_t child, int pipe, Clock::time_point deadline, const CancelFlag* cancel,
             ChildEnd& end) {
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    const bool late = Clock::now() >= deadline;
    if (late || (cancel != nullptr && cancel->cancelled())) {
      end.how = late ? ChildEnd::How::kTimedOut : ChildEnd::How::kCancelled;
      ::kill(-child, SIGKILL);
      ::kill(child, SIGKILL);  // in case it has not made its group yet
      ::waitpid(child, &status, 0);
      return status;
    }
    // Wakes early when the answer comes; a closed pipe would wake at once, so sleep instead.
    const std::size_t before = end.answer.size();
    drain(pipe, 5, end.answer);
    if (end.answer.size() == before) ::usleep(2000);
  }
}

}  // namespace

Result<ChildEnd> run_in_child(const std::function<std::string()>& body, Leave leave,
                              double timeout_seconds, const CancelFlag* cancel) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return no_child("no pipe can be made");
  Descriptor from_child(ends[0]), to_parent(ends[1]);
  const Descriptor output(::memfd_create("neurotool-check", MFD_CLOEXEC));
  if (output.get() < 0) return no_child("no file in memory can be made");

  std::fflush(nullptr);
  const Clock::time_point start = Clock::now();
  const pid_t child = ::fork();
  if (child < 0) return no_child("none can be forked");
  if (child == 0) {
    from_child.reset();
    live(body, leave, to_parent.get(), output.get());
  }
  to_parent.reset();

  ChildEnd end;
  const auto limit =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_seconds));
  const int status = wait_for(child, from_child.get(), start + limit, cancel, end);
  end.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  drain(from_child.get(), 0, end.answer);
  // Whatever it left running goes with it.
  ::kill(-child, SIGKILL);

  const bool returned = !end.answer.empty();
  if (returned) end.answer.erase(0, 1);
  end.said = last_line(output.get());
  if (end.how != ChildEnd::How::kReturned) return end;
  if (WIFSIGNALED(status)) {
    end.how = ChildEnd::How::kSignalled;
    end.code = WTERMSIG(status);
  } else if (WEXITSTATUS(status) != 0 || !returned) {
    end.how = ChildEnd::How::kExited;
    end.code = WEXITSTATUS(status);
  }
  return end;
}

}  // namespace neurotool::conformance
