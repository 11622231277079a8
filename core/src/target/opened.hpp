// A target that has been opened in its plugin. Programs keep it alive, so that they are always
// released before it is closed, and it keeps its plugin running.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "target/call.hpp"
#include "target/library.hpp"

namespace neurotool {

class OpenedTarget {
 public:
  OpenedTarget(std::shared_ptr<Library::Running> running, const DescribedTarget& described,
               TargetDescription description, std::vector<CheckedOption> options)
      : running_(std::move(running)),
        described_(described),
        description_(std::move(description)),
        options_(std::move(options)) {}
  ~OpenedTarget();
  OpenedTarget(const OpenedTarget&) = delete;
  OpenedTarget& operator=(const OpenedTarget&) = delete;

  /// Must be called once, before anything else.
  Result<> open(PluginCall call);

  const TargetDescription& description() const { return description_; }
  const std::vector<CheckedOption>& options() const { return options_; }
  const DescribedTarget& described() const { return described_; }
  const nt_target_info& functions() const { return described_.functions; }
  nt_target* handle() const { return handle_; }
  /// Held around every [serial] function of the target and of its programs.
  std::mutex& serial() { return serial_; }

  CallSubject subject(const SpikeGraph* graph, const SimulateRequest* request = nullptr) const {
    return {description_.name, graph, options_, request};
  }

 private:
  std::shared_ptr<Library::Running> running_;
  const DescribedTarget& described_;  ///< lives in the library
  TargetDescription description_;
  std::vector<CheckedOption> options_;
  nt_target* handle_ = nullptr;
  std::mutex serial_;
};

}  // namespace neurotool
