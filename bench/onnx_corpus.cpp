// onnx_corpus FOLDER: loads every ONNX model under a folder, runs those with stored data, and says
// of each whether it matches, is refused by name, or fails. Each case has a child process of its
// own with bounded time and memory, so that none brings the run down. Exit code 1 if any fails.
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <string_view>
#include <vector>

#include "base/files.hpp"
#include "corpus_case.hpp"

namespace corpus {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMostSeconds = 60;
constexpr rlim_t kMostBytes = rlim_t{8} << 30;
constexpr char kSeparator = '\x1f';
constexpr const char* kWords[] = {"match", "loads", "refused", "disputed", "fails"};
constexpr const char* kUsage =
    "usage: onnx_corpus FOLDER [--manifest FILE] [--tolerance X] [--verbose]\n"
    "  FOLDER       is searched for *.onnx; test_data_set_N and io.npz beside model.onnx are its "
    "data\n"
    "  --manifest   CSV with the columns path and scope (FOLDER/manifest.csv if there is one)\n"
    "  --tolerance  largest difference, relative above 1 (1e-3); wider for half precision\n"
    "  --verbose    one line for each case, not only for those that fail or are disputed\n";

struct Arguments {
  fs::path folder, manifest;
  double tolerance = 1e-3;
  bool verbose = false;
};

bool parse(int count, char** words, Arguments& out) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const bool has_value = i + 1 < count;
    if (word == "--verbose") {
      out.verbose = true;
    } else if (word == "--manifest" && has_value) {
      out.manifest = words[++i];
    } else if (word == "--tolerance" && has_value) {
      const std::string_view text = words[++i];
      const auto [rest, code] =
          std::from_chars(text.data(), text.data() + text.size(), out.tolerance);
      if (code != std::errc() || rest != text.data() + text.size() || !(out.tolerance >= 0)) {
        return false;
      }
    } else if (out.folder.empty() && !word.starts_with("-")) {
      out.folder = word;
    } else {
      return false;
    }
  }
  return fs::is_directory(out.folder);
}

/// The cells of one line of a CSV file; quotes hold commas together.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

/// Path to scope, of every line of the manifest.
std::map<std::string, std::string> read_scopes(const fs::path& file) {
  std::map<std::string, std::string> scopes;
  const auto text = neurotool::read_file(file);
  if (!text) return scopes;
  std::size_t path = std::string::npos, scope = std::string::npos;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const auto cells = cells_of(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (path == std::string::npos) {
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (cells[i] == "path") path = i;
        if (cells[i] == "scope") scope = i;
      }
      if (path == std::string::npos || scope == std::string::npos) return scopes;
    } else if (cells.size() > std::max(path, scope)) {
      scopes[cells[path]] = cells[scope];
    }
  }
  return scopes;
}

std::vector<Case> cases_of(const Arguments& arguments) {
  const fs::path manifest =
      arguments.manifest.empty() ? arguments.folder / "manifest.csv" : arguments.manifest;
  const auto scopes = read_scopes(manifest);
  std::vector<Case> cases;
  for (const auto& entry : fs::recursive_directory_iterator(arguments.folder)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".onnx") continue;
    const fs::path relative = entry.path().lexically_relative(arguments.folder);
    const auto scope = scopes.find(relative.generic_string());
    const bool is_folder = relative.filename() == "model.onnx" && relative.has_parent_path();
    cases.push_back({.name = (is_folder ? relative.parent_path() : relative).generic_string(),
                     .model = entry.path(),
                     .scope = scope == scopes.end() ? "unlisted" : scope->second});
  }
  std::ranges::sort(cases, {}, &Case::name);
  return cases;
}

/// In the child: runs the case and writes what came of it.
[[noreturn]] void run_child(const Case& item, double tolerance, int pipe_end) {
  const rlimit memory{kMostBytes, kMostBytes}, time{kMostSeconds, kMostSeconds}, core{0, 0};
#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of addresses for itself
  setrlimit(RLIMIT_AS, &memory);
#else
  static_cast<void>(memory);
#endif
  setrlimit(RLIMIT_CPU, &time);
  setrlimit(RLIMIT_CORE, &core);
  alarm(2 * kMostSeconds);
  Outcome outcome;
  try {
    outcome = run_case(item, tolerance);
  } catch (const std::exception& thrown) {
    outcome.detail = fmt::format("exception: {}", thrown.what());
  }
  const std::string text =
      fmt::format("{}{}{}{}{}{}{}", static_cast<int>(outcome.verdict), kSeparator, outcome.code,
                  kSeparator, outcome.op, kSeparator, outcome.detail);
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t now = write(pipe_end, text.data() + written, text.size() - written);
    if (now <= 0) break;
    written += static_cast<std::size_t>(now);
  }
  _exit(0);
}

