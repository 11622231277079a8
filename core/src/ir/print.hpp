// Three printers of the IR, all deterministic: text for people and golden files, dot, JSON.
#pragma once

#include <string>

#include "base/json.hpp"
#include "ir/model.hpp"

namespace neurotool {

std::string print_text(const Model& model);
std::string print_dot(const Model& model);
Json print_json(const Model& model);

}  // namespace neurotool
