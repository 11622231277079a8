// Text in, elements out; nothing here knows what is drawn.
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

std::string begin(int width, int height, std::string_view title) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n"
      "  <title>{2}</title>\n"
      "  <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height, escaped(title));
}

std::string label(int x, int y, std::string_view text, Anchor anchor, Style style) {
  std::string attributes;
  if (anchor == Anchor::kEnd) attributes += " text-anchor=\"end\"";
  if (style == Style::kBold) attributes += " font-weight=\"bold\"";
  if (style == Style::kSmall) attributes += " font-size=\"10\" fill=\"#666666\"";
  return fmt::format("  <text x=\"{}\" y=\"{}\"{}>{}</text>\n", x, y, attributes, escaped(text));
}

std::string box(int x, int y, int width, int height, std::string_view colour) {
  return fmt::format("  <rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", x, y,
                     width, height, colour);
}

std::string line(int x1, int y1, int x2, int y2, std::string_view colour) {
  return fmt::format("  <line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\"/>\n", x1, y1,
                     x2, y2, colour);
}

std::string dot(int x, int y, int radius, std::string_view colour) {
  return fmt::format("  <circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>\n", x, y, radius,
                     colour);
}

}  // namespace neurotool::svg
