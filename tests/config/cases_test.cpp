// Every file under cases/ says in comments which errors it must give:
//
//   weight_bits: 40  # error config.range: passes[2].quantize.weight_bits = 40 is outside 1 to 16
//
// on the line of the error, several with " | " between them; "# error@7 …" names another line. A
// file without such a comment must be accepted. Files in pipeline/ are whole files, those in
// options/ are checked as a section against the table in sample_options.hpp.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "base/text.hpp"
#include "config/pipeline.hpp"
#include "config/sample_options.hpp"
#include "config/support.hpp"
#include "support/golden.hpp"

namespace neurotool::test {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

/// Folders of this machine as DIR and UP.
std::string portable(std::string text, const fs::path& folder) {
  text = replaced(std::move(text), folder.string(), "DIR");
  return replaced(std::move(text), folder.parent_path().string(), "UP");
}

/// "4 config.range: message" for each error that the comments of `text` announce.
std::multiset<std::string> announced(std::string_view text) {
  std::multiset<std::string> errors;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    std::string_view content = text.substr(0, end);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    if (content.ends_with('\r')) content.remove_suffix(1);
    for (auto at = content.find("# error"); at != content.npos; at = content.find("error", at)) {
      content.remove_prefix(content.find("error", at) + std::string_view("error").size());
      std::string number = std::to_string(line);
      if (content.starts_with('@')) number = content.substr(1, content.find(' ') - 1);
      content.remove_prefix(content.find(' ') + 1);
      const auto bar = content.find(" | ");
      errors.insert(number + ' ' + std::string(content.substr(0, bar)));
      if (bar == content.npos) break;
      content.remove_prefix(bar);
      at = 0;
    }
  }
  return errors;
}

void run(const fs::path& file, Diagnostics& findings) {
  if (file.parent_path().filename() == "pipeline") {
    const auto config = read_pipeline(file, {}, findings);
    EXPECT_EQ(config.has_value(), !findings.has_errors());
    return;
  }
  const auto section = yaml::parse(read(file), file.string(), findings);
  if (!section) return;
  check_options(*section, sample_table().infos(), "passes[2].quantize", "neurotool passes quantize",
                findings);
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const char* const kind : {"pipeline", "options"}) {
    for (const auto& entry : fs::directory_iterator(config_tests() / "cases" / kind)) {
      if (entry.path().extension() == ".yaml") {
        names.push_back(std::string(kind) + '/' + entry.path().stem().string());
      }
    }
  }
  std::ranges::sort(names);
  return names;
}

fs::path case_file(const std::string& name) { return config_tests() / "cases" / (name + ".yaml"); }

class ConfigCase : public ::testing::TestWithParam<std::string> {};

TEST_P(ConfigCase, GivesTheErrorsItAnnounces) {
  const fs::path file = case_file(GetParam());
  Diagnostics findings;
  run(file, findings);
  std::multiset<std::string> found;
  for (const Diagnostic& finding : findings.all()) {
    const std::string message = portable(finding.message, file.parent_path());
    found.insert(std::to_string(position(finding.at).line) + ' ' + finding.code + ": " +
                 escape_control(message));
  }
  EXPECT_EQ(announced(read(file)), found);
}

TEST_P(ConfigCase, GivesEachErrorAPlaceAndAWayOut) {
  const fs::path file = case_file(GetParam());
  Diagnostics findings;
  run(file, findings);
  for (const Diagnostic& finding : findings.all()) {
    EXPECT_GT(position(finding.at).column, 0u) << to_string(finding);
    EXPECT_FALSE(finding.help.empty()) << to_string(finding);
    EXPECT_FALSE(finding.message.ends_with('.')) << to_string(finding);
    const fs::path page = fs::path(NEUROTOOL_TESTS_DIR).parent_path() / "docs" / "diagnostics" /
                          (finding.code + ".md");
    EXPECT_TRUE(fs::exists(page)) << page;
  }
  EXPECT_TRUE(findings.has_errors() != announced(read(file)).empty());
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  return replaced(info.param, "/", "_");
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigCase, ::testing::ValuesIn(case_names()), test_name);

/// Columns, notes and help lines, in one text that reads like a session.
std::string messages_of(std::string_view kind) {
  std::string text;
  for (const std::string& name : case_names()) {
    if (!name.starts_with(kind)) continue;
    Diagnostics findings;
    run(case_file(name), findings);
    if (!findings.has_errors()) continue;
    text += portable(all_text(findings), case_file(name).parent_path()) + '\n';
  }
  return text;
}

TEST(ConfigMessages, OfWholeFilesReadWell) {
  expect_golden("config", "pipeline_messages", messages_of("pipeline"));
}

TEST(ConfigMessages, OfOptionsReadWell) {
  expect_golden("config", "option_messages", messages_of("options"));
}

}  // namespace
}  // namespace neurotool::test
