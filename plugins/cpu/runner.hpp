// Runs samples, one after the other, on one thread: the order of components, windows and rows.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine.hpp"
#include "plain_update.hpp"
#include "run_plan.hpp"
#include "state.hpp"
#include "sums.hpp"

namespace neurotool::cpu {

template <class Number>
class Runner {
 public:
  /// tick() is called every few hundred microseconds of work; it may throw.
  Runner(const RunPlan<Number>& plan, std::function<void()> tick);

  /// Runs one sample; records of all probes. A number out of range ends the sample.
  std::optional<Overflow> run(std::uint64_t sample, std::vector<ProbeRecord>& records);

  /// Adds what the samples so far have counted.
  void add_counts(Counts& counts) const;

 private:
  void start(std::uint64_t sample);
  bool make_constants(std::uint64_t sample);
  void load_input(std::uint32_t population, const Number* values);
  void load_window(std::uint64_t sample, const Steps& steps);
  bool advance(std::uint32_t population, const Steps& steps);
  bool row(std::uint32_t population, const Steps& steps, std::uint32_t row);
  void sleep(std::uint32_t population, std::uint32_t row, std::uint64_t step, std::size_t slot,
             std::uint32_t count);
  bool update_rows(std::uint32_t population, std::uint32_t row, std::uint64_t step,
                   std::size_t slot, std::uint32_t count, const Currents<Number>& currents);
  bool update(std::uint32_t population, std::uint32_t row, std::uint64_t step, std::size_t slot,
              std::uint32_t count, const Currents<Number>& currents);
  bool update_checked(const UpdateRow<Number>& row, std::uint32_t population, std::uint32_t index,
                      std::uint64_t step, std::size_t slot);
  template <class Sum>
  bool update_plain(std::uint32_t population, std::uint32_t row, std::uint64_t step,
                    std::size_t slot, const Sum* current);
  void count_neurons(std::uint32_t population, const Steps& steps);
  void record_window(std::uint32_t steps);
  void keep_history(std::uint32_t steps);
  void finish(std::vector<ProbeRecord>& records);

  const RunPlan<Number>& plan_;
  const Program<Number>& program_;
  State<Number> state_;
  Sums<Number> sums_;
  std::function<void()> tick_;
  std::optional<Overflow> overflow_;
  std::vector<Number> membranes_before_;  ///< of the row at work, where it is checked
  std::vector<std::uint64_t> events_before_;
  LineVector<Number> nothing_;  ///< currents of a row that integrates none
  LineVector<Wide<Number>> wide_nothing_;
  std::vector<ProbeRecord>* records_ = nullptr;
  std::uint64_t samples_ = 0;
};

}  // namespace neurotool::cpu
