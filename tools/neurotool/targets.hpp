// Targets described by child processes, for `targets`, `schema` and `plugin list`.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "describe.hpp"
#include "target/target.hpp"

namespace neurotool::cli {

/// The page of one target, or why there is none.
std::variant<TargetPage, Error> describe_in_child(const SearchPath& path, const std::string& name);

/// One usable target, or the reason why it is not.
struct ListedTarget {
  std::string name;
  std::filesystem::path file;
  std::optional<TargetPage> page;
  std::string refusal;
};
std::vector<ListedTarget> list_targets(const SearchPath& path);

}  // namespace neurotool::cli
