// Output through write(2): what was printed is out before a plugin may crash, and a closed pipe
// shows as an error code instead of a signal.
#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

namespace neurotool::cli {
namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool is_dumb() {
  const char* term = std::getenv("TERM");
  return term == nullptr || *term == '\0' || std::string_view(term) == "dumb";
}

}  // namespace

Stream::Stream(int descriptor) : descriptor_(descriptor), is_tty_(::isatty(descriptor) == 1) {}

void Stream::write(std::string_view text) {
  while (open_ && !text.empty()) {
    const ssize_t count = ::write(descriptor_, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      open_ = false;
      good_ = errno == EPIPE;
      if (!good_) reason_ = std::generic_category().message(errno);
    }
  }
}

Terminal::Terminal() : out_(STDOUT_FILENO), err_(STDERR_FILENO) { std::signal(SIGPIPE, SIG_IGN); }

bool Terminal::color() const {
  if (color_ != ColorChoice::kAuto) return color_ == ColorChoice::kAlways;
  return err_.is_tty() && !is_set("NO_COLOR") && !is_dumb();
}

bool Terminal::live() const { return err_.is_tty() && !is_dumb(); }

int Terminal::width() const {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace neurotool::cli
