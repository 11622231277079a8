// Writes the code of one tile. Sums of projections with different shifts are made from the highest
// shift down: add, double, add, double, so that one block of scratch slots serves all of them.
#include "tile.hpp"

#include <algorithm>
#include <map>

namespace neurotool::spikecore {
namespace {

/// Runs by shift, the highest first. Wide weights are several planes of 8 bits.
using Levels = std::map<std::uint32_t, std::vector<PackedRun>, std::greater<>>;

/// By key; runs of one key keep their order, which is that of slots.
void sort_by_key(std::vector<PackedRun>& runs, std::uint32_t keys) {
  std::vector<std::size_t> next(keys + std::size_t{1}, 0);
  for (const PackedRun& run : runs) ++next[run.key + std::size_t{1}];
  for (std::size_t key = 1; key < next.size(); ++key) next[key] += next[key - 1];
  std::vector<PackedRun> sorted(runs.size());
  for (const PackedRun& run : runs) sorted[next[run.key]++] = run;
  runs = std::move(sorted);
}

class TileMaker {
 public:
  TileMaker(const LayerInput& layer, const SlotPlan& slots, std::int64_t first, std::int64_t count)
      : layer_(layer),
        p_(layer.network->populations[layer.population]),
        slots_(slots),
        first_(first),
        n_(static_cast<int>(count)) {
    scratch_ = n_;
    constant_ = slots.scratch ? 2 * n_ : n_;
    tile_.first = first;
    tile_.count = count;
  }

  Tile make(bool resident) {
    collect();
    add_once_pages();
    if (resident) {
      write_resident();
    } else {
      write_streamed();
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(n_); ++i) {
      const std::int32_t value = p_.initial.at(first_ + static_cast<std::int64_t>(i), p_.neurons);
      if (value != 0) tile_.owner.init.push_back({static_cast<std::uint16_t>(i), value});
    }
    return std::move(tile_);
  }

 private:
  void collect() {
    std::uint32_t keys = 0;
    for (std::size_t i = 0; i < layer_.projections.size(); ++i) keys = collect(i, keys);
    for (Levels* levels : {&step_levels_, &once_levels_}) {
      for (auto& [shift, list] : *levels) sort_by_key(list, keys);
    }
  }

  /// The runs of one projection, with keys from `base` on; returns the key behind the last.
  std::uint32_t collect(std::size_t i, std::uint32_t base) {
    const Projection& projection = layer_.network->projections[layer_.projections[i]];
    const AxonBlock& block = block_of(layer_.blocks, projection);
    const Model sender = layer_.network->populations[projection.source].model;
    Levels& levels = layer_.once[i] ? once_levels_ : step_levels_;
    const Planes& planes = layer_.planes[i];
    std::vector<std::vector<PackedRun>*> lists(planes.size());
    for (std::size_t plane = 0; plane < planes.size(); ++plane) {
      lists[plane] = &levels[projection.shift + static_cast<std::uint32_t>(8 * plane)];
    }
    std::vector<Run> runs;
    std::uint32_t most = 0;
    for (int slot = 0; slot < n_; ++slot) {
      layer_.rows[i]->runs_of(first_ + slot, runs);
      for (const Run& run : runs) {
        PackedRun made;
        made.key = base + run.key;
        made.slot = static_cast<std::uint16_t>(slot);
        made.length = static_cast<std::uint16_t>(run.length);
        made.axon = run.axon;
        made.graded = sender == Model::kInput || sender == Model::kRelay;
        made.second = block.doubled ? run.axon + block.half : 0;
        most = std::max(most, run.key);
        for (std::size_t plane = 0; plane < planes.size(); ++plane) {
          made.weights = planes[plane].data() + run.offset;
          const auto is_zero = [](std::int8_t digit) { return digit == 0; };
          if (plane > 0 && std::all_of(made.weights, made.weights + run.length, is_zero)) continue;
          lists[plane]->push_back(made);
        }
      }
    }
    std::erase_if(levels, [](const auto& level) { return level.second.empty(); });
    return base + most + 1;
  }

  /// The pages of all levels; the code of a level begins by doubling what the levels above it made.
  std::vector<PageProgram> pages_of(const Levels& levels, int slot) const {
    std::vector<PageProgram> all;
    std::uint32_t above = 0;
    for (const auto& [shift, runs] : levels) {
      std::vector<PageProgram> pages = pack_runs(runs, slot);
      if (!all.empty() && !pages.empty()) {
        std::vector<std::uint64_t>& code = pages.front().code;
        const std::vector<std::uint64_t> doubling(above - shift, encode(adda(slot, slot, n_)));
        code.insert(code.begin(), doubling.begin(), doubling.end());
      }
      above = shift;
      std::ranges::move(pages, std::back_inserter(all));
    }
    return all;
  }