Outcome outcome_of(const std::string& text, int status) {
  Outcome outcome;
  const std::size_t a = text.find(kSeparator);
  const std::size_t b = a == std::string::npos ? a : text.find(kSeparator, a + 1);
  const std::size_t c = b == std::string::npos ? b : text.find(kSeparator, b + 1);
  const bool whole = c != std::string::npos && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!whole) {
    outcome.detail =
        WIFSIGNALED(status)
            ? fmt::format("ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)))
            : fmt::format("ended with exit code {}", WEXITSTATUS(status));
    return outcome;
  }
  outcome.verdict = static_cast<Verdict>(text[0] - '0');
  outcome.code = text.substr(a + 1, b - a - 1);
  outcome.op = text.substr(b + 1, c - b - 1);
  outcome.detail = text.substr(c + 1);
  return outcome;
}

Outcome run_guarded(const Case& item, double tolerance) {
  Outcome broken;
  int ends[2];
  if (pipe(ends) != 0) {
    broken.detail = "no pipe";
    return broken;
  }
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    run_child(item, tolerance, ends[1]);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; child > 0 && (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    broken.detail = "no child process";
    return broken;
  }
  return outcome_of(text, status);
}

struct Counts {
  std::size_t of[5] = {0, 0, 0, 0, 0};
  std::size_t total() const { return of[0] + of[1] + of[2] + of[3] + of[4]; }
};

/// The folder that a case is counted under: "onnx-node", "third-party/sonos__tract".
std::string group_of(const Case& item) {
  std::string group;
  const fs::path path(item.name);
  auto part = path.begin();
  group = part->string();
  // A folder of folders: the second part tells who.
  if (std::distance(path.begin(), path.end()) > 2) group += "/" + (++part)->string();
  return std::distance(path.begin(), path.end()) > 1 ? group : ".";
}

void print_counts(const char* title, const std::map<std::string, Counts>& rows) {
  fmt::print("\n{:<48} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7}\n", title, "models", "match", "loads",
             "refused", "disputed", "fails");
  for (const auto& [name, counts] : rows) {
    fmt::print("{:<48} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7}\n", name, counts.total(), counts.of[0],
               counts.of[1], counts.of[2], counts.of[3], counts.of[4]);
  }
}

/// The reason without the names and numbers of the case, so that equal reasons meet.
std::string reason_of(const Outcome& outcome) {
  std::string reason = outcome.detail.substr(0, outcome.detail.find("; "));
  if (const std::size_t colon = reason.find("': "); colon != std::string::npos) {
    reason = reason.substr(colon + 3);
  }
  return reason.size() > 90 ? reason.substr(0, 87) + "..." : reason;
}

int run(const Arguments& arguments) {
  const std::vector<Case> cases = cases_of(arguments);
  std::map<std::string, Counts> by_folder, by_scope;
  std::map<std::string, std::size_t> reasons;
  std::size_t failed = 0;
  for (const Case& item : cases) {
    const Outcome outcome = run_guarded(item, arguments.tolerance);
    const auto verdict = static_cast<std::size_t>(outcome.verdict);
    ++by_folder[group_of(item)].of[verdict];
    ++by_scope[item.scope].of[verdict];
    const bool fails = outcome.verdict == Verdict::kFails;
    failed += fails ? 1 : 0;
    if (outcome.verdict == Verdict::kRefused && item.scope != "other-ops") {
      ++reasons[fmt::format("{:<24} {:<22} {}", outcome.code, outcome.op, reason_of(outcome))];
    }
    const bool worth_a_line = fails || outcome.verdict == Verdict::kDisputed;
    if (!arguments.verbose && !worth_a_line) continue;
    const std::string code = outcome.code.empty() ? "" : fmt::format(" [{}]", outcome.code);
    fmt::print("{:<8} {:<9} {}{}{}{}\n", kWords[verdict], item.scope, item.name, code,
               outcome.detail.empty() ? "" : " ", outcome.detail);
  }
  print_counts("folder", by_folder);
  print_counts("scope", by_scope);
  if (!reasons.empty()) {
    fmt::print("\nrefused, without the scope other-ops:\n");
    std::vector<std::pair<std::string, std::size_t>> rows(reasons.begin(), reasons.end());
    std::ranges::stable_sort(rows, std::ranges::greater{},
                             &std::pair<std::string, std::size_t>::second);
    for (const auto& [reason, count] : rows) fmt::print("{:>5}  {}\n", count, reason);
  }
  fmt::print("\n{} models, {} fail\n", cases.size(), failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace corpus

int main(int count, char** words) {
  corpus::Arguments arguments;
  if (!corpus::parse(count, words, arguments)) {
    fmt::print(stderr, "{}", corpus::kUsage);
    return 2;
  }
  return corpus::run(arguments);
}
