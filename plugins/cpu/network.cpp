// Checks a network before anything is laid out: after this, no index is out of bounds, no shift is
// undefined, and every order exists. A host that verifies its graphs never meets these messages.
#include "network.hpp"

#include <algorithm>

#include "plan.hpp"

namespace neurotool::cpu {
namespace {

constexpr std::int64_t kMostNeurons = std::int64_t{1} << 31;
constexpr std::int64_t kMostWindow = 1 << 20;
constexpr std::uint32_t kMostShift = 30;
constexpr std::uint32_t kMostDelay = 1 << 20;
constexpr std::uint32_t kMostDoublings = 24;

std::string text(std::int64_t value) { return std::to_string(value); }

class Finder {
 public:
  explicit Finder(const Network& network) : network_(network) {}

  std::vector<Problem> run() {
    for (index_ = 0; index_ < network_.populations.size(); ++index_) {
      subject_ = Problem::Subject::kPopulation;
      check(network_.populations[index_]);
    }
    for (index_ = 0; index_ < network_.projections.size(); ++index_) {
      subject_ = Problem::Subject::kProjection;
      check(network_.projections[index_]);
    }
    if (problems_.empty()) check_cycles();
    return std::move(problems_);
  }

 private:
  void add(std::string code, std::string message, std::string help = {}) {
    problems_.push_back({subject_, index_, std::move(code), std::move(message), std::move(help)});
  }
  void shape_problem(const Projection& p, const std::string& what) {
    add("cpu.shape", "projection '" + p.name + "' " + what);
  }

  bool has_wrong_type(const Numbers& numbers) const {
    return network_.arithmetic == Arithmetic::kInteger ? !numbers.real.empty()
                                                       : !numbers.whole.empty();
  }

  void check_parameter(const Population& p, const Numbers& numbers, const char* name) {
    if (numbers.empty()) return;
    const std::size_t size = numbers.size();
    const auto neurons = static_cast<std::size_t>(neuron_count(p));
    const auto channels = static_cast<std::size_t>(p.shape.front());
    if (size != 1 && size != channels && size != neurons) {
      add("cpu.shape", "'" + p.name + "' has " + std::to_string(size) + " values of '" + name +
                           "'; 1, " + std::to_string(channels) + " or " + std::to_string(neurons) +
                           " fit its neurons");
    }
    if (has_wrong_type(numbers)) {
      add("cpu.type", std::string("'") + name + "' of '" + p.name +
                          "' is not of the arithmetic of the network");
    }
  }

  void require(const Population& p, const Numbers& numbers, const char* name) {
    if (numbers.empty()) add("cpu.shape", "'" + p.name + "' has no '" + name + "'");
  }

  void check(const Population& p) {
    const bool positive = std::ranges::all_of(p.shape, [](auto extent) { return extent > 0; });
    if (p.shape.empty() || !positive || neuron_count(p) > kMostNeurons) {
      return add("cpu.shape",
                 "'" + p.name + "' has no neurons, or more than " + text(kMostNeurons));
    }
    check_parameter(p, p.threshold, "threshold");
    check_parameter(p, p.initial_membrane, "initial_membrane");
    check_parameter(p, p.bias, "bias");
    check_parameter(p, p.reset_value, "reset_value");
    check_parameter(p, p.decay, "decay");
    check_parameter(p, p.current_decay, "current_decay");
    if (p.fires()) require(p, p.threshold, "threshold");
    if (p.model == Model::kLif || p.model == Model::kCubaLif) require(p, p.decay, "decay");
    if (p.model == Model::kCubaLif) require(p, p.current_decay, "current_decay");
    if (p.decay_shift > kMostShift || p.current_decay_shift > kMostShift ||
        p.radix_bits > kMostShift) {
      add("cpu.range", "'" + p.name + "' shifts by more than " + text(kMostShift) + " bits");
    }
    constexpr std::int64_t kMostPayload = std::numeric_limits<std::int32_t>::max();
    if (p.emission.max_per_step > kMostPayload || p.emission.min_per_step < -kMostPayload) {
      add("cpu.range", "'" + p.name + "' may send more than 32 bits in one step");
    }
  }