  static std::uint32_t lowest_shift(const Levels& levels) {
    return levels.empty() ? 0 : levels.rbegin()->first;
  }

  static void append(std::vector<std::uint64_t>& code, const std::vector<std::uint64_t>& more) {
    code.insert(code.end(), more.begin(), more.end());
  }

  void begin_entry(CoreProgram& core, std::string name) const {
    core.entries.push_back({static_cast<std::uint32_t>(core.code.size()), std::move(name)});
  }

  /// v = decay * v, for stretches of neurons with one factor.
  void write_leak(std::vector<std::uint64_t>& code) const {
    if (p_.decay.empty()) return;
    const PerNeuron decay{p_.decay, 65536};
    for (int begin = 0; begin < n_;) {
      const std::int32_t factor = decay.at(first_ + begin, p_.neurons);
      int end = begin + 1;
      while (end < n_ && decay.at(first_ + end, p_.neurons) == factor) ++end;
      if (factor != 65536) code.push_back(encode(leak(begin, end - begin, factor)));
      begin = end;
    }
  }

  void write_bias(std::vector<std::uint64_t>& code, int slot) const {
    std::vector<Instruction> words;
    for (int i = 0; i < n_; ++i) {
      words.push_back(bias(slot + i, p_.bias.at(first_ + i, p_.neurons)));
    }
    const bool none = std::ranges::all_of(
        words, [](const Instruction& word) { return word[Operand::kImmediate] == 0; });
    if (!none) append(code, fold_slots(words, 1));
  }

  void write_fire(std::vector<std::uint64_t>& code) const {
    if (!p_.sends()) return;
    std::vector<Instruction> words;
    for (int i = 0; i < n_; ++i) {
      if (layer_.graded_output) {
        words.push_back(fire(i, layer_.relay_threshold, 0, 0));
        continue;
      }
      // Receivers count spikes; a shift by 24 keeps any payload inside 8 bits.
      constexpr int kPresenceOnly = 24;
      words.push_back(fire(i, p_.threshold.at(first_ + i, p_.neurons), kPresenceOnly,
                           p_.reset == Reset::kSubtract ? kFireSubtract : std::uint8_t{0}));
    }
    append(code, fold_slots(words, 1));
  }

  /// Scratch, shifted, into the membranes; then scratch is empty again.
  void write_shift(std::vector<std::uint64_t>& code, std::uint32_t shift, int from, int to) const {
    for (std::uint32_t i = 0; i < shift; ++i) code.push_back(encode(adda(from, from, n_)));
    code.push_back(encode(adda(to, from, n_)));
    code.push_back(encode(leak(from, n_, 0)));
  }

  /// Everything of a step but the sums of pages.
  void write_update(std::vector<std::uint64_t>& code, bool sums_here) const {
    if (sums_here && slots_.scratch && !step_levels_.empty()) {
      write_shift(code, lowest_shift(step_levels_), scratch_, 0);
    }
    if (slots_.constant) {
      code.push_back(encode(adda(0, constant_, n_)));
    } else {
      write_bias(code, 0);
    }
    write_fire(code);
  }

  void add_once_pages() {
    if (!slots_.constant) return;
    once_ = pages_of(once_levels_, constant_);
    tile_.once_pages = static_cast<std::uint32_t>(std::max<std::size_t>(once_.size(), 1));
    // A tile may hear nothing: it has a bias still.
    if (once_.empty()) once_.push_back({{0}, {}, 0, 0});
  }

  void write_once(CoreProgram& core) const {
    for (std::size_t i = 0; i < once_.size(); ++i) {
      begin_entry(core, "once" + std::to_string(i));
      append(core.code, once_[i].code);
      if (i + 1 == once_.size()) {
        for (std::uint32_t k = 0; k < lowest_shift(once_levels_); ++k) {
          core.code.push_back(encode(adda(constant_, constant_, n_)));
        }
        write_bias(core.code, constant_);
      }
      core.code.push_back(encode(halt()));
      core.pages.push_back(once_[i].page);
    }
  }

