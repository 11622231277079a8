// Where plugins are looked for: a fixed list of places, in which the current folder, the model's
// and the pipeline's never appear. A pipeline file is data that people download; data does not name
// code.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/target.hpp"

namespace neurotool {

/// What the process was told from outside; tests make their own.
struct SearchEnvironment {
  std::string plugin_path;                ///< NEUROTOOL_PLUGIN_PATH; relative entries are ignored
  std::string data_home;                  ///< XDG_DATA_HOME
  std::string home;                       ///< HOME
  std::filesystem::path executable;       ///< real path of the running program
  static SearchEnvironment of_process();  ///< variables are ignored under setuid
};

class PluginSearch {
 public:
  PluginSearch(SearchPath path, const SearchEnvironment& environment);

  /// In the order of the search, each once.
  const std::vector<std::filesystem::path>& folders() const { return folders_; }
  /// The first file that should offer `target` ("loihi2", "loihi2.fast").
  std::optional<std::filesystem::path> find(std::string_view target) const;

  struct Found {
    std::filesystem::path file;
    std::string stem;    ///< the target that its name promises
    bool named = false;  ///< given by --plugin
  };
  /// Every file that is called as a plugin is, in the order of the search; sorted inside a folder.
  std::vector<Found> all() const;

 private:
  std::vector<std::filesystem::path> files_, folders_;
};

/// "loihi2" of "/p/neurotool_loihi2.so"; nothing when a plugin would not be called so.
std::optional<std::string> stem_of(const std::filesystem::path& file);
/// "loihi2" of "loihi2.fast": variants live in one file.
std::string_view base_name_of(std::string_view target);
/// A lower-case word, or two joined by a dot: what may become part of a file name.
bool is_target_name(std::string_view name);

}  // namespace neurotool