  void check(const Projection& p) {
    const std::size_t populations = network_.populations.size();
    if (p.source >= populations || p.target >= populations) {
      return shape_problem(p, "joins populations that do not exist");
    }
    const Population& source = network_.populations[p.source];
    const Population& target = network_.populations[p.target];
    if (source.model == Model::kLi)
      shape_problem(p, "leaves '" + source.name + "', which sends nothing");
    if (target.model == Model::kInput) shape_problem(p, "leads into input '" + target.name + "'");
    if (p.shift > kMostShift) {
      add("cpu.range", "projection '" + p.name + "' shifts by " + text(p.shift) +
                           " bits; at most " + text(kMostShift) + " are possible");
    }
    if (p.delay_steps > kMostDelay) {
      add("cpu.range", "projection '" + p.name + "' is delayed by " + text(p.delay_steps) +
                           " steps; at most " + text(kMostDelay) + " are possible");
    }
    if (has_wrong_type(p.weight)) {
      add("cpu.type", "the weights of '" + p.name + "' are not of the arithmetic of the network");
    }
    if (!problems_.empty()) return;
    switch (p.kind) {
      case Kind::kDense:
        return check_dense(p, source, target);
      case Kind::kConv2d:
        return check_conv(p, source, target);
      case Kind::kSumPool2d:
        return check_pool(p, source, target);
      case Kind::kMaxPool2d:
        return check_max_pool(p, source, target);
      case Kind::kOneToOne:
        return check_one_to_one(p, source, target);
      case Kind::kSparse:
        return check_sparse(p, source, target);
    }
  }

  void check_dense(const Projection& p, const Population& source, const Population& target) {
    const std::int64_t rows = neuron_count(source);
    if (static_cast<std::int64_t>(p.weight.size()) != rows * neuron_count(target)) {
      shape_problem(p, "has " + text(static_cast<std::int64_t>(p.weight.size())) + " weights for " +
                           text(rows) + " sources and " + text(neuron_count(target)) + " targets");
    }
    check_rows(p, rows);
  }

  /// Offsets into a block of weights have 32 bits.
  void check_rows(const Projection& p, std::int64_t rows) {
    if (rows < (std::int64_t{1} << 25)) return;
    add("cpu.range", "projection '" + p.name + "' reads " + text(rows) +
                         " sources per target; this target holds fewer than " + text(1 << 25));
  }

  /// Windows: kernels, strides and paddings inside their bounds, shapes as they follow.
  bool window_fits(const Projection& p, const Population& source, const Population& target,
                   std::array<std::int64_t, 2> kernel, std::int64_t channels) {
    if (source.shape.size() != 3 || target.shape.size() != 3) {
      shape_problem(p, "needs images of shape [channels,height,width] on both sides");
      return false;
    }
    const auto within = [](const auto& values, std::int64_t least) {
      return std::ranges::all_of(values, [&](auto v) { return v >= least && v <= kMostWindow; });
    };
    bool fits = within(kernel, 1) && within(p.stride, 1) && within(p.dilation, 1) &&
                within(p.padding, 0) && target.shape[0] == channels;
    for (std::size_t axis = 0; axis < 2 && fits; ++axis) {
      const std::int64_t room = source.shape[axis + 1] + p.padding[axis] + p.padding[axis + 2] -
                                ((kernel[axis] - 1) * p.dilation[axis] + 1);
      fits = room >= 0 && target.shape[axis + 1] == room / p.stride[axis] + 1;
    }
    if (!fits) shape_problem(p, "has a window that does not fit its source and target");
    return fits;
  }

  void check_conv(const Projection& p, const Population& source, const Population& target) {
    const auto [outputs, inputs, height, width] = p.weight_shape;
    if (!window_fits(p, source, target, {height, width}, outputs)) return;
    const bool grouped =
        p.groups >= 1 && outputs % p.groups == 0 && source.shape[0] == inputs * p.groups &&
        static_cast<std::int64_t>(p.weight.size()) == outputs * inputs * height * width;
    if (!grouped) shape_problem(p, "has weights that do not fit its groups and channels");
    check_rows(p, source.shape[0] * height * width);
  }

