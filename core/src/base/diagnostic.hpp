// What went wrong, where, and what to do about it: one value for one finding, one sink for many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace neurotool {

enum class Severity { kNote, kWarning, kError };

/// A position in a text file. Line and column count from 1; 0 means unknown.
struct FilePosition {
  std::string path;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool operator==(const FilePosition&) const = default;
};

/// A node of a model file (or of the IR, when `path` is empty).
struct ModelNode {
  std::string path;
  std::string node;
  bool operator==(const ModelNode&) const = default;
};

/// The n-th `--set PATH=VALUE` of the command line, counted from 1.
struct OverrideArgument {
  std::uint32_t number = 0;
  std::string text;
  bool operator==(const OverrideArgument&) const = default;
};

/// Where a diagnostic points. `std::monostate`: nowhere in particular.
using Location = std::variant<std::monostate, FilePosition, ModelNode, OverrideArgument>;

/// "mnist.yaml:9:31", "net.onnx: node '/conv1/Conv'", "--set #2 (run.steps=x)", or "".
std::string to_string(const Location& at);

struct Note {
  Location at;
  std::string message;
};

/// One finding. `code` is a stable slug ("config.range"), documented in docs/diagnostics/.
/// `message` is one sentence, lower case, without a full stop, with the numbers in it.
/// `help` says what to do next; may be empty.
struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;
  Location at;
  std::string message;
  std::string help;
  std::vector<Note> notes;
};

/// A failure carried by Result<T>.
using Error = Diagnostic;

/// An error value: `return error("config.range", at, message, help);`
Error error(std::string_view code, Location at, std::string message, std::string help = {});
Diagnostic warning(std::string_view code, Location at, std::string message, std::string help = {});
Diagnostic note(std::string_view code, Location at, std::string message, std::string help = {});

/// "pipeline.yaml:1:14: error[config.range]: weight_bits = 40 is outside 1 to 16\n  help: …\n"
/// Control characters are escaped: text from files and plugins never reaches a terminal raw.
std::string to_string(const Diagnostic& diagnostic);

/// Collects findings in the order they are reported. Safe to use from several threads.
/// Keeps at most kMaxErrors errors; later ones are counted in `dropped()`.
class Diagnostics {
 public:
  static constexpr std::size_t kMaxErrors = 20;

  void report(Diagnostic diagnostic);

  bool has_errors() const;
  /// Errors that were kept; `dropped()` ones come on top.
  std::size_t error_count() const;
  std::size_t dropped() const;
  /// A copy, in the order of reporting.
  std::vector<Diagnostic> all() const;
  /// The first error; must only be called when has_errors().
  Error first_error() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Diagnostic> items_;
  std::size_t errors_ = 0;
  std::size_t dropped_ = 0;
};

}  // namespace neurotool
