// The files of tools/plugin-template, built into the tool by embed_template.cmake.
#pragma once

#include <span>
#include <string_view>

namespace neurotool::cli {

struct TemplateFile {
  std::string_view path, text;
  bool runs;  ///< it is a script
};
/// By path, ascending.
std::span<const TemplateFile> template_files();

}  // namespace neurotool::cli
