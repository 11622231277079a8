// Spreads samples over threads. Each thread keeps one Runner; counts are whole numbers and add up
// to the same in any order, records are stored by sample. When numbers overflow, the lowest failing
// sample is run again step by step, so that the report does not depend on windows or threads.
#include "engine.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>

#include "probes.hpp"
#include "runner.hpp"

namespace neurotool::cpu {
namespace {

/// Thrown in threads that stop because another one was told to.
struct Stopped {};

/// Passes progress on, from any thread, not too often; stops all threads when one is told to stop.
class Ticker {
 public:
  Ticker(const Environment& environment, std::uint64_t samples)
      : environment_(environment), samples_(samples) {}

  void tick() {
    if (stopped_.load(std::memory_order_relaxed)) throw Stopped{};
    const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
    std::int64_t last = last_.load(std::memory_order_relaxed);
    if (now - last < kInterval || !last_.compare_exchange_strong(last, now)) return;
    try {
      const double done = static_cast<double>(done_.load());
      if (environment_.progress) environment_.progress(done / static_cast<double>(samples_));
    } catch (...) {
      stopped_ = true;
      throw;
    }
  }
  void finish_sample() { ++done_; }

 private:
  static constexpr std::int64_t kInterval = 50'000'000;  // nanoseconds

  const Environment& environment_;
  const std::uint64_t samples_;
  std::atomic<std::int64_t> last_{0};
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> stopped_{false};
};

/// Lends runners: at most one per thread exists, and one that is given back is used again.
template <class Number>
class RunnerPool {
 public:
  RunnerPool(const RunPlan<Number>& plan, Ticker& ticker) : plan_(plan), ticker_(ticker) {}

  class Loan {
   public:
    explicit Loan(RunnerPool& pool) : pool_(pool), runner_(pool.take()) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { pool_.give_back(std::move(runner_)); }
    Runner<Number>* operator->() { return runner_.get(); }

   private:
    RunnerPool& pool_;
    std::unique_ptr<Runner<Number>> runner_;
  };

  void add_counts(Counts& counts) const {
    for (const auto& runner : idle_) runner->add_counts(counts);
  }

 private:
  std::unique_ptr<Runner<Number>> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto runner = std::move(idle_.back());
        idle_.pop_back();
        return runner;
      }
      // So that giving back cannot throw.
      idle_.reserve(++made_);
    }
    return std::make_unique<Runner<Number>>(plan_, [this] { ticker_.tick(); });
  }
  void give_back(std::unique_ptr<Runner<Number>> runner) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(runner));
  }

  const RunPlan<Number>& plan_;
  Ticker& ticker_;
  std::mutex mutex_;
  std::size_t made_ = 0;
  std::vector<std::unique_ptr<Runner<Number>>> idle_;
};

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

template <class Number>
RunError overflow_error(const Program<Number>& program, std::uint64_t sample,
                        const Overflow& overflow) {
  const char* range = std::is_same_v<Number, float> ? "the finite numbers" : "32 bits";
  return RunError(RunError::Cause::kNumbers, overflow.population, "cpu.overflow",
                  std::string("the ") + overflow.what + " of neuron " +
                      std::to_string(overflow.neuron) + " of '" +
                      program.populations[overflow.population].facts.name + "' leaves " + range +
                      " at step " + std::to_string(overflow.step) + " of sample " +
                      std::to_string(sample) + ": " + number(overflow.value),
                  "use fewer fraction bits or narrower weights in 'quantize', or fewer steps");
}

template <class Number>
class TypedEngine final : public Engine {
 public:
  TypedEngine(const Network& network, const Options& options)
      : program_(compile<Number>(network, options)) {}

  std::uint64_t weight_bytes() const override { return program_->weight_bytes; }

  std::vector<Problem> find_range_problems() const override {
    std::vector<Problem> problems;
    const std::vector<Mode> modes = choose_modes(*program_, 1, declared_ranges(*program_));
    for (std::uint32_t i = 0; i < modes.size(); ++i) {
      if (!modes[i].may_spill) continue;
      problems.push_back({Problem::Subject::kPopulation, i, "cpu.range",
                          "a current of '" + program_->populations[i].facts.name + "' may reach " +
                              number(modes[i].current) + ", beyond 64 bits",
                          "use narrower weights, shifts or inputs"});
    }
    return problems;
  }

  RunResult run(const RunRequest& request, const Environment& environment) const override {
    check_probes(*program_, request.probes);
    const RunPlan<Number> plan = plan_run(*program_, request);
    RunResult result;
    result.records.resize(request.samples);
    result.counts.spikes.resize(program_->populations.size());
    result.counts.synaptic_ops.resize(program_->populations.size());

    Ticker ticker(environment, std::max<std::uint64_t>(request.samples, 1));
    RunnerPool<Number> runners(plan, ticker);
    std::atomic<std::uint64_t> lowest_failure{request.samples};
    environment.parallel_for(request.samples, [&](std::size_t first, std::size_t last) {
      typename RunnerPool<Number>::Loan runner(runners);
      for (std::size_t sample = first; sample < last && sample < lowest_failure; ++sample) {
        try {
          if (runner->run(sample, result.records[sample])) lower(lowest_failure, sample);
        } catch (const Stopped&) {
          return;
        }
        ticker.finish_sample();
      }
    });
    if (lowest_failure < request.samples) explain(plan, lowest_failure, ticker);
    runners.add_counts(result.counts);
    return result;
  }

 private:
  static void lower(std::atomic<std::uint64_t>& lowest, std::uint64_t sample) {
    std::uint64_t known = lowest.load();
    while (sample < known && !lowest.compare_exchange_weak(known, sample)) {
    }
  }

  /// Finds the first step at which a sample fails, whatever the window of the run was.
  [[noreturn]] void explain(const RunPlan<Number>& run, std::uint64_t sample,
                            Ticker& ticker) const {
    RunPlan<Number> plan = run;
    plan.window = 1;
    plan.probes.clear();
    std::vector<ProbeRecord> records;
    const auto overflow = Runner<Number>(plan, [&] { ticker.tick(); }).run(sample, records);
    throw overflow_error(*program_, sample, overflow.value_or(Overflow{}));
  }

  std::unique_ptr<const Program<Number>> program_;
};

}  // namespace

std::unique_ptr<const Engine> Engine::make(const Network& network, const Options& options) {
  if (network.arithmetic == Arithmetic::kInteger) {
    return std::make_unique<TypedEngine<std::int32_t>>(network, options);
  }
  return std::make_unique<TypedEngine<float>>(network, options);
}

}  // namespace neurotool::cpu
