#include "render.hpp"

#include <gtest/gtest.h>

namespace neurotool::cli {
namespace {

RenderOptions options(std::string source, int width = 80) {
  return {.color = false, .width = width, .sources = {{"p.yaml", std::move(source)}}};
}

Error at(std::uint32_t line, std::uint32_t column) {
  return error("config.range", FilePosition{"p.yaml", line, column}, "40 is outside 1 to 16",
               "neurotool passes quantize");
}

TEST(Render, MarksTheWordUnderTheMessage) {
  EXPECT_EQ(render(at(2, 20), options("passes:\n  - quantize: { b: 40 }\n")),
            "p.yaml:2:20: error[config.range]: 40 is outside 1 to 16\n"
            "    2 |   - quantize: { b: 40 }\n"
            "      |                    ^^\n"
            "  help: neurotool passes quantize\n");
}

TEST(Render, MarksAWholeQuotedText) {
  EXPECT_NE(render(at(1, 4), options("a: \"x y\" # z")).find("\n      |    ^^^^^\n"),
            std::string::npos);
}

TEST(Render, CountsColumnsOfLettersNotBytes) {
  // 'ö' is two bytes: column 8 in bytes is the 7th letter.
  EXPECT_NE(render(at(1, 8), options("größe: 40")).find("\n      |      ^"), std::string::npos);
}

TEST(Render, StandsAloneWhenTheFileIsGone) {
  EXPECT_EQ(render(at(2, 1), {.color = false, .width = 80, .sources = {}}),
            "p.yaml:2:1: error[config.range]: 40 is outside 1 to 16\n"
            "  help: neurotool passes quantize\n");
}

TEST(Render, StandsAloneWhenTheLineIsNotThere) {
  EXPECT_EQ(render(at(9, 1), options("one line")).find(" | "), std::string::npos);
}

TEST(Render, CutsLongLinesAroundTheWord) {
  const std::string line = std::string(300, 'x') + " 40 " + std::string(300, 'y');
  const std::string text = render(at(1, 302), options(line, 60));
  EXPECT_NE(text.find(" 40 "), std::string::npos);
  EXPECT_NE(text.find("^^\n"), std::string::npos);
  for (std::size_t begin = text.find("    1 |"); begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    EXPECT_LE(end - begin, 60u);
    begin = end + 1;
  }
}

TEST(Render, EscapesWhatComesFromFiles) {
  Error item = at(1, 1);
  item.message = "'\x1b[2J' is bad";
  EXPECT_EQ(render(item, options("\x1b[2J: 1")).find('\x1b'), std::string::npos);
}

TEST(Render, PutsTheMarkAtTheEndOfALine) {
  EXPECT_NE(render(at(1, 4), options("a: ")).find("\n      |    ^\n"), std::string::npos);
}

TEST(Render, KeepsTheLinesOfAHelpButIndentsThem) {
  Error item = at(0, 0);
  item.help = "look in\n/a\n  /b";
  EXPECT_TRUE(render(item, options("")).ends_with("  help: look in\n        /a\n        /b\n"));
}

TEST(Render, PrintsNotesWithTheirPlace) {
  Error item = at(0, 0);
  item.notes.push_back({FilePosition{"q.yaml", 3, 4}, "named here"});
  EXPECT_NE(render(item, options("")).find("  note: q.yaml:3:4: named here\n"), std::string::npos);
}

}  // namespace
}  // namespace neurotool::cli
