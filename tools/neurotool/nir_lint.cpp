// `neurotool nir lint FILE`: what other readers would do to a NIR file, and what can be done about
// it.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "base/json.hpp"
#include "base/text.hpp"
#include "ir/nir/lint.hpp"
#include "ir/nir/lower.hpp"
#include "nir_commands.hpp"
#include "render.hpp"
#include "session/session.hpp"

namespace neurotool::cli {
namespace {

struct LintOptions {
  std::string file, readers, fix, max_version{nir::kNewestVersion}, format = "text";
  bool strict = false;
};

std::vector<std::string> reader_names() {
  std::vector<std::string> names;
  for (const nir::Reader& reader : nir::lint_readers()) names.emplace_back(reader.name);
  return names;
}

/// "norse,sinabs" as names that exist; all of them where nothing is said.
Result<std::vector<std::string>> chosen_readers(const std::string& text) {
  const std::vector<std::string> known = reader_names();
  if (text.empty()) return known;
  std::vector<std::string> chosen;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    if (std::ranges::find(known, name) == known.end()) {
      return error(
          "cli.value", {},
          fmt::format("--for names '{}', which there are no rules for", escape_control(name)),
          suggest(name, known));
    }
    chosen.push_back(std::move(name));
    begin = end + 1;
  }
  return chosen;
}

std::string shown(const nir::Finding& finding) {
  return fmt::format(
      "  {} {} [{}]: {}\n    help: {}\n", nir::effect_word(finding.effect),
      finding.node.empty() ? "the graph" : fmt::format("'{}'", escape_control(finding.node)),
      finding.rule, escape_control(finding.message), escape_control(finding.help));
}

Json json_of(const nir::Finding& finding) {
  Json json = Json::object();
  json["reader"] = finding.reader;
  json["rule"] = finding.rule;
  json["effect"] = nir::effect_word(finding.effect);
  json["node"] = finding.node;
  json["message"] = finding.message;
  json["help"] = finding.help;
  json["fixable"] = finding.fixable;
  return json;
}

struct LintResult {
  nir::Document document;
  nir::Changes changes;
  std::vector<nir::Finding> findings;
  bool clean = true;
};

std::string text_of(const LintOptions& options, const std::vector<std::string>& readers,
                    const LintResult& result) {
  std::string text;
  if (!options.fix.empty()) {
    for (const nir::Change& change : result.changes) {
      text += fmt::format("fixed '{}' [{}]: {}\n", escape_control(change.node), change.rule,
                          escape_control(change.what));
    }
    text += fmt::format("{} changes, written to {}\n\n", result.changes.size(),
                        escape_control(options.fix));
  }
  text += nir_headline(options.fix.empty() ? options.file : options.fix, result.document) + "\n";
  for (const std::string& reader : readers) {
    std::string own;
    for (const nir::Finding& finding : result.findings) {
      if (finding.reader == reader) own += shown(finding);
    }
    text += own.empty() ? fmt::format("{}: nothing found\n", reader) : reader + "\n" + own;
  }
  return text;
}

std::string json_text(const LintOptions& options, const LintResult& result) {
  Json json = Json::object();
  json["file"] = options.file;
  json["version"] = result.document.version;
  if (!options.fix.empty()) {
    json["fixed"] = options.fix;
    Json changes = Json::array();
    for (const nir::Change& change : result.changes) {
      Json each = Json::object();
      each["node"] = change.node;
      each["rule"] = change.rule;
      each["what"] = change.what;
      changes.push_back(std::move(each));
    }
    json["changes"] = std::move(changes);
  }
  Json findings = Json::array();
  for (const nir::Finding& finding : result.findings) findings.push_back(json_of(finding));
  json["findings"] = std::move(findings);
  return json.dump() + "\n";
}

/// Rewrites and writes; false after an error.
bool fix(const LintOptions& options, LintResult& result, Terminal& terminal, int& code) {
  Diagnostics diagnostics;
  auto changes = nir::make_portable(result.document.graph, diagnostics, options.file);
  if (changes) {
    result.changes = *std::move(changes);
    const auto written = nir::write(options.fix, result.document, diagnostics,
                                    {.max_nir_version = options.max_version, .compress = true});
    (void)written;  // its error is among the diagnostics
  }
  show(diagnostics, terminal, render_options(terminal));
  if (!diagnostics.has_errors()) return true;
  code = static_cast<int>(outcome_of(diagnostics.first_error().code));
  return false;
}

int lint(const LintOptions& options, Terminal& terminal) {
  const auto readers = chosen_readers(options.readers);
  if (!readers) {
    show(readers.error(), terminal);
    return kExitUsage;
  }
  int code = kExitDone;
  Diagnostics doubts;
  auto document = read_nir(options.file,
                           options.strict ? nir::Strictness::kReference : nir::Strictness::kLenient,
                           terminal, code, doubts);
  if (!document) return code;
  LintResult result{*std::move(document), {}, {}, true};
  const bool fixes = !options.fix.empty();
  if (fixes && !fix(options, result, terminal, code)) return code;
  for (const std::string& reader : *readers) {
    // A fixed file has none of what was passed over; but an edge to nowhere has lost its meaning.
    std::vector<nir::Finding> found = nir::lint_doubts(doubts.all(), reader);
    std::erase_if(found, [&](const nir::Finding& each) { return fixes && each.fixable; });
    std::ranges::move(nir::lint(result.document.graph, reader), std::back_inserter(found));
    for (nir::Finding& finding : found) {
      result.clean = result.clean && finding.effect == nir::Effect::kNote;
      result.findings.push_back(std::move(finding));
    }
  }
  terminal.out().write(options.format == "json" ? json_text(options, result)
                                                : text_of(options, *readers, result));
  return result.clean ? kExitDone : kExitNo;
}

}  // namespace

