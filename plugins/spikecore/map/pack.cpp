// Packs runs into pages and folds regular sequences of ACC into REP.
#include "pack.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace neurotool::spikecore {
namespace {

constexpr std::size_t kMostBody = 15;

/// An arithmetic sequence of ACC: `count` times, each one slot further.
struct Sequence {
  Instruction first;
  std::uint32_t count = 1;
  std::int32_t weight_step = 0, axon_step = 0;
};

bool same_shape(const Instruction& a, const Instruction& b) {
  return a.flags == b.flags && a[Operand::kLength] == b[Operand::kLength] &&
         b[Operand::kSlot] == a[Operand::kSlot] + 1;
}

/// Can `next` continue the sequence whose last member is `last`?
bool continues(const Sequence& sequence, const Instruction& last, const Instruction& next) {
  if (!same_shape(last, next) || sequence.count >= 65536) return false;
  const std::int32_t dw = next[Operand::kWeight] - last[Operand::kWeight];
  const std::int32_t ds = next[Operand::kAxon] - last[Operand::kAxon];
  if (sequence.count > 1) return dw == sequence.weight_step && ds == sequence.axon_step;
  return dw >= -128 && dw <= 127 && ds >= -32768 && ds <= 32767;
}

std::vector<Sequence> sequences_of(const std::vector<Instruction>& accs) {
  std::vector<Sequence> sequences;
  for (std::size_t i = 0; i < accs.size(); ++i) {
    if (!sequences.empty() && continues(sequences.back(), accs[i - 1], accs[i])) {
      Sequence& last = sequences.back();
      if (last.count == 1) {
        last.weight_step = accs[i][Operand::kWeight] - accs[i - 1][Operand::kWeight];
        last.axon_step = accs[i][Operand::kAxon] - accs[i - 1][Operand::kAxon];
      }
      ++last.count;
      continue;
    }
    sequences.push_back({accs[i]});
  }
  return sequences;
}

/// Sequences that move alike share REP, up to 15 words in a body.
std::vector<std::uint64_t> fold(const std::vector<Instruction>& accs) {
  using Steps = std::tuple<std::uint32_t, std::int32_t, std::int32_t>;
  std::map<Steps, std::vector<Instruction>> alike;
  std::vector<std::uint64_t> code;
  for (const Sequence& s : sequences_of(accs)) {
    if (s.count < 3) {
      Instruction i = s.first;
      for (std::uint32_t k = 0; k < s.count; ++k) {
        code.push_back(encode(i));
        i[Operand::kSlot] += 1;
        i[Operand::kWeight] += s.weight_step;
        i[Operand::kAxon] += s.axon_step;
      }
    } else {
      alike[{s.count, s.weight_step, s.axon_step}].push_back(s.first);
    }
  }
  for (const auto& [steps, firsts] : alike) {
    const auto& [count, weight_step, axon_step] = steps;
    for (std::size_t begin = 0; begin < firsts.size(); begin += kMostBody) {
      const std::size_t body = std::min(kMostBody, firsts.size() - begin);
      code.push_back(
          encode(rep(static_cast<int>(count), static_cast<int>(body), 1, weight_step, axon_step)));
      for (std::size_t k = begin; k < begin + body; ++k) code.push_back(encode(firsts[k]));
    }
  }
  return code;
}

class Packer {
 public:
  std::vector<PageProgram> pack(const std::vector<PackedRun>& runs) {
    for (const PackedRun& run : runs) add(run);
    close();
    return std::move(pages_);
  }

 private:
  void add(const PackedRun& run) {
    const std::string bytes(reinterpret_cast<const char*>(run.weights.data()), run.weights.size());
    auto at = offsets_.find(bytes);
    if (at == offsets_.end()) {
      if (page_.size() + run.weights.size() > kWeightBytes) close();
      at = offsets_.emplace(bytes, page_.size()).first;
      page_.insert(page_.end(), run.weights.begin(), run.weights.end());
    }
    const auto weight = static_cast<int>(at->second);
    const int length = static_cast<int>(run.weights.size());
    main_.push_back(acc(run.slot, weight, static_cast<int>(run.axon), length, run.graded));
    note(run.axon, length);
    if (run.second == 0) return;
    // x = 127 + 1 + payload of the second half, which is there where x exceeds 127.
    second_.push_back(acc(run.slot, weight, static_cast<int>(run.second), length, true));
    third_.push_back(acc(run.slot, weight, static_cast<int>(run.second), length, false));
  }

  void note(std::uint32_t axon, int length) {
    first_axon_ = std::min(first_axon_, axon);
    last_axon_ = std::max(last_axon_, axon + static_cast<std::uint32_t>(length) - 1);
  }

  void close() {
    if (page_.empty()) return;
    PageProgram program{std::move(page_), fold(main_), first_axon_, last_axon_};
    for (const auto* list : {&second_, &third_}) {
      const std::vector<std::uint64_t> more = fold(*list);
      program.code.insert(program.code.end(), more.begin(), more.end());
    }
    pages_.push_back(std::move(program));
    page_.clear();
    offsets_.clear();
    main_.clear();
    second_.clear();
    third_.clear();
    first_axon_ = ~0u;
    last_axon_ = 0;
  }

  std::vector<PageProgram> pages_;
  Page page_;
  std::unordered_map<std::string, std::size_t> offsets_;
  std::vector<Instruction> main_, second_, third_;
  std::uint32_t first_axon_ = ~0u, last_axon_ = 0;
};

}  // namespace

std::vector<PageProgram> pack_runs(const std::vector<PackedRun>& runs) {
  return Packer().pack(runs);
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
