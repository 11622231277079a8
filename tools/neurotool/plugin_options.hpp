// --plugin and --plugin-path, as every command that looks for targets takes them.
#pragma once

#include <string>
#include <vector>

#include "cli.hpp"
#include "target/target.hpp"

namespace neurotool::cli {

struct PluginOptions {
  std::vector<std::string> folders, files;

  SearchPath search_path() const {
    SearchPath path;
    path.files.assign(files.begin(), files.end());
    path.folders.assign(folders.begin(), folders.end());
    return path;
  }
};

inline void add_plugin_options(Command& command, PluginOptions& options) {
  add_value(command, "--plugin-path", options.folders, "DIR",
            "Look for plugins in this folder first; repeatable.")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  add_value(command, "--plugin", options.files, "FILE",
            "Use this plugin for the target that its name says; repeatable.")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
}

}  // namespace neurotool::cli
