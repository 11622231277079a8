// Part of neurotool/plugin/sdk.hpp: the call in progress, through which everything goes to the
// host.
#ifndef NEUROTOOL_PLUGIN_SDK_CALL_HPP
#define NEUROTOOL_PLUGIN_SDK_CALL_HPP

#include <neurotool/plugin/sdk/graph.hpp>

#include <atomic>
#include <initializer_list>
#include <mutex>

namespace neurotool::sdk {

enum class Origin : std::int32_t {
  kMeasured = NT_MEASURED,    ///< on silicon; only nt.device may say so
  kSimulated = NT_SIMULATED,  ///< counted by a simulator
  kModelled = NT_MODELLED,    ///< computed from constants
};

/// An option as the subject of a message: call.error(nt::Option{"core_size"}, …).
struct Option {
  std::string_view key;
};

/// What a message is about; the host adds the name and where it came from.
class Subject {
 public:
  Subject() = default;
  Subject(const Population& population) : kind_(NT_POPULATION), index_(population.index) {}
  Subject(const Projection& projection) : kind_(NT_PROJECTION), index_(projection.index) {}
  Subject(const Option& option) : kind_(NT_OPTION), key_(option.key) {}

 private:
  friend class Report;
  std::int32_t kind_ = 0;
  std::uint32_t index_ = 0;
  std::string_view key_;
};

/// A diagnostic that is sent when the statement ends; help() adds the way out.
class Report {
 public:
  Report(nt_call* call, std::int32_t severity, Subject subject, std::string_view code,
         std::string message)
      : call_(call),
        severity_(severity),
        subject_(subject),
        code_(code),
        message_(std::move(message)) {}
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report() {
    nt_diagnostic diagnostic = detail::sized<nt_diagnostic>();
    diagnostic.severity = severity_;
    diagnostic.subject = subject_.kind_;
    diagnostic.subject_index = subject_.index_;
    diagnostic.subject_key = str(subject_.key_);
    diagnostic.code = str(code_);
    diagnostic.message = str(message_);
    diagnostic.help = str(help_);
    detail::host->diagnose(call_, &diagnostic);
  }

  template <class... Args>
  void help(std::string_view pattern, const Args&... args) {
    help_ = format(pattern, args...);
  }

 private:
  nt_call* call_;
  std::int32_t severity_;
  Subject subject_;
  std::string_view code_;
  std::string message_, help_;
};

/// An artifact being written; closed when it goes out of scope.
class Artifact {
 public:
  explicit Artifact(nt_writer* writer) : writer_(writer) {}
  Artifact(Artifact&& other) noexcept : writer_(std::exchange(other.writer_, nullptr)) {}
  Artifact& operator=(Artifact&&) = delete;
  ~Artifact() {
    if (writer_ != nullptr) detail::host->results->artifact_close(writer_);
  }

  void write(const void* data, std::size_t size) {
    detail::expect_ok(detail::host->results->artifact_write(writer_, data, size));
  }
  void write(std::string_view text) { write(text.data(), text.size()); }
  template <class... Args>
  void print(std::string_view pattern, const Args&... args) {
    write(format(pattern, args...));
  }
  /// Like leaving the scope, but throws where the host could not keep the file.
  void close() {
    detail::expect_ok(detail::host->results->artifact_close(std::exchange(writer_, nullptr)));
  }

 private:
  nt_writer* writer_;
};

struct Placement {
  std::uint32_t population = 0;
  std::uint64_t first_neuron = 0, neuron_count = 0;
  std::uint32_t chip = 0, core = 0;
};

namespace detail {
/// What the call will answer: of several errors, the code with the lowest number.
class Answer {
 public:
  void add(nt_code code) {
    nt_code now = code_.load();
    while ((now == NT_OK || code < now) && !code_.compare_exchange_weak(now, code)) {
    }
  }
  nt_code code() const { return code_.load(); }

 private:
  std::atomic<nt_code> code_{NT_OK};
};
}  // namespace detail

/// Handed to every function of a plugin; cheap to copy, usable from any thread until the function
/// returns. Where the host answers that it has had enough, these functions throw and the call ends.
class Call {
 public:
  Call(nt_call* call, detail::Answer& answer) : call_(call), answer_(&answer) {}

  template <class... Args>
  void log(std::int32_t level, std::string_view pattern, const Args&... args) const {
    const std::string text = format(pattern, args...);
    detail::host->log(call_, level, str(text));
  }

  /// fraction in 0..1, or negative for "still alive". Call it ten times a second or more: this is
  /// where a cancelled run stops, by an exception.
  void progress(double fraction, std::string_view activity = {}) const {
    detail::expect_ok(detail::host->progress(call_, fraction, str(activity)));
  }

