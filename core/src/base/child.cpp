// fork, a pipe for the answer, a nameless file for what is printed, and a clock. The parent waits
// for the process rather than for the end of the pipe: a grandchild may hold the pipe open for
// ever.
#include "base/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

// GCC defines a macro for it, clang has a feature.
#if defined(__SANITIZE_ADDRESS__)
#define NEUROTOOL_HAS_ASAN true
#elif defined(__has_feature)
#define NEUROTOOL_HAS_ASAN __has_feature(address_sanitizer)
#else
#define NEUROTOOL_HAS_ASAN false
#endif

namespace neurotool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr bool kCanLimitMemory = !NEUROTOOL_HAS_ASAN;
constexpr int kThrown = 70;  ///< exit status of a body that threw

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

ChildEnd not_started(std::string_view what) {
  ChildEnd end;
  end.how = ChildEnd::How::kNotStarted;
  end.said = fmt::format("{}: {}", what, std::strerror(errno));
  return end;
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Bytes of address space that this process has; 0 where /proc does not say.
std::uint64_t address_space() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void lower(decltype(RLIMIT_AS) what, std::uint64_t most) {
  rlimit now{};
  if (::getrlimit(what, &now) != 0) return;
  now.rlim_cur = std::min<rlim_t>(now.rlim_cur, most);
  ::setrlimit(what, &now);
}

void limit(const ChildLimits& limits) {
  lower(RLIMIT_CORE, 0);
  if (limits.processor_seconds > 0) {
    lower(RLIMIT_CPU, static_cast<std::uint64_t>(std::ceil(limits.processor_seconds)));
  }
  const std::uint64_t mine = address_space();
  if (kCanLimitMemory && limits.memory > 0 && mine > 0) lower(RLIMIT_AS, mine + limits.memory);
}

/// The child's whole life. The parent's buffered output was flushed before the fork.
[[noreturn]] void live(const std::function<std::string()>& body, const ChildLimits& limits,
                       Leave leave, int answer, int output) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int number : {SIGINT, SIGTERM, SIGXCPU}) ::signal(number, SIG_DFL);
  limit(limits);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close(nothing);
  // The first byte says that the function came back: an empty answer is an answer too.
  try {
    write_all(answer, '=' + body());
  } catch (...) {
    ::_exit(kThrown);
  }
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

/// Appends what is there; does not wait for more.
void drain(int pipe, std::string& into) {
  std::array<char, 65536> block;
  for (;;) {
    pollfd watched{pipe, POLLIN, 0};
    const int ready = ::poll(&watched, 1, 0);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || (watched.revents & POLLIN) == 0) return;
    const ssize_t got = ::read(pipe, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    into.append(block.data(), static_cast<std::size_t>(got));
  }
}

/// Waits for the child, or ends it and its children.
int wait_for(pid_t child, int pipe, Clock::time_point deadline, const CancelFlag* cancel,
             ChildEnd& end) {
  int status = 0;
  // By number: the C header of Debian 12 does not declare it for C++.
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended != 0) return status;
    const bool late = Clock::now() >= deadline;
    if (late || (cancel != nullptr && cancel->cancelled())) {
      end.how = late ? ChildEnd::How::kTimedOut : ChildEnd::How::kCancelled;
      ::kill(-child, SIGKILL);
      ::kill(child, SIGKILL);  // in case it has not made its group yet
      ::waitpid(child, &status, 0);
      return status;
    }
    const std::size_t before = end.answer.size();
    drain(pipe, end.answer);
    if (end.answer.size() != before) continue;
    // Wakes when the child ends or answers. A pipe that is closed would wake at once, so it is
    // looked at for bytes alone; kernels before 5.3 have no descriptor of a process.
    std::array<pollfd, 2> watched{pollfd{process.get(), POLLIN, 0}, pollfd{pipe, POLLIN, 0}};
    if (process.get() < 0) ::usleep(2000);
    const bool closed = ::poll(&watched[1], 1, 0) > 0 && (watched[1].revents & POLLIN) == 0;
    ::poll(watched.data(), closed ? 1 : 2, process.get() < 0 ? 0 : 20);
  }
}

}  // namespace

ChildEnd run_in_child(const std::function<std::string()>& body, const ChildLimits& limits,
                      Leave leave, const CancelFlag* cancel) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return not_started("no pipe can be made");
  Descriptor from_child(ends[0]), to_parent(ends[1]);
  const Descriptor output(::memfd_create("neurotool-child", MFD_CLOEXEC));
  if (output.get() < 0) return not_started("no file in memory can be made");

  std::fflush(nullptr);
  const Clock::time_point start = Clock::now();
  const pid_t child = ::fork();
  if (child < 0) return not_started("none can be forked");
  if (child == 0) {
    from_child.reset();
    live(body, limits, leave, to_parent.get(), output.get());
  }
  to_parent.reset();

  ChildEnd end;
  const auto deadline = limits.seconds > 0
                            ? start + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(limits.seconds))
                            : Clock::time_point::max();
  const int status = wait_for(child, from_child.get(), deadline, cancel, end);
  end.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  drain(from_child.get(), end.answer);
  // Whatever it left running goes with it.
  ::kill(-child, SIGKILL);

  const bool returned = !end.answer.empty();
  if (returned) end.answer.erase(0, 1);
  end.said = last_line(output.get());
  if (end.how != ChildEnd::How::kReturned) return end;
  if (WIFSIGNALED(status)) {
    end.code = WTERMSIG(status);
    end.how = end.code == SIGXCPU ? ChildEnd::How::kTimedOut : ChildEnd::How::kSignalled;
  } else if (WEXITSTATUS(status) != 0 || !returned) {
    end.how = ChildEnd::How::kExited;
    end.code = WEXITSTATUS(status);
  }
  return end;
}

std::string signal_name(int number) {
  const char* const name = ::sigabbrev_np(number);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

}  // namespace neurotool
