// The excerpt is read again from the file that the diagnostic names; when the file has changed or
// gone, the message stands alone.
#include "render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/files.hpp"
#include "base/text.hpp"

namespace neurotool::cli {
namespace {

constexpr std::uint64_t kLargestSource = 4 << 20;

/// SGR codes, or nothing.
struct Paint {
  bool on;
  std::string operator()(std::string_view code, std::string_view text) const {
    if (!on) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }
};
constexpr std::string_view kBold = "1", kRed = "1;31", kYellow = "1;33", kCyan = "1;36",
                           kBlue = "34";

std::string_view color_of(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return kCyan;
    case Severity::kWarning:
      return kYellow;
    case Severity::kError:
      return kRed;
  }
  return kRed;
}

std::optional<std::string> source_of(const std::string& path, const RenderOptions& options) {
  for (const auto& [name, text] : options.sources) {
    if (name == path) return text;
  }
  auto content = read_file(path, kLargestSource);
  if (!content || !is_utf8(*content)) return std::nullopt;
  return *std::move(content);
}

std::optional<std::string_view> line_of(std::string_view text, std::uint32_t number) {
  for (std::uint32_t line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n');
    if (end == text.npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  std::string_view line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// How many bytes belong to the word, number or quoted text at `begin`.
std::size_t token_size(std::string_view line, std::size_t begin) {
  if (begin >= line.size()) return 1;
  const char first = line[begin];
  if (first == '"' || first == '\'') {
    const std::size_t end = line.find(first, begin + 1);
    return end == line.npos ? line.size() - begin : end - begin + 1;
  }
  const std::size_t end = line.find_first_of(" \t,:{}[]#", begin);
  return std::max<std::size_t>((end == line.npos ? line.size() : end) - begin, 1);
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string without_tabs(std::string_view text) {
  std::string result(text);
  std::ranges::replace(result, '\t', ' ');
  return escape_control(result);
}

/// The line with a mark under the token; nothing when the place cannot be shown.
std::string excerpt(const FilePosition& at, const RenderOptions& options, std::string_view color) {
  if (at.line == 0) return {};
  const auto source = source_of(at.path, options);
  if (!source) return {};
  const auto line = line_of(*source, at.line);
  if (!line) return {};
  const Paint paint{options.color};
  const std::string gutter = fmt::format("{:>5} | ", at.line);
  std::string text = paint(kBlue, gutter);
  if (at.column == 0 || at.column > line->size() + 1) return text + without_tabs(*line) + "\n";

  // Long lines are cut so that the token can be seen.
  const std::size_t room =
      static_cast<std::size_t>(std::max(options.width - static_cast<int>(gutter.size()) - 1, 20));
  std::size_t begin = at.column - 1;
  std::string_view shown = *line;
  if (begin + 8 > room) {
    const std::size_t dropped = begin - room / 2;
    shown.remove_prefix(dropped);
    begin -= dropped;
    while (!shown.empty() && (static_cast<unsigned char>(shown.front()) & 0xC0) == 0x80) {
      shown.remove_prefix(1);
      --begin;
    }
  }
  const std::size_t size = std::min(token_size(shown, begin), shown.size() + 1 - begin);
  const std::string_view before = shown.substr(0, begin);
  const std::string mark(std::max<std::size_t>(columns(shown.substr(begin, size)), 1), '^');
  text += without_tabs(shown.substr(0, std::max(room, begin + size))) + "\n";
  text += paint(kBlue, std::string(gutter.size() - 2, ' ') + "| ") +
          std::string(columns(without_tabs(before)), ' ') + paint(color, mark) + "\n";
  return text;
}

std::string place(const Location& at) {
  const std::string text = escape_control(to_string(at));
  return text.empty() ? text : text + ": ";
}

/// Lists in a help keep their lines, indented so that none can pass for a message of ours.
std::string indented(std::string_view text) {
  std::string result;
  while (true) {
    const std::size_t end = text.find('\n');
    result += escape_control(text.substr(0, end));
    if (end == text.npos) return result;
    text.remove_prefix(end + 1);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    result += "\n        ";
  }
}

}  // namespace

std::string_view word_of(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

std::string render(const Diagnostic& diagnostic, const RenderOptions& options) {
  const Paint paint{options.color};
  const std::string_view color = color_of(diagnostic.severity);
  std::string head(word_of(diagnostic.severity));
  if (!diagnostic.code.empty()) head += fmt::format("[{}]", escape_control(diagnostic.code));
  std::string text = paint(kBold, place(diagnostic.at)) + paint(color, head + ":") + " " +
                     paint(kBold, escape_control(diagnostic.message)) + "\n";
  if (const auto* file = std::get_if<FilePosition>(&diagnostic.at)) {
    text += excerpt(*file, options, color);
  }
  for (const Note& note : diagnostic.notes) {
    text +=
        "  " + paint(kCyan, "note:") + " " + place(note.at) + escape_control(note.message) + "\n";
  }
  if (!diagnostic.help.empty()) {
    text += "  " + paint(kCyan, "help:") + " " + indented(diagnostic.help) + "\n";
  }
  return text;
}

void show(const Diagnostics& diagnostics, Terminal& terminal, const RenderOptions& options) {
  for (const Diagnostic& item : diagnostics.all()) {
    if (terminal.quiet && item.severity != Severity::kError) continue;
    terminal.err().write(render(item, options));
  }
  if (diagnostics.dropped() > 0) {
    terminal.err().write(fmt::format("and {} more {}\n", diagnostics.dropped(),
                                     diagnostics.dropped() == 1 ? "error" : "errors"));
  }
}

void show(const Diagnostic& diagnostic, Terminal& terminal) {
  terminal.err().write(render(diagnostic, render_options(terminal)));
}

RenderOptions render_options(const Terminal& terminal) {
  return {.color = terminal.color(), .width = terminal.width()};
}

}  // namespace neurotool::cli
