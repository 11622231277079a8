// Runs a program with captured output and a time limit: what a user would have seen.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace neurotool::test {

struct ToolResult {
  int exit = -1;  ///< exit code, or 128 + the signal that ended it
  std::string out, err;
  bool timed_out = false;
};

struct ToolCall {
  std::vector<std::string> arguments;
  std::filesystem::path folder = {};  ///< the child's current folder
  std::vector<std::pair<std::string, std::string>> environment = {};  ///< added; "" unsets
  std::chrono::seconds limit{60};
  bool close_stdout = false;  ///< the reader of stdout is gone from the start
  /// Called once something arrived on stderr; may send signals.
  std::function<void(pid_t)> on_first_error_output = {};
};

namespace detail {

[[noreturn]] inline void become(const std::string& program, const ToolCall& call, int out,
                                int err) {
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  if (!call.folder.empty() && ::chdir(call.folder.c_str()) != 0) ::_exit(126);
  for (const auto& [name, value] : call.environment) {
    if (value.empty()) {
      ::unsetenv(name.c_str());
    } else {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  std::vector<char*> arguments{const_cast<char*>(program.c_str())};
  for (const std::string& argument : call.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  ::_exit(127);
}

/// Reads both pipes until they close; kills the child when the time is over.
inline void collect(pid_t child, std::array<pollfd, 2>& pipes, const ToolCall& call,
                    ToolResult& result) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + call.limit;
  std::array<std::string*, 2> texts{&result.out, &result.err};
  bool told = false;
  while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 && !result.timed_out) {
      result.timed_out = true;
      ::kill(child, SIGKILL);
    }
    if (::poll(pipes.data(), pipes.size(), left > 0 ? static_cast<int>(left) : 1000) < 0) continue;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      if (pipes[i].fd < 0 || pipes[i].revents == 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t count = ::read(pipes[i].fd, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        ::close(std::exchange(pipes[i].fd, -1));
      } else {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      }
    }
    if (!told && !result.err.empty() && call.on_first_error_output) {
      told = true;
      call.on_first_error_output(child);
    }
  }
}

}  // namespace detail

inline ToolResult run_program(const std::string& program, const ToolCall& call) {
  ToolResult result;
  std::array<int, 2> out{}, err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) {
    ADD_FAILURE() << "no pipe";
    return result;
  }
  if (call.close_stdout) ::close(std::exchange(out[0], -1));
  const pid_t child = ::fork();
  if (child == 0) detail::become(program, call, out[1], err[1]);
  ::close(out[1]);
  ::close(err[1]);
  std::array<pollfd, 2> pipes{{{.fd = out[0], .events = POLLIN, .revents = 0},
                               {.fd = err[0], .events = POLLIN, .revents = 0}}};
  detail::collect(child, pipes, call, result);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  EXPECT_FALSE(result.timed_out) << program << " did not end in time; stderr: " << result.err;
  return result;
}

#ifdef NEUROTOOL_TOOL
/// The tool as it was built, without colour and without the caller's plugin folders.
inline ToolResult run_tool(ToolCall call) {
  call.environment.insert(call.environment.begin(),
                          {{"NO_COLOR", "1"}, {"NEUROTOOL_PLUGIN_PATH", ""}});
  return run_program(NEUROTOOL_TOOL, call);
}
inline ToolResult run_tool(std::vector<std::string> arguments) {
  return run_tool(ToolCall{.arguments = std::move(arguments)});
}
#endif

}  // namespace neurotool::test