  void check_pool(const Projection& p, const Population& source, const Population& target) {
    if (!window_fits(p, source, target, p.kernel, source.shape.size() == 3 ? source.shape[0] : 0)) {
      return;
    }
    const auto size = static_cast<std::int64_t>(p.weight.size());
    if (size > 1 && size != source.shape[0]) {
      shape_problem(p, "has " + text(size) + " weights for " + text(source.shape[0]) + " channels");
    }
  }

  void check_max_pool(const Projection& p, const Population& source, const Population& target) {
    check_pool(p, source, target);
    for (std::size_t side = 0; side < 4; ++side) {
      if (p.padding[side] < p.kernel[side % 2]) continue;
      return shape_problem(p, "has windows of padding alone, which have no largest element");
    }
    const bool doubles_too_long = p.base == 2 && p.end - p.begin > kMostDoublings;
    if (p.base < 1 || p.base > 2 || p.begin >= p.end || doubles_too_long) {
      add("cpu.range", "projection '" + p.name + "' pools in base " + text(p.base) + " from step " +
                           text(static_cast<std::int64_t>(p.begin)) + " to step " +
                           text(static_cast<std::int64_t>(p.end)) +
                           "; bases 1 and 2 are possible, base 2 for at most " +
                           text(kMostDoublings) + " steps");
    }
  }

  void check_one_to_one(const Projection& p, const Population& source, const Population& target) {
    const std::int64_t neurons = neuron_count(target);
    const auto size = static_cast<std::int64_t>(p.weight.size());
    const bool weights = size == 1 || size == target.shape.front() || size == neurons;
    if (neuron_count(source) != neurons || !weights) {
      shape_problem(p, "joins " + text(neuron_count(source)) + " neurons with " + text(neurons) +
                           " by " + text(size) + " weights");
    }
  }

  void check_sparse(const Projection& p, const Population& source, const Population& target) {
    const std::size_t synapses = p.targets.size();
    bool fits = static_cast<std::int64_t>(p.row_begin.size()) == neuron_count(source) + 1 &&
                p.weight.size() == synapses && std::ranges::is_sorted(p.row_begin);
    fits = fits && p.row_begin.front() == 0 &&
           p.row_begin.back() == static_cast<std::int64_t>(synapses);
    fits = fits && std::ranges::all_of(p.targets, [&](std::int32_t t) {
             return t >= 0 && t < neuron_count(target);
           });
    if (!fits) shape_problem(p, "lists synapses that do not fit its source and target");
  }

  void check_cycles() {
    const std::vector<std::uint32_t> order = step_order(network_);
    if (order.size() == network_.populations.size()) return;
    std::vector<bool> ordered(network_.populations.size());
    for (const std::uint32_t i : order) ordered[i] = true;
    index_ = static_cast<std::uint32_t>(std::ranges::find(ordered, false) - ordered.begin());
    subject_ = Problem::Subject::kPopulation;
    add("cpu.cycle",
        "'" + network_.populations[index_].name +
            "' lies on or behind a cycle of projections without delay",
        "give one projection of the cycle a delay of one step");
  }

  const Network& network_;
  std::vector<Problem> problems_;
  Problem::Subject subject_ = Problem::Subject::kPopulation;
  std::uint32_t index_ = 0;
};

}  // namespace

std::int64_t neuron_count(const Population& population) {
  std::int64_t count = 1;
  for (const std::int64_t extent : population.shape) {
    // Far beyond what is accepted, and no overflow on the way.
    if (extent > kMostNeurons || count > kMostNeurons) return kMostNeurons + 1;
    count *= extent;
  }
  return count;
}

std::vector<Problem> find_problems(const Network& network) { return Finder(network).run(); }

}  // namespace neurotool::cpu
