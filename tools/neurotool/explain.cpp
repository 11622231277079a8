// `neurotool explain CODE`: the page of a diagnostic, as it stands in the documentation.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/text.hpp"
#include "cli.hpp"
#include "pages.hpp"
#include "render.hpp"

namespace neurotool::cli {
namespace {

int print_codes(Terminal& terminal) {
  std::string text;
  for (const Page& page : diagnostic_pages()) text += fmt::format("{}\n", page.code);
  terminal.out().write(text);
  return kExitDone;
}

int explain(const std::string& code, Terminal& terminal) {
  const auto pages = diagnostic_pages();
  const auto found = std::ranges::find(pages, code, &Page::code);
  if (found != pages.end()) {
    terminal.out().write(found->text);
    return kExitDone;
  }
  std::vector<std::string> codes;
  for (const Page& page : pages) codes.emplace_back(page.code);
  const std::string near(nearest_name(code, codes));
  show(error("cli.unknown-code", {}, fmt::format("there is no page for '{}'", code),
             near.empty() ? "neurotool explain lists the codes"
                          : fmt::format("did you mean '{}'?", near)),
       terminal);
  return kExitUsage;
}

}  // namespace

void add_explain(CommandLine& line) {
  auto code = std::make_shared<std::string>();
  Command& command =
      line.add(line.root(), "explain", "Print the page of a diagnostic, or list all.");
  command.details =
      "The code stands in brackets behind 'error', 'warning' or 'note'. Codes of a plugin are "
      "explained in its own documentation.";
  command.examples = {{"neurotool explain config.range", "What it means and what to do."},
                      {"neurotool explain", "All codes."}};
  add_value(command, "code", *code, "CODE", "The code to explain.");
  command.action = [code](Terminal& terminal) {
    return code->empty() ? print_codes(terminal) : explain(*code, terminal);
  };
}

}  // namespace neurotool::cli
