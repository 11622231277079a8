// The few shapes that charts are drawn with. Coordinates are whole numbers, so equal numbers give
// equal bytes on every machine. Text is escaped here.
#pragma once

#include <string>
#include <string_view>

namespace neurotool::svg {

/// Text with nothing that could end an element or attribute.
std::string escaped(std::string_view text);

std::string open(int width, int height, std::string_view title);
std::string close();
std::string rectangle(int x, int y, int width, int height, std::string_view color);
std::string circle(int x, int y, int radius, std::string_view color);
std::string line(int x1, int y1, int x2, int y2, std::string_view color);
std::string text(int x, int y, std::string_view content);         ///< begins at x
std::string text_before(int x, int y, std::string_view content);  ///< ends at x
std::string bold(int x, int y, std::string_view content);

}  // namespace neurotool::svg
