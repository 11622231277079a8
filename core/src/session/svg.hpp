// The few elements that the report's charts are made of. Coordinates are whole numbers, so that a
// file is the same on every machine.
#pragma once

#include <string>
#include <string_view>

namespace neurotool::svg {

/// Control characters as words, and what XML reserves as entities.
std::string escaped(std::string_view text);
/// Opens a drawing on white, with a title for readers that cannot see it. End it with "</svg>\n".
std::string begin(int width, int height, std::string_view title);
enum class Anchor { kStart, kEnd };
enum class Style { kPlain, kBold, kSmall };
std::string label(int x, int y, std::string_view text, Anchor anchor = Anchor::kStart,
                  Style style = Style::kPlain);
std::string box(int x, int y, int width, int height, std::string_view colour);
std::string line(int x1, int y1, int x2, int y2, std::string_view colour);
std::string dot(int x, int y, int radius, std::string_view colour);

inline constexpr std::string_view kBlue = "#4477aa", kRed = "#cc6677", kPale = "#f2f2f2",
                                  kGrey = "#bbbbbb", kYellow = "#ccbb44", kGreen = "#228833";

}  // namespace neurotool::svg
