// The one place that knows what a terminal is: streams, colour, width. stdout is the result, stderr
// everything else.
#pragma once

#include <string>
#include <string_view>

namespace neurotool::cli {

enum class ColorChoice { kAuto, kAlways, kNever };

/// One of the two output streams.
class Stream {
 public:
  explicit Stream(int descriptor);
  /// Writes all of it. A reader that has gone away is no error: the rest is dropped quietly.
  void write(std::string_view text);
  bool is_tty() const { return is_tty_; }
  /// False when something could not be written for another reason than a closed pipe.
  bool good() const { return good_; }
  std::string_view reason() const { return reason_; }

 private:
  int descriptor_;
  bool is_tty_, open_ = true, good_ = true;
  std::string reason_;
};

class Terminal {
 public:
  Terminal();

  Stream& out() { return out_; }
  Stream& err() { return err_; }

  void choose_color(ColorChoice choice) { color_ = choice; }
  /// Colour on stderr: asked for, or a terminal that can do it (NO_COLOR and TERM=dumb say it
  /// cannot).
  bool color() const;
  /// May a line of stderr be redrawn?
  bool live() const;
  /// Columns of stderr, 80 when it is no terminal.
  int width() const;

  int verbosity = 0;   ///< -v
  bool quiet = false;  ///< -q: errors only

 private:
  Stream out_, err_;
  ColorChoice color_ = ColorChoice::kAuto;
};

}  // namespace neurotool::cli