  /// Pages of one core, one after the other; a single page needs no pass of its own.
  void write_streamed() {
    const int slot = slots_.scratch ? scratch_ : 0;
    std::vector<PageProgram> pages = pages_of(step_levels_, slot);
    tile_.step_pages = static_cast<std::uint32_t>(pages.size());
    tile_.conditional = step_levels_.size() == 1;
    CoreProgram& core = tile_.owner;
    begin_entry(core, "update");
    // With several pages the membranes are only touched here, so their leak may come first.
    write_leak(core.code);
    if (pages.size() == 1) append(core.code, pages.front().code);
    write_update(core.code, true);
    core.code.push_back(encode(halt()));
    for (std::size_t i = 0; i < pages.size(); ++i) {
      if (pages.size() > 1) {
        begin_entry(core, "page" + std::to_string(i));
        append(core.code, pages[i].code);
        core.code.push_back(encode(halt()));
      }
      core.pages.push_back(pages[i].page);
      tile_.page_axons.push_back({static_cast<std::uint16_t>(pages[i].first_axon),
                                  static_cast<std::uint16_t>(pages[i].last_axon)});
    }
    write_once(core);
  }

  /// Each page has a core of its own; those but the first send what they summed to the membranes.
  void write_resident() {
    const int slot = slots_.scratch ? scratch_ : 0;
    struct Part {
      PageProgram page;
      std::uint32_t shift;
    };
    std::vector<Part> parts;
    for (const auto& [shift, runs] : step_levels_) {
      for (PageProgram& page : pack_runs(runs, slot)) parts.push_back({std::move(page), shift});
    }
    tile_.step_pages = parts.empty() ? 0u : 1u;
    CoreProgram& owner = tile_.owner;
    if (parts.size() <= 1) return write_streamed();
    begin_entry(owner, "update");
    write_update(owner.code, false);
    owner.code.push_back(encode(halt()));
    begin_entry(owner, "sum");
    write_leak(owner.code);
    append(owner.code, parts.front().page.code);
    if (slots_.scratch) write_shift(owner.code, parts.front().shift, scratch_, 0);
    owner.code.push_back(encode(halt()));
    owner.pages.push_back(parts.front().page.page);
    for (std::size_t i = 1; i < parts.size(); ++i) {
      CoreProgram helper;
      // Entry 0 is that of the owner's update: nothing to do here.
      begin_entry(helper, "update");
      helper.code.push_back(encode(halt()));
      begin_entry(helper, "sum");
      append(helper.code, parts[i].page.code);
      for (std::uint32_t k = 0; k < parts[i].shift; ++k) {
        helper.code.push_back(encode(adda(slot, slot, n_)));
      }
      helper.code.push_back(encode(psum(slot, n_)));
      helper.code.push_back(encode(halt()));
      helper.pages.push_back(parts[i].page.page);
      tile_.helpers.push_back(std::move(helper));
    }
    write_once(owner);
  }

  const LayerInput& layer_;
  const Population& p_;
  const SlotPlan slots_;
  const std::int64_t first_;
  const int n_;
  int scratch_ = 0, constant_ = 0;
  Levels step_levels_, once_levels_;
  std::vector<PageProgram> once_;
  Tile tile_;
};

}  // namespace

Planes planes_of(std::span<const std::int32_t> weights) {
  Planes planes(1);
  std::vector<std::int64_t> rest(weights.begin(), weights.end());
  for (std::size_t plane = 0; true; ++plane) {
    bool more = false;
    planes[plane].reserve(rest.size());
    for (std::int64_t& weight : rest) {
      const auto digit = static_cast<std::int8_t>(static_cast<std::uint8_t>(weight & 0xff));
      planes[plane].push_back(digit);
      weight = (weight - digit) >> 8;
      more = more || weight != 0;
    }
    if (!more) return planes;
    planes.emplace_back();
  }
}

SlotPlan slot_plan(const LayerInput& layer) {
  SlotPlan plan;
  const Population& p = layer.network->populations[layer.population];
  for (std::size_t i = 0; i < layer.projections.size(); ++i) {
    const Projection& projection = layer.network->projections[layer.projections[i]];
    if (layer.once[i]) {
      plan.constant = true;
      continue;
    }
    const bool wide =
        std::ranges::any_of(projection.weight, [](std::int32_t w) { return w < -128 || w > 127; });
    // A leak must come before the sums of its step; scratch keeps them apart.
    if (projection.shift > 0 || wide || !p.decay.empty()) plan.scratch = true;
  }
  return plan;
}

Tile make_tile(const LayerInput& layer, const SlotPlan& slots, std::int64_t first,
               std::int64_t count, bool resident) {
  return TileMaker(layer, slots, first, count).make(resident);
}

}  // namespace neurotool::spikecore
