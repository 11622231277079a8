// `neurotool as` and `neurotool dis`: SpikeCore programs from text to bytes and back.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/files.hpp"
#include "cli.hpp"
#include "render.hpp"
#include "sco_files.hpp"

namespace neurotool::cli {
namespace {

struct AsOptions {
  std::string input, output;
};

struct DisOptions {
  std::string input, output;
  bool word = false;
};

int write_result(const std::string& path, std::string_view content, Terminal& terminal) {
  if (const Result<> written = write_file_atomic(path, content); !written) {
    show(written.error(), terminal);
    return kExitUsage;
  }
  return kExitDone;
}

int run_as(const AsOptions& options, Terminal& terminal) {
  Diagnostics diagnostics;
  const auto object = read_assembly(options.input, diagnostics);
  if (!object) return finish_with(diagnostics, terminal, kExitDone);
  const std::string output =
      options.output.empty()
          ? std::filesystem::path(options.input).replace_extension(".sco").string()
          : options.output;
  if (output == options.input) {
    show(error("cli.value", {},
               fmt::format("the object would replace its own source '{}'", options.input),
               "name another file with -o"),
         terminal);
    return kExitUsage;
  }
  const std::string bytes = spikecore::write_object(*object);
  std::size_t words = 0;
  for (const spikecore::CoreImage& core : object->cores) words += core.code.size();
  const int code = write_result(output, bytes, terminal);
  if (code == kExitDone) {
    terminal.out().write(fmt::format("{}: {} bytes, {} words on {} cores\n", output, bytes.size(),
                                     words, object->cores.size()));
  }
  return code;
}

/// A word from the command line, as the chip would read it.
int print_word(const std::string& text, Terminal& terminal) {
  spikecore::TextError problem;
  const auto word = spikecore::assemble_word(".word " + text, problem);
  if (!word) {
    show(error("cli.value", {},
               fmt::format("'{}' is not a word: 0x and up to 16 hexadecimal digits", text)),
         terminal);
    return kExitUsage;
  }
  terminal.out().write(spikecore::disassemble(*word) + "\n");
  return kExitDone;
}

int run_dis(const DisOptions& options, Terminal& terminal) {
  if (options.word) return print_word(options.input, terminal);
  Diagnostics diagnostics;
  const auto object = read_program(options.input, diagnostics);
  if (!object) return finish_with(diagnostics, terminal, kExitDone);
  const std::string text = spikecore::print_object(*object);
  if (!options.output.empty()) return write_result(options.output, text, terminal);
  terminal.out().write(text);
  return kExitDone;
}

}  // namespace

void add_as(CommandLine& line) {
  auto options = std::make_shared<AsOptions>();
  Command& command = line.add(line.root(), "as", "Assemble a program for SpikeCore.");
  command.details =
      "Reads assembly text and writes an object file. Every wrong line is reported with its line "
      "and column. docs/targets/spikecore.md explains the language on ten lines.";
  command.examples = {{"neurotool as blink.s", "Writes blink.sco."},
                      {"neurotool as blink.s -o /tmp/b.sco", "The same, elsewhere."},
                      {"neurotool run-sco blink.sco --trace", "Run it and watch."}};
  require(command, add_value(command, "file", options->input, "FILE", "The assembly text."));
  add_value(command, "-o,--output", options->output, "FILE",
            "The object file; default: the same name with .sco.");
  command.action = [options](Terminal& terminal) { return run_as(*options, terminal); };
}

void add_dis(CommandLine& line) {
  auto options = std::make_shared<DisOptions>();
  Command& command = line.add(line.root(), "dis", "Disassemble an object file for SpikeCore.");
  command.details =
      "Prints the whole object as canonical assembly text: what it prints assembles to the same "
      "bytes. Assembly text is read too, and comes out canonical.";
  command.examples = {{"neurotool dis blink.sco", "Code, pages, routes and plan."},
                      {"neurotool dis --word 0x020100010000000a", "One word."},
                      {"neurotool dis blink.sco -o blink.s", "Into a file."}};
  require(command,
          add_value(command, "file", options->input, "FILE", "The object file, or the word."));
  add_value(command, "-o,--output", options->output, "FILE", "Where to write; default: stdout.");
  command.app->add_flag("--word", options->word, "FILE is one 64-bit word such as 0x04….");
  command.action = [options](Terminal& terminal) { return run_dis(*options, terminal); };
}

}  // namespace neurotool::cli
