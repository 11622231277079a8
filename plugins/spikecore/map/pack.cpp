// Packs runs into pages and folds regular sequences of ACC into REP.
#include "pack.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>

namespace neurotool::spikecore {
namespace {

constexpr std::size_t kMostBody = 15;

/// The operands of an ACC, without its word: a tile has tens of thousands of them.
struct Acc {
  std::int32_t slot = 0, weight = 0, length = 0, axon = 0;
  bool graded = false;

  std::uint64_t word() const { return encode(acc(slot, weight, axon, length, graded)); }
};

/// An arithmetic sequence of ACC: `count` times, each one slot further.
struct Sequence {
  Acc first, last;
  std::uint32_t count = 1;
  std::int32_t weight_step = 0, axon_step = 0;

  /// Takes `next` in if it goes on.
  bool take(const Acc& next) {
    if (next.graded != last.graded || next.length != last.length || next.slot != last.slot + 1 ||
        count >= 65536) {
      return false;
    }
    const std::int32_t dw = next.weight - last.weight, ds = next.axon - last.axon;
    if (count == 1) {
      if (dw < -128 || dw > 127 || ds < -32768 || ds > 32767) return false;
      weight_step = dw;
      axon_step = ds;
    } else if (dw != weight_step || ds != axon_step) {
      return false;
    }
    last = next;
    ++count;
    return true;
  }
};

/// Sequences as they grow; those that move alike share REP, up to 15 words in a body.
class Folder {
 public:
  void add(const Acc& next) {
    if (sequences_.empty() || !sequences_.back().take(next)) sequences_.push_back({next, next});
  }

  void fold(std::vector<std::uint64_t>& code) {
    using Steps = std::tuple<std::uint32_t, std::int32_t, std::int32_t>;
    std::map<Steps, std::vector<Acc>> alike;
    for (const Sequence& s : sequences_) {
      if (s.count >= 3) {
        alike[{s.count, s.weight_step, s.axon_step}].push_back(s.first);
        continue;
      }
      Acc at = s.first;
      for (std::uint32_t k = 0; k < s.count; ++k) {
        code.push_back(at.word());
        at.slot += 1;
        at.weight += s.weight_step;
        at.axon += s.axon_step;
      }
    }
    sequences_.clear();
    for (const auto& [steps, firsts] : alike) {
      const auto& [count, weight_step, axon_step] = steps;
      for (std::size_t begin = 0; begin < firsts.size(); begin += kMostBody) {
        const std::size_t body = std::min(kMostBody, firsts.size() - begin);
        code.push_back(encode(
            rep(static_cast<int>(count), static_cast<int>(body), 1, weight_step, axon_step)));
        for (std::size_t k = begin; k < begin + body; ++k) code.push_back(firsts[k].word());
      }
    }
  }

 private:
  std::vector<Sequence> sequences_;
};

class Packer {
 public:
  explicit Packer(int base) : base_(base) {}

  std::vector<PageProgram> pack(const std::vector<PackedRun>& runs) {
    for (const PackedRun& run : runs) add(run);
    close();
    return std::move(pages_);
  }

 private:
  static std::string_view bytes_of(const PackedRun& run) {
    return {reinterpret_cast<const char*>(run.weights), run.length};
  }

  /// Where the weights of a run stand on the page, which may be a new one.
  int place(const PackedRun& run) {
    // Neurons of one channel follow each other, and their weights are the same memory.
    if (run.weights == last_ && run.length == last_length_) return last_offset_;
    auto at = offsets_.find(bytes_of(run));
    if (at == offsets_.end()) {
      if (page_.size() + run.length > kWeightBytes) close();
      at = offsets_.emplace(bytes_of(run), static_cast<int>(page_.size())).first;
      page_.insert(page_.end(), run.weights, run.weights + run.length);
    }
    last_ = run.weights;
    last_length_ = run.length;
    last_offset_ = at->second;
    return last_offset_;
  }

  void add(const PackedRun& run) {
    Acc made{.slot = base_ + run.slot,
             .weight = place(run),
             .length = run.length,
             .axon = static_cast<std::int32_t>(run.axon),
             .graded = run.graded};
    main_.add(made);
    first_axon_ = std::min(first_axon_, run.axon);
    last_axon_ = std::max(last_axon_, run.axon + run.length - 1u);
    if (run.second == 0) return;
    // x = 127 + 1 + payload of the second half, which is there where x exceeds 127.
    made.axon = static_cast<std::int32_t>(run.second);
    made.graded = true;
    second_.add(made);
    made.graded = false;
    third_.add(made);
  }

  void close() {
    if (page_.empty()) return;
    PageProgram program{std::move(page_), {}, first_axon_, last_axon_};
    for (Folder* folder : {&main_, &second_, &third_}) folder->fold(program.code);
    pages_.push_back(std::move(program));
    page_.clear();
    offsets_.clear();
    last_ = nullptr;
    first_axon_ = ~0u;
    last_axon_ = 0;
  }

  const int base_;
  std::vector<PageProgram> pages_;
  Page page_;
  std::unordered_map<std::string_view, int> offsets_;
  const std::int8_t* last_ = nullptr;
  std::uint16_t last_length_ = 0;
  int last_offset_ = 0;
  Folder main_, second_, third_;
  std::uint32_t first_axon_ = ~0u, last_axon_ = 0;
};

}  // namespace

std::vector<PageProgram> pack_runs(const std::vector<PackedRun>& runs, int base) {
  return Packer(base).pack(runs);
}

std::vector<std::uint64_t> fold_slots(const std::vector<Instruction>& words, std::size_t group) {
  std::vector<std::uint64_t> code;
  const std::size_t slots = words.size() / group;
  const auto follows = [&](std::size_t slot) {
    for (std::size_t k = 0; k < group; ++k) {
      Instruction wanted = words[(slot - 1) * group + k];
      wanted[Operand::kSlot] += 1;
      if (words[slot * group + k] != wanted) return false;
    }
    return true;
  };
  for (std::size_t slot = 0; slot < slots;) {
    std::size_t count = 1;
    while (slot + count < slots && follows(slot + count)) ++count;
    const std::size_t repeated = count > 1 ? 1 : count;
    if (count > 1) {
      code.push_back(encode(rep(static_cast<int>(count), static_cast<int>(group), 1, 0, 0)));
    }
    for (std::size_t k = 0; k < repeated * group; ++k)
      code.push_back(encode(words[slot * group + k]));
    slot += count;
  }
  return code;
}

}  // namespace neurotool::spikecore
