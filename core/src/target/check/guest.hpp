// A plugin opened for a check in this process, by hand and without the host's machinery: what is
// asked of it here is asked in the very order of the ABI. One per process.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/schema.hpp"
#include "target/check/host_tables.hpp"
#include "target/check/recorder.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {

/// dlopen() of the file and its entry function. Errors: the loader's words.
Result<nt_plugin_entry_fn> open_library(const std::filesystem::path& file);

/// One target's descriptor, copied as far as its size says.
struct Offer {
  nt_target_info info{};
  std::string id;
  std::vector<std::string> models, kinds, extensions;
  std::vector<OptionInfo> options;
  std::optional<nt_simulate> simulate;
  std::optional<nt_codegen> codegen;
  std::optional<nt_resources> resources;

  /// True if it declares every model and kind of the graph: the host would show it the graph.
  bool takes(const SpikeGraph& graph) const;
};

class Guest {
 public:
  /// Loads the library and reads what it says about itself.
  static Result<Guest> load(const std::filesystem::path& file);
  Guest(Guest&& other) noexcept;
  Guest& operator=(Guest&&) = delete;
  ~Guest();  ///< shutdown(), if it was initialised

  const nt_plugin& about() const { return about_; }
  const std::vector<Offer>& offers() const { return offers_; }

  Result<> init(HostShape shape = {});
  void shutdown();

 private:
  Guest() = default;
  nt_plugin about_{};
  std::vector<Offer> offers_;
  bool initialised_ = false;
};

/// An opened target; closed by the destructor.
class OpenTarget {
 public:
  /// Every option at its default, or at the values given.
  static Result<OpenTarget> open(const Offer& offer);
  static Result<OpenTarget> open(const Offer& offer, std::span<const CheckedOption> options,
                                 Recorder& recorder);
  OpenTarget(OpenTarget&& other) noexcept;
  OpenTarget& operator=(OpenTarget&&) = delete;
  ~OpenTarget();

  const Offer& offer() const { return *offer_; }
  nt_target* handle() const { return target_; }
  nt_code check(Recorder& recorder, const GraphFace& face) const;

 private:
  OpenTarget(const Offer& offer, nt_target* target) : offer_(&offer), target_(target) {}
  const Offer* offer_;
  nt_target* target_;
};

/// A compiled program, released by the destructor. Empty where the target refused.
class Compiled {
 public:
  Compiled(const OpenTarget& target, Recorder& recorder, const GraphFace& face);
  Compiled(Compiled&& other) noexcept;
  Compiled& operator=(Compiled&&) = delete;
  ~Compiled();

  nt_code code() const { return code_; }
  nt_program* handle() const { return program_; }

 private:
  const Offer* offer_;
  nt_program* program_ = nullptr;
  nt_code code_ = NT_INTERNAL;
};

/// The default of every option; a required one gets the first value that its row allows.
std::vector<CheckedOption> default_options(const Offer& offer);
/// Values at the ends of what an option allows: its bounds, each of its choices, true and false.
std::vector<OptionValue> extreme_values(const OptionInfo& option);

/// Loads and initialises the plugin, runs `body` for each of its targets, and shuts it down. The
/// first error ends it.
Result<> for_each_target(Trial& trial, HostShape shape,
                         const std::function<Result<>(const Offer&)>& body);
inline Result<> for_each_target(Trial& trial, const std::function<Result<>(const Offer&)>& body) {
  return for_each_target(trial, {}, body);
}

}  // namespace neurotool::conformance