void add_nir_lint(CommandLine& line, Command& parent) {
  auto options = std::make_shared<LintOptions>();
  Command& command =
      line.add(parent, "lint", "Say what other readers would do to a NIR file, and repair it.");
  command.details =
      "For each reader, what it drops, misreads, refuses or hangs on in this file, by node, with "
      "the "
      "way out; docs/nir.md has the rules and their sources. With --fix, everything that can be "
      "rewritten without changing what the network computes is rewritten: names, double edges, "
      "edges out of order, "
      "Linear to Affine, padding as words, parameters to broadcast, groups and kernels of unequal "
      "sides among zeros, average pooling where the area is a power of two. Then what is left is "
      "listed, edges to nowhere included, which are dropped. Exit code 1 when anything but a note "
      "is "
      "left. Readers: " +
      fmt::format("{}.", [] {
        std::string names;
        for (const std::string& name : reader_names()) names += (names.empty() ? "" : ", ") + name;
        return names;
      }());
  command.examples = {
      {"neurotool nir lint net.nir", "Every reader there are rules for."},
      {"neurotool nir lint net.nir --for norse,sinabs", "These two."},
      {"neurotool nir lint net.nir --fix portable.nir", "Write a file that more readers load."}};
  require(command, add_value(command, "file", options->file, "FILE", "The NIR file."));
  add_value(command, "--for", options->readers, "READERS", "Only these readers, between commas.");
  add_value(command, "--fix", options->fix, "OUT", "Write the repaired file there.");
  add_value(command, "--max-nir-version", options->max_version, "VERSION",
            "Version of the nir package that must read what --fix writes.");
  command.app->add_flag("--strict", options->strict,
                        "Refuse what the nir package refuses when it reads the file.");
  add_value(command, "--format", options->format, "text|json", "How to print the findings.");
  command.action = [options](Terminal& terminal) { return lint(*options, terminal); };
}

}  // namespace neurotool::cli
