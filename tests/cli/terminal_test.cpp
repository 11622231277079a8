// What a user at a terminal sees: one live line on stderr, gone at the end. The terminal is a
// pseudo-terminal, read until the child closes it.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>

#include "transcript.hpp"

namespace neurotool::test {
namespace {

/// Runs the tool with stderr on a terminal of 60 columns and stdout in a file; returns what it
/// drew.
std::string drawn(const Workplace& place, std::vector<std::string> arguments, const char* term) {
  int near = -1, far = -1;
  const winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  if (::openpty(&near, &far, nullptr, nullptr, &size) != 0) throw std::runtime_error("no terminal");
  const pid_t child = ::fork();
  if (child == 0) {
    const int out = ::open((place / "stdout").c_str(), O_WRONLY | O_CREAT, 0600);
    ToolCall call = place.call(std::move(arguments));
    call.environment.insert(call.environment.end(), {{"TERM", term}, {"NO_COLOR", ""}});
    detail::become(NEUROTOOL_TOOL, call, out, far);
  }
  ::close(far);
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t count = 0; (count = ::read(near, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(near);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0) << text;
  return text;
}

constexpr std::string_view kClear = "\r\x1b[K";

TEST(TerminalProgress, RedrawsOneLineAndClearsItAtTheEnd) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline("report: { directory: out }\n", 3000));
  const std::string text = drawn(place, {"run", "p.yaml", "--set", "model.path=cnn.onnx"}, "xterm");
  const std::size_t first = text.find(kClear);
  ASSERT_NE(first, text.npos) << text;
  const std::size_t last = text.rfind(kClear);
  EXPECT_TRUE(text.substr(last + kClear.size()).find('[') == text.npos ||
              text.substr(last + kClear.size()).find("warning") != text.npos)
      << "something stands behind the last cleared line: " << text.substr(last);
  EXPECT_EQ(text.substr(0, last).find('\n'), text.npos) << "the live line must not scroll";
  for (std::size_t at = first; at < last;) {
    const std::size_t next = text.find(kClear, at + 1);
    EXPECT_LE(next - at - kClear.size(), 60u) << text.substr(at, next - at);
    at = next;
  }
}

TEST(TerminalProgress, DrawsNothingOnADumbTerminal) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline());
  EXPECT_EQ(drawn(place, {"run", "p.yaml"}, "dumb").find('\x1b'), std::string::npos);
}

TEST(TerminalProgress, IsSilentWithQuiet) {
  const Workplace place;
  place.write("p.yaml", mnist_pipeline());
  EXPECT_EQ(drawn(place, {"run", "p.yaml", "-q"}, "xterm"), "");
}

}  // namespace
}  // namespace neurotool::test
