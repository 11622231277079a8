// Findings as text, and the sink that collects them.
#include "base/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/text.hpp"

namespace neurotool {
namespace {

std::string_view severity_name(Severity severity) {
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

struct LocationText {
  std::string operator()(std::monostate) const { return {}; }

  std::string operator()(const FilePosition& at) const {
    if (at.line == 0) return at.path;
    if (at.column == 0) return fmt::format("{}:{}", at.path, at.line);
    return fmt::format("{}:{}:{}", at.path, at.line, at.column);
  }

  std::string operator()(const ModelNode& at) const {
    if (at.path.empty()) return fmt::format("node '{}'", at.node);
    return fmt::format("{}: node '{}'", at.path, at.node);
  }

  std::string operator()(const OverrideArgument& at) const {
    return fmt::format("--set #{} ({})", at.number, at.text);
  }
};

Diagnostic make(Severity severity, std::string_view code, Location at, std::string message,
                std::string help) {
  return {.severity = severity,
          .code = std::string(code),
          .at = std::move(at),
          .message = std::move(message),
          .help = std::move(help),
          .notes = {}};
}

/// "mnist.yaml:9:31: ", or nothing for a location that is nowhere.
std::string place(const Location& at) {
  const std::string text = escape_control(to_string(at));
  return text.empty() ? text : text + ": ";
}

}  // namespace

std::string to_string(const Location& at) { return std::visit(LocationText{}, at); }

Error error(std::string_view code, Location at, std::string message, std::string help) {
  return make(Severity::kError, code, std::move(at), std::move(message), std::move(help));
}

Diagnostic warning(std::string_view code, Location at, std::string message, std::string help) {
  return make(Severity::kWarning, code, std::move(at), std::move(message), std::move(help));
}

Diagnostic note(std::string_view code, Location at, std::string message, std::string help) {
  return make(Severity::kNote, code, std::move(at), std::move(message), std::move(help));
}

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = place(diagnostic.at);
  text += severity_name(diagnostic.severity);
  if (!diagnostic.code.empty()) text += fmt::format("[{}]", escape_control(diagnostic.code));
  text += fmt::format(": {}\n", escape_control(diagnostic.message));
  for (const Note& item : diagnostic.notes) {
    text += fmt::format("  note: {}{}\n", place(item.at), escape_control(item.message));
  }
  if (!diagnostic.help.empty()) {
    text += fmt::format("  help: {}\n", escape_control(diagnostic.help));
  }
  return text;
}

void Diagnostics::report(Diagnostic diagnostic) {
  const std::lock_guard lock(mutex_);
  if (diagnostic.severity == Severity::kError) {
    if (errors_ == kMaxErrors) {
      ++dropped_;
      return;
    }
    ++errors_;
  }
  items_.push_back(std::move(diagnostic));
}

bool Diagnostics::has_errors() const { return error_count() > 0; }

std::size_t Diagnostics::error_count() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

std::size_t Diagnostics::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::vector<Diagnostic> Diagnostics::all() const {
  const std::lock_guard lock(mutex_);
  return items_;
}

Error Diagnostics::first_error() const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(items_, Severity::kError, &Diagnostic::severity);
  NT_CHECK(found != items_.end(), "first_error() needs an error");
  return *found;
}

}  // namespace neurotool
