// What stands behind nt_call in a check: it keeps all that the plugin pushes and notes every breach
// of the contract instead of ending at the first. The rules themselves are the host's own
// (target/results.hpp, target/artifacts.hpp), so that what passes here passes there.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "target/abi_values.hpp"
#include "target/results.hpp"
#include "target/target.hpp"

namespace neurotool::conformance {

/// Which part of the contract was broken.
enum class Topic {
  kCall,
  kDiagnostic,
  kMetric,
  kPlacement,
  kArtifact,
  kWriter,
  kSpikes,
  kValues,
  kTwice,
};

struct Offence {
  Topic topic;
  std::string text;
};

struct PushedDiagnostic {
  std::int32_t severity = 0, subject = 0;
  std::uint32_t subject_index = 0;
  std::string subject_key, code, message, help;
};

struct PushedArtifact {
  std::string name, media_type, content;
  bool closed = false;
};

/// How parallel_for is served: the answers must not depend on it.
enum class Split { kWhole, kOneByOneBackwards, kEightThreads };

/// What a call is about and how the host behaves in it.
struct CallRules {
  const SpikeGraph* graph = nullptr;         ///< null while opening
  const SimulateRequest* request = nullptr;  ///< only while simulating
  std::int64_t stop_at = -1;                 ///< progress answers NT_CANCELLED from this call on
  bool takes_artifacts = false;
  Split split = Split::kWhole;
};

/// One call. Functions may be called from any thread; what was pushed is read after the call.
class Recorder {
 public:
  explicit Recorder(CallRules rules);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  nt_call* handle() { return reinterpret_cast<nt_call*>(this); }
  const CallRules& rules() const { return rules_; }
  /// The plugin's function has returned: orders the results, and looks for what must be finished
  /// now.
  void end();

  // ---- from the plugin ----
  void log(std::int32_t level, nt_str message);
  void diagnose(const nt_diagnostic* given);
  nt_code progress(double fraction);
  nt_code metric(const nt_metric* given);
  nt_code placement(const nt_placement* given);
  nt_code artifact_open(nt_str name, nt_str media_type, nt_writer** out);
  nt_code artifact_write(PushedArtifact& artifact, const void* data, std::size_t size);
  nt_code artifact_close(PushedArtifact& artifact);
  nt_code spikes(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
                 const std::uint32_t* neurons, const std::int32_t* payloads, std::size_t count);
  nt_code values(std::uint64_t sample, std::uint32_t population, nt_str variable,
                 std::uint64_t step, const nt_tensor* value);
  void breach(Topic topic, std::string text);

  // ---- what was pushed; the first four are filled by end() ----
  std::vector<Metric> metrics;
  std::vector<Placement> placements;
  std::vector<SpikeRecord> spike_records;
  std::vector<ValueRecord> value_records;
  std::vector<PushedDiagnostic> diagnostics;
  std::deque<PushedArtifact> artifacts;  ///< sorted by name by end()
  std::vector<Offence> offences;
  /// When progress was called, from the start of the call.
  std::vector<std::chrono::steady_clock::duration> progress_times;
  bool said_stop = false;

  bool has_error() const;
  /// True if an error names a population, a projection or an option.
  bool has_subject() const;
  /// The messages of its errors, for a finding; "no diagnostic" if there are none.
  std::string errors_text() const;

 private:
  void check_subject(const nt_diagnostic& given);
  bool may(bool allowed, Topic topic, std::string_view what);
  nt_code take(Topic topic, const Result<>& result);

  CallRules rules_;
  std::chrono::steady_clock::time_point start_;
  std::unique_ptr<Results> results_;
  SpikeGraph no_graph_;
  bool ended_ = false;
  mutable std::mutex mutex_;
};

/// The recorder behind a handle; nullptr, and a note for stray_calls(), where there is none any
/// more.
Recorder* recorder_of(nt_call* handle);
/// The recorder and the artifact behind a writer.
struct WriterEnd {
  Recorder* recorder = nullptr;
  PushedArtifact* artifact = nullptr;
};
WriterEnd writer_of(nt_writer* handle);
/// Calls and writers that were used after they had ended.
std::vector<std::string> stray_calls();

}  // namespace neurotool::conformance
