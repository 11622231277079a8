// Elements one to a line, two spaces in.
#include "session/svg.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace neurotool::svg {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : escape_control(text)) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string open(int width, int height, std::string_view title) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" font-family=\"sans-serif\" font-size=\"13\">\n"
      "  <title>{2}</title>\n"
      "  <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height, escaped(title));
}

std::string close() { return "</svg>\n"; }

std::string rectangle(int x, int y, int width, int height, std::string_view color) {
  return fmt::format("  <rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", x, y,
                     width, height, color);
}

std::string circle(int x, int y, int radius, std::string_view color) {
  return fmt::format("  <circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>\n", x, y, radius, color);
}

std::string line(int x1, int y1, int x2, int y2, std::string_view color) {
  return fmt::format("  <line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\"/>\n", x1, y1,
                     x2, y2, color);
}

std::string text(int x, int y, std::string_view content) {
  return fmt::format("  <text x=\"{}\" y=\"{}\">{}</text>\n", x, y, escaped(content));
}

std::string text_before(int x, int y, std::string_view content) {
  return fmt::format("  <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", x, y,
                     escaped(content));
}

std::string bold(int x, int y, std::string_view content) {
  return fmt::format("  <text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\n", x, y,
                     escaped(content));
}

}  // namespace neurotool::svg