  /// A finding that makes the call fail when it returns; go on and report the others.
  template <class... Args>
  Report error(Subject subject, std::string_view code, std::string_view pattern,
               const Args&... args) const {
    return refuse(NT_FAILED, subject, code, format(pattern, args...));
  }
  template <class... Args>
  Report error(std::string_view code, std::string_view pattern, const Args&... args) const {
    return refuse(NT_FAILED, {}, code, format(pattern, args...));
  }
  /// As error(): a legal graph that this target cannot serve; another might.
  template <class... Args>
  Report unsupported(Subject subject, std::string_view code, std::string_view pattern,
                     const Args&... args) const {
    return refuse(NT_UNSUPPORTED, subject, code, format(pattern, args...));
  }
  /// As error(): a bigger device, or fewer bits, would do.
  template <class... Args>
  Report no_room(Subject subject, std::string_view code, std::string_view pattern,
                 const Args&... args) const {
    return refuse(NT_NO_ROOM, subject, code, format(pattern, args...));
  }
  template <class... Args>
  Report warn(Subject subject, std::string_view code, std::string_view pattern,
              const Args&... args) const {
    return Report(call_, NT_WARNING, subject, code, format(pattern, args...));
  }
  template <class... Args>
  Report note(Subject subject, std::string_view code, std::string_view pattern,
              const Args&... args) const {
    return Report(call_, NT_NOTE, subject, code, format(pattern, args...));
  }

  /// True once something was refused by the functions above: time to return.
  bool failed() const { return answer_->code() != NT_OK; }

  /// Refuses every parameter of `node` that is not in `known`: what a target must do with words
  /// that it does not understand.
  template <class Node>
  void refuse_other_parameters(const Node& node, std::initializer_list<std::string_view> known,
                               std::string_view code) const {
    for (const Parameter& parameter : node.parameters()) {
      bool found = false;
      for (const std::string_view name : known) found = found || name == parameter.name;
      if (!found) {
        unsupported(node, code, "parameter '{}' is not supported here", parameter.name);
      }
    }
  }

  /// name is dotted and lower case; "1" is the unit of counts. limit: capacity, 0 = none.
  void metric(std::string_view name, double value, std::string_view unit, Origin origin,
              double limit = 0) const {
    nt_metric metric = detail::sized<nt_metric>();
    metric.name = str(name);
    metric.unit = str(unit);
    metric.value = value;
    metric.limit = limit;
    metric.origin = static_cast<std::int32_t>(origin);
    detail::expect_ok(detail::host->results->metric(call_, &metric));
  }

  void placement(const Placement& place) const {
    nt_placement placement = detail::sized<nt_placement>();
    placement.first_neuron = place.first_neuron;
    placement.neuron_count = place.neuron_count;
    placement.population = place.population;
    placement.chip = place.chip;
    placement.core = place.core;
    detail::expect_ok(detail::host->results->placement(call_, &placement));
  }

  /// A file in the report's folder. name is relative and '/'-separated.
  Artifact artifact(std::string_view name, std::string_view media_type) const {
    nt_writer* writer = nullptr;
    detail::expect_ok(
        detail::host->results->artifact_open(call_, str(name), str(media_type), &writer));
    return Artifact(writer);
  }

  /// Spikes of one sample and step, ascending neurons; payloads empty = 1 each.
  void spikes(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
              Span<const std::uint32_t> neurons, Span<const std::int32_t> payloads = {}) const {
    if (!payloads.empty() && payloads.size() != neurons.size()) {
      throw Failure(NT_INTERNAL, "plugin.misuse",
                    format("{} payloads for {} spikes", payloads.size(), neurons.size()));
    }
    detail::expect_ok(detail::host->results->spikes(call_, sample, population, step, neurons.data(),
                                                    payloads.empty() ? nullptr : payloads.data(),
                                                    neurons.size()));
  }
  void values(std::uint64_t sample, std::uint32_t population, std::string_view variable,
              std::uint64_t step, const TensorView& value) const {
    detail::expect_ok(detail::host->results->values(call_, sample, population, str(variable), step,
                                                    &value.raw()));
  }

  /// body(first, last) over disjoint ranges of [0, count) on the host's threads; waits. body may
  /// throw: of several exceptions, that of the lowest range arrives here.
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const;

  nt_call* raw() const { return call_; }

 private:
  Report refuse(nt_code answer, Subject subject, std::string_view code, std::string message) const {
    answer_->add(answer);
    return Report(call_, NT_ERROR, subject, code, std::move(message));
  }

  nt_call* call_;
  detail::Answer* answer_;
};

namespace detail {

template <class Body>
struct Loop {
  explicit Loop(Body& what) : body(what) {}
  static void run(void* user, std::size_t first, std::size_t last) noexcept {
    auto* loop = static_cast<Loop*>(user);
    try {
      loop->body(first, last);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(loop->mutex);
      if (loop->failure && loop->failed_at < first) return;
      loop->failure = std::current_exception();
      loop->failed_at = first;
    }
  }

  Body& body;
  std::mutex mutex;
  std::exception_ptr failure;
  std::size_t failed_at = 0;
};

}  // namespace detail

template <class Body>
void Call::parallel_for(std::size_t count, Body&& body) const {
  using Loop = detail::Loop<std::remove_reference_t<Body>>;
  Loop loop(body);
  const nt_code code = detail::host->parallel_for(call_, count, &Loop::run, &loop);
  if (loop.failure) std::rethrow_exception(loop.failure);
  detail::expect_ok(code);
}

}  // namespace neurotool::sdk

#endif
