// How options and targets are shown, and handed from a child process to this one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "config/schema.hpp"
#include "ir/device.hpp"
#include "target/target.hpp"

namespace neurotool::cli {

/// One line per option: key, type, range, default, sentence. Each line is indented.
std::string option_table(std::span<const OptionInfo> options);

/// A target as `neurotool targets NAME` shows it.
struct TargetPage {
  TargetDescription description;
  DeviceLimits limits;  ///< of a target opened with its defaults; zero where it would not open
};
Json to_json(const TargetPage& page);
/// Nothing when the text is not what to_json() wrote: a plugin may have written over it.
std::optional<TargetPage> page_from_json(std::string_view text);
std::string target_page_text(const TargetPage& page);

}  // namespace neurotool::cli
