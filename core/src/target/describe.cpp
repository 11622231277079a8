// Counts are bounded before a list is walked, and a list is walked before a target is believed.
// What only a newer host would know is left alone.
#include "target/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.hpp"
#include "target/search.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMostTargets = 64;
constexpr std::size_t kMostWords = 256;
constexpr std::size_t kMostWord = 128;
constexpr std::size_t kMostSentence = 4096;

Result<std::string> sentence(nt_str text, std::string_view what) {
  if (const auto copy = text_of(text, kMostSentence)) return escape_control(*copy);
  return undescribable(
      fmt::format("{} is not UTF-8 text of {} bytes at most", what, kMostSentence));
}

/// A list of plain words ("conv2d", "nt.simulate/1"), each once.
Result<std::vector<std::string>> words(const nt_str* list, std::size_t count,
                                       std::string_view what) {
  if (count > kMostWords || (count > 0 && list == nullptr)) {
    return undescribable(fmt::format("the list of {} has {} entries{}", what, count,
                                     list == nullptr ? " at NULL" : ""));
  }
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; ++i) {
    auto word = text_of(list[i], kMostWord);
    const bool plain = word && !word->empty() && std::ranges::all_of(*word, [](char c) {
                         return c > ' ' && c < 0x7F && c != '\'' && c != '"';
                       });
    if (!plain) return undescribable(fmt::format("entry {} of the list of {} is no word", i, what));
    if (std::ranges::find(result, *word) != result.end()) {
      return undescribable(fmt::format("'{}' is listed twice among the {}", *word, what));
    }
    result.push_back(*std::move(word));
  }
  return result;
}

/// The table of an extension that the target lists; its answer must agree with the list.
template <class Table>
Result<std::optional<Table>> table_of(const DescribedTarget& target, std::string_view id) {
  if (!target.description.can(id)) return std::optional<Table>();
  const void* found = target.functions.extension(str(id));
  auto table = copied(static_cast<const Table*>(found));
  if (table) return table;
  return undescribable(fmt::format("'{}' is listed, but extension() answers it with {}", id,
                                   found == nullptr ? "NULL" : "a table that is too small"));
}

Result<> describe_extensions(DescribedTarget& target) {
  TargetDescription& out = target.description;
  NT_TRY(out.extensions,
         words(target.functions.extensions, target.functions.extension_count, "extensions"));
  if (!out.extensions.empty() && target.functions.extension == nullptr) {
    return undescribable("extensions are listed, but there is no extension() to ask");
  }
  NT_TRY(target.simulate, table_of<nt_simulate>(target, NT_EXT_SIMULATE));
  NT_TRY(target.codegen, table_of<nt_codegen>(target, NT_EXT_CODEGEN));
  NT_TRY(target.resources, table_of<nt_resources>(target, NT_EXT_RESOURCES));
  if (target.simulate) {
    out.tolerance = target.simulate->tolerance;
    if (target.simulate->run == nullptr) return undescribable("nt.simulate/1 has no run()");
    if (!(out.tolerance >= 0 && out.tolerance <= 1)) {
      return undescribable(
          fmt::format("the tolerance of nt.simulate/1 is {}, not within 0 to 1", out.tolerance));
    }
  }
  if (target.codegen) {
    if (target.codegen->emit == nullptr) return undescribable("nt.codegen/1 has no emit()");
    NT_TRY(out.codegen_formats,
           words(target.codegen->formats, target.codegen->format_count, "formats of nt.codegen/1"));
  }
  if (target.resources &&
      (target.resources->count == nullptr || target.resources->get == nullptr)) {
    return undescribable("nt.resources/1 lacks count() or get()");
  }
  return {};
}

Result<DescribedTarget> describe_target(const nt_target_info& info) {
  DescribedTarget target;
  target.functions = info;
  TargetDescription& out = target.description;
  const bool complete = info.open && info.close && info.check && info.compile && info.release;
  if (!complete) {
    return undescribable("one of open(), close(), check(), compile() and release() is missing");
  }
  NT_TRY(out.summary, sentence(info.summary, "the summary"));
  if (out.summary.empty()) return undescribable("the summary is empty");
  NT_TRY(out.options, describe_options(info));
  NT_TRY(out.models, words(info.models, info.model_count, "models"));
  NT_TRY(out.kinds, words(info.kinds, info.kind_count, "kinds"));
  NT_TRY_VOID(describe_extensions(target));
  return target;
}

