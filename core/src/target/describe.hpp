// From the constant tables of a plugin to descriptions that the rest of the host may rely on.
// Nothing in a table is believed: sizes, counts, texts, names and pointers are checked and copied
// first.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "target/abi_values.hpp"
#include "target/target.hpp"

namespace neurotool {

/// One target: what it says, and the functions to call, copied out of the plugin.
struct DescribedTarget {
  TargetDescription description;
  nt_target_info functions{};
  std::optional<nt_simulate> simulate;
  std::optional<nt_codegen> codegen;
  std::optional<nt_resources> resources;
};

struct DescribedPlugin {
  nt_plugin functions{};
  std::vector<DescribedTarget> targets;
};

/// `stem` is what the file's name promises; every target must be it or a variant of it. Error:
/// target.describe.
Result<DescribedPlugin> describe_plugin(const nt_plugin* plugin, const std::filesystem::path& file,
                                        std::string_view stem);

/// The rows of a target's options. Errors continue "target 'x' …" (target.describe).
Result<std::vector<OptionInfo>> describe_options(const nt_target_info& target);

/// An error of target.describe: what is wrong, for the plugin's author.
Error undescribable(std::string message);

}  // namespace neurotool
