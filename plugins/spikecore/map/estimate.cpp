// The cost of a program before it has run: the plan is walked once, with an assumed share of axons
// that have a spike. Only for choosing between schedules; what a run costs is counted.
#include <algorithm>
#include <map>

#include "compile.hpp"

namespace neurotool::spikecore {
namespace {

double cycles_of(const Instruction& i, double density) {
  switch (i.opcode) {
    case Opcode::kAcc:
      return 1 + density * i[Operand::kLength];
    case Opcode::kFire:
      return 1 + density;
    case Opcode::kLeak:
    case Opcode::kAdda:
      return i[Operand::kCount];
    case Opcode::kPsum:
      return 1 + i[Operand::kCount];
    case Opcode::kNop:
    case Opcode::kHalt:
    case Opcode::kBias:
    case Opcode::kRep:
      return 1;
  }
  return 1;
}

/// From an entry to HALT.
double cycles_of(const CoreImage& core, std::uint32_t pc, double density) {
  double total = 0, times = 1;
  std::uint32_t body_end = pc;
  for (; pc < core.code.size(); ++pc) {
    const auto i = decode(core.code[pc]);
    if (!i) break;
    if (pc >= body_end) times = 1;
    total += times * cycles_of(*i, density);
    if (i->opcode == Opcode::kHalt) break;
    if (i->opcode == Opcode::kRep) {
      times = (*i)[Operand::kCount];
      body_end = pc + 1 + static_cast<std::uint32_t>((*i)[Operand::kBody]);
    }
  }
  return total;
}

class Estimator {
 public:
  Estimator(const Object& object, double density)
      : object_(object), density_(density), loads_(object.chips, 0), passes_(object.chips, 0) {}

  double run(std::uint32_t steps) {
    double total = 0;
    double times = 1;
    for (const PlanRecord& record : object_.plan) {
      const auto op = static_cast<PlanOp>(record.op);
      if (op == PlanOp::kLoop || op == PlanOp::kEndl || op == PlanOp::kDeliver) {
        total += times * barrier();
      }
      if (op == PlanOp::kLoop) times = record.a != 0 ? record.a : steps;
      if (op == PlanOp::kEndl) times = 1;
      if (op == PlanOp::kLoadw || op == PlanOp::kEntry) visit(record);
      if (op == PlanOp::kRun) run_pass();
    }
    return total + barrier();
  }

 private:
  void visit(const PlanRecord& record) {
    for (const CoreImage& core : object_.cores) {
      if (record.chip != kAllChips && core.chip != record.chip) continue;
      if (core.core < record.first_core() || core.core > record.last_core()) continue;
      if (static_cast<PlanOp>(record.op) == PlanOp::kLoadw) {
        if (record.b < core.pages.size()) {
          loads_[core.chip] += static_cast<double>((core.pages[record.b].size() + 15) / 16);
        }
      } else if (record.b < core.entries.size()) {
        double& slowest = armed_[core.chip];
        slowest = std::max(slowest, cycles_of(core, core.entries[record.b].pc, density_));
      }
    }
  }

  void run_pass() {
    for (const auto& [chip, cycles] : armed_) passes_[chip] += cycles;
    armed_.clear();
  }

  double barrier() {
    double longest = 0;
    for (std::size_t chip = 0; chip < loads_.size(); ++chip) {
      longest = std::max(longest, loads_[chip] + passes_[chip]);
      loads_[chip] = passes_[chip] = 0;
    }
    return longest;
  }

  const Object& object_;
  const double density_;
  std::vector<double> loads_, passes_;
  std::map<std::uint16_t, double> armed_;
};

}  // namespace

double estimate_cycles(const Object& object, std::uint32_t steps, double density) {
  return Estimator(object, density).run(steps);
}

}  // namespace neurotool::spikecore