/// "com.example.acme"
bool is_plugin_id(std::string_view id) {
  return is_dotted_name(id) && id.find('.') != id.npos && id.size() <= kMostWord;
}

Result<TargetDescription> describe_itself(const nt_plugin& plugin) {
  TargetDescription common;
  const std::string id = message_of(plugin.id, kMostWord);
  if (!is_plugin_id(id)) {
    return undescribable(
        fmt::format("the plugin's id is '{}', not a reverse domain such as "
                    "'org.example.tiny'",
                    id));
  }
  common.plugin_id = id;
  NT_TRY(common.plugin_version, sentence(plugin.version, "the plugin's version"));
  if (common.plugin_version.empty() || common.plugin_version.size() > 64) {
    return undescribable("the plugin's version is empty, or longer than 64 bytes");
  }
  NT_TRY(common.vendor, sentence(plugin.vendor, "the plugin's vendor"));
  NT_TRY(common.license, sentence(plugin.license, "the plugin's licence"));
  common.abi_major = plugin.abi_major;
  common.abi_minor = plugin.abi_minor;
  return common;
}

/// The target's own words, with the plugin's beside them.
TargetDescription joined(TargetDescription target, const TargetDescription& plugin,
                         std::string name, const std::filesystem::path& file) {
  target.name = std::move(name);
  target.file = file;
  target.plugin_id = plugin.plugin_id;
  target.plugin_version = plugin.plugin_version;
  target.vendor = plugin.vendor;
  target.license = plugin.license;
  target.abi_major = plugin.abi_major;
  target.abi_minor = plugin.abi_minor;
  return target;
}

Result<std::string> target_name(const nt_target_info& info, std::string_view stem) {
  const std::string name = message_of(info.id, kMostWord);
  if (!is_target_name(name)) {
    return undescribable(
        fmt::format("a target is called '{}'; names are lower-case words of letters, digits and "
                    "'_', with one dot before a variant",
                    name));
  }
  if (base_name_of(name) != stem) {
    return undescribable(
        fmt::format("it offers target '{}', which belongs into a file called "
                    "'neurotool_{}.so'",
                    name, base_name_of(name)));
  }
  return name;
}

}  // namespace

bool TargetDescription::can(std::string_view extension) const {
  return std::ranges::find(extensions, extension) != extensions.end();
}

Error undescribable(std::string message) {
  return error("target.describe", {}, std::move(message),
               "this is a bug in the plugin; its author can find it with neurotool plugin check");
}

Result<DescribedPlugin> describe_plugin(const nt_plugin* given, const std::filesystem::path& file,
                                        std::string_view stem) {
  const auto plugin = copied(given);
  if (!plugin) return undescribable("the plugin's table is too small to be one");
  if (plugin->init == nullptr || plugin->shutdown == nullptr) {
    return undescribable("the plugin lacks init() or shutdown()");
  }
  NT_TRY(const TargetDescription common, describe_itself(*plugin));
  if (plugin->target_count == 0 || plugin->target_count > kMostTargets ||
      plugin->targets == nullptr) {
    return undescribable(fmt::format("the plugin says that it has {} targets{}",
                                     plugin->target_count,
                                     plugin->targets == nullptr ? " at NULL" : ""));
  }
  DescribedPlugin result{*plugin, {}};
  std::set<std::string> names;
  for (std::size_t i = 0; i < plugin->target_count; ++i) {
    const auto info = copied(plugin->targets[i]);
    if (!info) return undescribable(fmt::format("the table of target {} is too small", i));
    NT_TRY(const std::string name, target_name(*info, stem));
    if (!names.insert(name).second) {
      return undescribable(fmt::format("target '{}' is offered twice", name));
    }
    auto target = describe_target(*info);
    if (!target) {
      return undescribable(fmt::format("target '{}': {}", name, target.error().message));
    }
    target->description = joined(std::move(target->description), common, name, file);
    result.targets.push_back(*std::move(target));
  }
  return result;
}

}  // namespace neurotool
