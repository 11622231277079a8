// Brings the populations of a lowered network to whole numbers, layer by layer: weights on their
// own grid or on one of `weight_bits`, sums whose range is proved, and for each neuron a threshold
// and v(0) so that clip(floor((2^F A + v0) / theta), low, high) is the count that the network asks
// for. When neurons integrate and fire is decided afterwards (schedule.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "passes/exact/certificate.hpp"
#include "passes/exact/exact_options.hpp"
#include "passes/exact/level_parts.hpp"
#include "passes/lower/lowering.hpp"
#include "passes/pass.hpp"
#include "passes/spike/bounds.hpp"
#include "passes/spike/input_range.hpp"
#include "passes/spike/integer_weights.hpp"

namespace neurotool::exact {

/// Also the sum of magnitudes fits 32 bits: it is the difference of both bounds at most.
inline bool has_room(const integer::Interval& sum) {
  return sum.low >= -0x1p30 && sum.high <= 0x1p30;
}

class IntegerLayers {
 public:
  IntegerLayers(lower::Lowered& lowered, const ExactOptions& options, Realisation realisation,
                std::string path, Context& context)
      : graph_(lowered.graph),
        sites_(lowered.level_sites),
        options_(options),
        realisation_(realisation),
        path_(std::move(path)),
        context_(context) {}

  /// All findings go to the context's diagnostics; the returned error is the first.
  Result<> run(const std::optional<InputRange>& range);
  /// Whether the levels of a layer were shared out to several populations.
  bool has_split() const { return has_split_; }

 private:
  /// What a population sends over a whole sample.
  struct Sent {
    double unit = 1;                     ///< real value that weights do not hold yet
    integer::ChannelIntervals channels;  ///< of the counts, or sums
  };
  struct Branch {
    ProjectionId id;
    integer::Weights real, whole;
    std::uint32_t bits = 8;   ///< of a stored weight
    std::uint32_t shift = 0;  ///< of the sum
  };
  /// The first channel that no single threshold serves, and why.
  struct Uncertified {
    std::int64_t channel = 0;
    NoCertificate why;
  };
  /// Whole-number form of one population, before it is known to fit.
  struct Candidate {
    int fraction_bits = 0;
    std::vector<double> membrane;  ///< real value of one unit, per channel
    std::vector<std::int64_t> threshold, initial;
    std::vector<std::int64_t> bias;  ///< one, or one per channel or neuron, as the population's
    integer::Interval sum, range;    ///< of all sums and of all membranes
    bool fits = false;
    /// Also the sum of magnitudes fits, so that targets need no wider numbers on the way.
    bool has_room = false;
  };

  void absorb_input_quantizers();
  bool absorbed(const lower::LevelSite& site);
  void make_input(PopulationId id, const std::optional<InputRange>& range);
  void make_relay(PopulationId id);
  void make_site(const lower::LevelSite& site);
  void make_readout(PopulationId id);

  std::vector<Branch> branches(PopulationId id, bool per_channel) const;
  double least_unit(PopulationId id, std::int64_t channel, const std::vector<Branch>& parts) const;
  std::vector<double> sum_units(PopulationId id, const std::vector<Branch>& parts,
                                bool per_channel) const;
  void round_weights(std::vector<Branch>& parts, const std::vector<double>& unit,
                     int fraction_bits) const;
  integer::ChannelIntervals sums(PopulationId id, const std::vector<Branch>& parts,
                                 integer::Interval& every) const;
  std::vector<std::int64_t> whole_bias(PopulationId id, const std::vector<double>& unit) const;
  integer::Interval bias_of_channel(PopulationId id, const std::vector<std::int64_t>& bias,
                                    std::int64_t channel) const;
  Candidate floored(const lower::LevelSite& site, std::vector<Branch>& parts,
                    const std::vector<double>& unit, int fraction_bits) const;
  Candidate most_precise(const lower::LevelSite& site, std::vector<Branch>& parts,
                         const std::vector<double>& unit) const;
  void report_moved(const lower::LevelSite& site, const std::vector<Branch>& parts,
                    const std::vector<double>& unit, const Candidate& chosen);
  /// What the network's rounding makes of the whole sums of a layer, channel by channel.
  struct Rule {
    std::vector<ThresholdTable> tables;  ///< of sums with their bias
    std::vector<double> sums_per_count;
    std::vector<std::int64_t> bias;
  };
  /// Nothing where there is no such rule; that has been reported.
  std::optional<Rule> rule_of(const lower::LevelSite& site, std::vector<Branch>& parts,
                              const std::vector<double>& unit);
  ThresholdTable table_of(const lower::LevelSite& site, std::int64_t channel, double unit,
                          const integer::Interval& sums, double whole_bias,
                          double& sums_per_count) const;
  /// One neuron that follows the rule on every sum of each channel.
  tl::expected<Candidate, Uncertified> certified(const lower::LevelSite& site,
                                                 std::vector<Branch>& parts,
                                                 const std::vector<double>& unit, const Rule& rule);
  void refuse_rounding(const lower::LevelSite& site, const Uncertified& none);
  /// Several neurons in place of one (level_parts.hpp); false where that takes too many.
  bool split(const lower::LevelSite& site, std::vector<Branch>& parts,
             const std::vector<double>& unit, const Rule& rule);
  std::optional<std::vector<Candidate>> part_candidates(const lower::LevelSite& site,
                                                        const std::vector<double>& unit,
                                                        const Rule& rule,
                                                        const integer::ChannelIntervals& sum,
                                                        std::vector<LevelPart>& found);
  PopulationId relay_before(PopulationId id, std::vector<Branch>& parts,
                            const std::vector<double>& unit);
  void relay_behind(PopulationId id, const std::vector<PopulationId>& sources);
  void lower_unreached(const lower::LevelSite& site, const integer::ChannelIntervals& sum,
                       Candidate& candidate) const;
  void check_range(const lower::LevelSite& site, const integer::ChannelIntervals& sum,
                   Candidate& candidate) const;
  void store(PopulationId id, const std::vector<Branch>& parts, const Candidate& chosen);
  void store_weights(const std::vector<Branch>& parts, const std::vector<double>& membrane);
  void refuse(PopulationId id, std::string_view code, std::string message, std::string help);
  void overflow(PopulationId id, const Candidate& candidate);
  void fact(PopulationId id, const char* name, double value);
  const std::string& node_of(PopulationId id) const;

  SpikeGraph& graph_;
  std::vector<lower::LevelSite>& sites_;
  const ExactOptions& options_;
  Realisation realisation_;
  std::string path_;
  Context& context_;
  std::vector<Sent> sent_;  ///< by population
  bool has_split_ = false;
};

}  // namespace neurotool::exact
