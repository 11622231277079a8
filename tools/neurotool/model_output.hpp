// How `inspect` and `opt` print a model.
#pragma once

#include "cli.hpp"
#include "ir/model.hpp"

namespace neurotool::cli {

struct ModelFormat {
  bool dot = false, json = false;
};
void add_model_format(Command& command, ModelFormat& format);
/// Text, or what the flags ask for.
std::string model_text(const Model& model, const ModelFormat& format);

}  // namespace neurotool::cli
