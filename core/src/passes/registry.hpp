// The list of passes. Adding one is one line in registry.cpp.
#pragma once

#include <span>
#include <string_view>

#include "passes/pass.hpp"

namespace neurotool {

std::span<const PassEntry> pass_registry();
/// The entry with this name, or nullptr.
const PassEntry* find_pass(std::string_view name);

}  // namespace neurotool
