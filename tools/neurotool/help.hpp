// Help in two lengths, printed from the command tree.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli.hpp"

namespace neurotool::cli {

/// The group of options that every command has.
inline constexpr std::string_view kCommonGroup = "Common";

enum class HelpLength { kShort, kLong };
std::string help_text(const CommandLine& line, const Command& command, HelpLength length);
/// For a command line that asks for nothing: help on stderr, exit code 2.
int print_short_help(const CommandLine& line, const Command& command, Terminal& terminal);

/// "-q, --quiet", "--format text|json", "MODEL".
std::string option_label(const CLI::Option& option);
/// Options and positional arguments, own ones before those that every command has.
std::vector<const CLI::Option*> own_options(const Command& command);
std::vector<const CLI::Option*> common_options(const Command& command);
std::vector<const Command*> children(const CommandLine& line, const Command& parent);
/// "neurotool inspect MODEL [OPTIONS]"
std::string usage_line(const CommandLine& line, const Command& command);
/// Words of `text` in lines of at most `width` columns, each with `indent` spaces; paragraphs stay.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace neurotool::cli
