// One call into a plugin: what stands behind nt_call. It takes diagnostics, progress and results
// from any thread, and turns what the plugin answered into a Result when the call has returned.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "target/abi_values.hpp"
#include "target/artifacts.hpp"
#include "target/results.hpp"
#include "target/target.hpp"

namespace neurotool {

/// The work that a call is for; says what may be pushed.
enum class Stage { kOpen, kCheck, kCompile, kSimulate, kEmit };

/// What the plugin may speak of during the call. References must outlive it.
struct CallSubject {
  std::string target;                 ///< its name, for messages
  const SpikeGraph* graph = nullptr;  ///< null while opening
  std::span<const CheckedOption> options;
  const SimulateRequest* request = nullptr;  ///< only while simulating
};

class ActiveCall;

/// What stands behind nt_writer: a file and the call that it belongs to.
struct CallWriter {
  ActiveCall& call;
  Artifacts::Writer& file;
};

class ActiveCall {
 public:
  ActiveCall(Stage stage, CallSubject subject, PluginCall call);

  // ---- from the plugin, any thread ----
  void log(std::int32_t level, nt_str message);
  void diagnose(const nt_diagnostic* given);
  nt_code progress(double fraction, nt_str activity);
  nt_code metric(const nt_metric* given);
  nt_code placement(const nt_placement* given);
  nt_code artifact_open(nt_str name, nt_writer** out);
  nt_code artifact_write(Artifacts::Writer& writer, const void* data, std::size_t size);
  nt_code artifact_close(Artifacts::Writer& writer);
  nt_code spikes(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
                 const std::uint32_t* neurons, const std::int32_t* payloads, std::size_t count);
  nt_code values(std::uint64_t sample, std::uint32_t population, nt_str variable,
                 std::uint64_t step, const nt_tensor* value);

  // ---- from the host, after the plugin's function has returned ----
  /// Hands every finding to the sink, in an order that does not depend on threads, and says how the
  /// call ended: the first error of this call, if there is one.
  Result<> finish(nt_code code);
  /// The contract was broken in a way that only the caller can see, such as NT_OK without an
  /// object.
  void misbehaved(std::string message);
  Results& results() { return *results_; }
  std::vector<std::string> artifact_names() const { return artifacts_.names(); }

  nt_call* handle();

 private:
  struct Finding {
    std::int32_t subject = 0;
    std::uint32_t index = 0;
    Diagnostic diagnostic;
  };
  void add(Finding finding);
  Finding finding_of(const nt_diagnostic& given) const;
  void place_at_option(Finding& finding, nt_str key) const;
  /// Turns a refusal into a finding and a code for the plugin.
  nt_code answer(Result<> result);
  nt_code only_while(bool allowed, std::string_view what);
  void explain(nt_code code);
  bool has_error() const;

  Stage stage_;
  CallSubject subject_;
  PluginCall call_;
  Artifacts artifacts_;
  std::optional<Results> results_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> artifacts_refused_{false};
  mutable std::mutex mutex_;
  std::vector<Finding> findings_;
  std::size_t errors_ = 0, others_ = 0;
  std::deque<CallWriter> writers_;  ///< their addresses are handles
};

/// nullptr where a plugin hands in no handle.
ActiveCall* call_of(nt_call* handle);
CallWriter* writer_of(nt_writer* handle);

}  // namespace neurotool
