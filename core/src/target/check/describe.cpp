// Group describe: what the constant tables say, before anything is opened.

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/text.hpp"
#include "target/check/guest.hpp"
#include "target/check/trial.hpp"
#include "target/describe.hpp"
#include "target/search.hpp"

namespace neurotool::conformance {
namespace {

constexpr std::array<std::string_view, 6> kModels{"input", "relay", "if", "lif", "cuba_lif", "li"};
constexpr std::array<std::string_view, 6> kKinds{"dense",      "conv2d",     "sum_pool2d",
                                                 "max_pool2d", "one_to_one", "sparse"};
constexpr std::array<std::string_view, 3> kExtensions{NT_EXT_SIMULATE, NT_EXT_CODEGEN,
                                                      NT_EXT_RESOURCES};

/// The plugin's own tables, unread; the entry was checked before.
Result<const nt_plugin*> raw_plugin(const Trial& trial) {
  NT_TRY(const nt_plugin_entry_fn entry, open_library(trial.file()));
  const nt_plugin* const plugin = entry(NT_ABI_MAJOR);
  if (plugin == nullptr) return finding("the entry answers NULL");
  return plugin;
}

Result<> tables(Trial& trial) {
  NT_TRY(const nt_plugin* const raw, raw_plugin(trial));
  const auto plugin = copied(raw);
  if (!plugin) {
    return finding(fmt::format("nt_plugin is {} bytes; version 0.1 has {}", raw->struct_size,
                               kSmallest<nt_plugin>));
  }
  if (plugin->init == nullptr) trial.fail("nt_plugin has no init()");
  if (plugin->shutdown == nullptr) trial.fail("nt_plugin has no shutdown()");
  if (plugin->target_count == 0 || plugin->targets == nullptr) return finding("there is no target");
  for (std::size_t i = 0; i < plugin->target_count; ++i) {
    const auto info = copied(plugin->targets[i]);
    if (!info) {
      trial.fail(
          fmt::format("the nt_target_info of target {} is shorter than version 0.1's {} bytes", i,
                      kSmallest<nt_target_info>));
      continue;
    }
    const bool complete =
        info->open && info->close && info->check && info->compile && info->release;
    if (!complete)
      trial.fail(fmt::format("target {} lacks one of open, close, check, compile and release", i));
  }
  return {};
}

Result<> options(Trial& trial) {
  NT_TRY(const nt_plugin* const plugin, raw_plugin(trial));
  for (std::size_t i = 0; i < plugin->target_count; ++i) {
    const auto info = copied(plugin->targets[i]);
    if (!info) continue;
    const auto rows = describe_options(*info);
    if (!rows) {
      trial.fail(rows.error().message);
      continue;
    }
    for (const OptionInfo& row : *rows) {
      if (row.summary.back() != '.')
        trial.warn(
            fmt::format("the summary of option '{}' is no sentence: '{}'", row.key, row.summary));
    }
  }
  return {};
}

/// Everything that the host insists on when it loads a plugin for a run.
Result<> accepted(Trial& trial) {
  NT_TRY(const nt_plugin* const plugin, raw_plugin(trial));
  const auto stem = stem_of(trial.file());
  if (!stem) {
    return finding(fmt::format("a plugin file is called neurotool_<target>.so, not '{}'",
                               trial.file().filename().string()));
  }
  NT_TRY_VOID(describe_plugin(plugin, trial.file(), *stem));
  return {};
}

Result<> identity(Trial& trial) {
  NT_TRY(const Guest guest, Guest::load(trial.file()));
  const auto expect = [&](nt_str text, std::string_view what) {
    const std::string value = message_of(text, 4096);
    if (value.empty()) trial.warn(fmt::format("the plugin names no {}", what));
    if (escape_control(value) != value)
      trial.fail(fmt::format("the plugin's {} holds control characters", what));
  };
  expect(guest.about().vendor, "vendor");
  expect(guest.about().license, "licence");
  const std::string version = message_of(guest.about().version, 64);
  const auto dots = std::ranges::count(version, '.');
  if (dots < 2 || version.find_first_not_of("0123456789.") == 0)
    trial.warn(fmt::format("the version '{}' does not look like 1.2.3", version));
  return {};
}

Result<> words(Trial& trial) {
  NT_TRY(const Guest guest, Guest::load(trial.file()));
  for (const Offer& offer : guest.offers()) {
    const auto unknown = [&](const auto& words, const auto& known, std::string_view what) {
      for (const std::string& word : words) {
        if (std::ranges::find(known, word) == known.end())
          trial.warn(fmt::format("'{}' declares the {} '{}', which docs/models.md does not list",
                                 offer.id, what, word));
      }
    };
    unknown(offer.models, kModels, "model");
    unknown(offer.kinds, kKinds, "projection kind");
    if (offer.models.empty())
      trial.fail(fmt::format("'{}' declares no model, so it takes no graph", offer.id));
    if (std::ranges::find(offer.models, "input") == offer.models.end())
      trial.warn(
          fmt::format("'{}' does not declare the model 'input', so no graph reaches it", offer.id));
  }
  return {};
}

/// One list and the function that must agree with it.
void compare_extensions(Trial& trial, std::string_view owner, const nt_str* list, std::size_t count,
                        const void* (*ask)(nt_str) noexcept) {
  std::vector<std::string> listed;
  for (std::size_t i = 0; i < count; ++i) listed.push_back(message_of(list[i], 128));
  const auto has = [&](std::string_view id) { return ask != nullptr && ask(str(id)) != nullptr; };
  for (const std::string& id : listed) {
    if (!has(id))
      trial.fail(fmt::format("{} lists '{}', but answers NULL when asked for it", owner, id));
  }
  for (const std::string_view id : kExtensions) {
    if (has(id) && std::ranges::find(listed, id) == listed.end())
      trial.fail(fmt::format("{} answers '{}', but does not list it", owner, id));
  }
}

Result<> extensions(Trial& trial) {
  NT_TRY(const nt_plugin* const raw, raw_plugin(trial));
  const auto plugin = copied(raw);
  if (!plugin) return finding("nt_plugin is too short");
  compare_extensions(trial, "the plugin", plugin->extensions, plugin->extension_count,
                     plugin->extension);
  for (std::size_t i = 0; i < plugin->target_count; ++i) {
    const auto info = copied(plugin->targets[i]);
    if (!info) continue;
    compare_extensions(trial, fmt::format("target '{}'", message_of(info->id, 128)),
                       info->extensions, info->extension_count, info->extension);
  }
  return {};
}

Result<> unknown_extensions(Trial& trial) {
  NT_TRY(const nt_plugin* const raw, raw_plugin(trial));
  const auto plugin = copied(raw);
  if (!plugin) return finding("nt_plugin is too short");
  const auto probe = [&](std::string_view owner, const void* (*ask)(nt_str) noexcept) {
    if (ask == nullptr) return;
    constexpr std::array<std::string_view, 5> kNobodys{
        "", "nt.simulate", "nt.simulate/2", "nt.simulate/1x", "org.example.no-such-thing/1"};
    for (const std::string_view id : kNobodys) {
      if (ask(str(id)) != nullptr)
        trial.fail(fmt::format("{} answers the extension '{}', which nobody defined", owner, id));
    }
    // Ids are not terminated: only the first thirteen bytes belong to this one.
    if (ask(str(std::string_view(NT_EXT_SIMULATE " and more").substr(0, 11))) != nullptr)
      trial.fail(fmt::format("{} answers 'nt.simulate', without a revision", owner));
  };
  probe("the plugin", plugin->extension);
  for (std::size_t i = 0; i < plugin->target_count; ++i) {
    const auto info = copied(plugin->targets[i]);
    if (info) probe(fmt::format("target '{}'", message_of(info->id, 128)), info->extension);
  }
  return {};
}

Result<> reserved(Trial& trial) {
  NT_TRY(const nt_plugin* const plugin, raw_plugin(trial));
  for (std::size_t i = 0; i < plugin->target_count; ++i) {
    const auto info = copied(plugin->targets[i]);
    if (!info) continue;
    for (std::size_t n = 0; n < info->option_count; ++n) {
      const auto option = copied(info->options[n]);
      if (option && option->reserved != 0)
        trial.fail(fmt::format("the reserved field of option '{}' is {}, not 0",
                               message_of(option->key, 128), option->reserved));
    }
  }
  return {};
}

constexpr std::array kChecks{
    Check{{"describe", "describe.tables", "Tables are long enough and have their functions."},
          tables,
          "load.abi"},
    Check{
        {"describe", "describe.options", "Options have a key, a sentence and a default in range."},
        options,
        "describe.tables"},
    Check{{"describe", "describe.reserved", "Reserved fields are 0."}, reserved, "describe.tables"},
    Check{{"describe", "describe.extensions", "The list of extensions equals what is answered."},
          extensions,
          "describe.tables"},
    Check{{"describe", "describe.unknown-extension", "Extensions that nobody defined give NULL."},
          unknown_extensions,
          "describe.tables"},
    Check{{"describe", "describe.accepted",
           "The host takes the tables; names agree with the file's."},
          accepted,
          "describe.options"},
    Check{{"describe", "describe.identity", "The plugin names its version, vendor and licence."},
          identity,
          "describe.options"},
    Check{{"describe", "describe.words", "Models and kinds are words of docs/models.md."},
          words,
          "describe.options"},
};

}  // namespace

std::span<const Check> describe_checks() { return kChecks; }

}  // namespace neurotool::conformance
