// Recurrent layers as plain loops: one sample after the other, one direction after the other, one
// step after the other.
#include <algorithm>
#include <cmath>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"

namespace neurotool::kernels {
namespace {

double activated(Activation kind, double x, double alpha, double beta) {
  switch (kind) {
    case Activation::kAffine:
      return alpha * x + beta;
    case Activation::kElu:
      return x >= 0 ? x : alpha * std::expm1(x);
    case Activation::kHardSigmoid:
      return std::clamp(alpha * x + beta, 0.0, 1.0);
    case Activation::kLeakyRelu:
      return x >= 0 ? x : alpha * x;
    case Activation::kRelu:
      return x < 0 ? 0 : x;
    case Activation::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kSoftplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    case Activation::kSoftsign:
      return x / (1 + std::abs(x));
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kThresholdedRelu:
      return x > alpha ? x : 0;
  }
  check_failed(__FILE__, __LINE__, "kind", "no such activation");
}

/// One direction of the layer: its weights, and the state of the sample at hand.
template <class T>
class Cell {
 public:
  Cell(const Recurrent& op, Inputs in, std::size_t direction)
      : op_(op),
        features_(static_cast<std::size_t>(in[1].shape()[2])),
        hidden_(static_cast<std::size_t>(in[2].shape()[2])),
        gates_(static_cast<std::size_t>(in[1].shape()[1])),
        functions_(op.kind == RecurrentKind::kRnn   ? 1
                   : op.kind == RecurrentKind::kGru ? 2
                                                    : 3),
        first_function_(direction * functions_),
        w_(part(in, 1, direction)),
        r_(part(in, 2, direction)),
        bias_(part(in, 3, direction)),
        peepholes_(part(in, 7, direction)),
        h(hidden_),
        c(hidden_),
        from_input_(gates_),
        from_state_(gates_) {}

  void step(const T* x) {
    for (std::size_t row = 0; row < gates_; ++row) {
      from_input_[row] = dot(w_ + row * features_, x, features_);
      from_state_[row] = dot(r_ + row * hidden_, h.data(), hidden_);
      if (!bias_) continue;
      from_input_[row] += static_cast<double>(bias_[row]);
      from_state_[row] += static_cast<double>(bias_[gates_ + row]);
    }
    if (op_.kind == RecurrentKind::kRnn) return step_rnn();
    if (op_.kind == RecurrentKind::kGru) return step_gru();
    step_lstm();
  }

 private:
  static const T* part(Inputs in, std::size_t index, std::size_t direction) {
    if (index >= in.size() || !in[index].defined()) return nullptr;
    const auto size = static_cast<std::size_t>(in[index].size() / in[index].shape()[0]);
    return in[index].template as<T>().data() + direction * size;
  }
  template <class U>
  static double dot(const T* a, const U* b, std::size_t count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return sum;
  }
  double f(std::size_t function, double x) const {
    if (op_.clip > 0)
      x = std::clamp(x, -static_cast<double>(op_.clip), static_cast<double>(op_.clip));
    const std::size_t at = first_function_ + function;
    return activated(op_.activations[at], x, static_cast<double>(op_.alpha[at]),
                     static_cast<double>(op_.beta[at]));
  }
  /// What reaches unit `i` of a gate.
  double sum(std::size_t gate, std::size_t i) const {
    return from_input_[gate * hidden_ + i] + from_state_[gate * hidden_ + i];
  }
  double peephole(std::size_t gate, std::size_t i, double cell) const {
    return peepholes_ ? static_cast<double>(peepholes_[gate * hidden_ + i]) * cell : 0;
  }

  void step_rnn() {
    for (std::size_t i = 0; i < hidden_; ++i) h[i] = f(0, sum(0, i));
  }

  void step_gru() {
    constexpr std::size_t kUpdate = 0, kReset = 1, kNew = 2;
    std::vector<double> reset(hidden_), fresh(hidden_);
    for (std::size_t i = 0; i < hidden_; ++i) reset[i] = f(0, sum(kReset, i));
    for (std::size_t i = 0; i < hidden_; ++i) {
      const std::size_t row = kNew * hidden_ + i;
      double state = reset[i] * from_state_[row];
      if (!op_.linear_before_reset) {
        state = bias_ ? static_cast<double>(bias_[gates_ + row]) : 0;
        for (std::size_t k = 0; k < hidden_; ++k) {
          state += static_cast<double>(r_[row * hidden_ + k]) * reset[k] * h[k];
        }
      }
      fresh[i] = f(1, from_input_[row] + state);
    }
    for (std::size_t i = 0; i < hidden_; ++i) {
      const double update = f(0, sum(kUpdate, i));
      h[i] = (1 - update) * fresh[i] + update * h[i];
    }
  }

  void step_lstm() {
    constexpr std::size_t kInput = 0, kOutput = 1, kForget = 2, kCell = 3;
    for (std::size_t i = 0; i < hidden_; ++i) {
      const double input = f(0, sum(kInput, i) + peephole(0, i, c[i]));
      const double forget =
          op_.input_forget ? 1 - input : f(0, sum(kForget, i) + peephole(2, i, c[i]));
      c[i] = forget * c[i] + input * f(1, sum(kCell, i));
      const double output = f(0, sum(kOutput, i) + peephole(1, i, c[i]));
      h[i] = output * f(2, c[i]);
    }
  }

  const Recurrent& op_;
  std::size_t features_, hidden_, gates_, functions_, first_function_;
  const T *w_, *r_, *bias_, *peepholes_;

 public:
  std::vector<double> h, c;

 private:
  std::vector<double> from_input_, from_state_;
};

/// Extents, and where a step or a state lies in its tensor.
struct Layout {
  std::size_t steps, batch, directions, hidden, features;
  bool batch_first;

  std::size_t input(std::size_t step, std::size_t sample) const {
    return (batch_first ? sample * steps + step : step * batch + sample) * features;
  }
  std::size_t state(std::size_t direction, std::size_t sample) const {
    return (batch_first ? sample * directions + direction : direction * batch + sample) * hidden;
  }
  std::size_t output(std::size_t step, std::size_t direction, std::size_t sample) const {
    if (batch_first) return ((sample * steps + step) * directions + direction) * hidden;
    return ((step * directions + direction) * batch + sample) * hidden;
  }
};

template <class T>
void run_sample(const Recurrent& op, Inputs in, const Layout& at, std::size_t direction,
                std::size_t sample, std::size_t length, T* result) {
  Cell<T> cell(op, in, direction);
  const auto start = [&](std::size_t index, std::vector<double>& state) {
    if (index >= in.size() || !in[index].defined()) return;
    const T* from = in[index].template as<T>().data() + at.state(direction, sample);
    std::copy_n(from, at.hidden, state.begin());
  };
  start(5, cell.h);
  start(6, cell.c);
  const bool backwards = op.direction == RecurrentDirection::kReverse || direction == 1;
  const T* x = in[0].as<T>().data();
  for (std::size_t i = 0; i < length; ++i) {
    const std::size_t step = backwards ? length - 1 - i : i;
    cell.step(x + at.input(step, sample));
    if (op.result != RecurrentResult::kAll) continue;
    T* to = result + at.output(step, direction, sample);
    for (std::size_t k = 0; k < at.hidden; ++k) to[k] = static_cast<T>(cell.h[k]);
  }
  if (op.result == RecurrentResult::kAll) return;
  const auto& state = op.result == RecurrentResult::kLastHidden ? cell.h : cell.c;
  T* to = result + at.state(direction, sample);
  for (std::size_t k = 0; k < at.hidden; ++k) to[k] = static_cast<T>(state[k]);
}

}  // namespace

Result<Tensor> run(const Recurrent& op, Inputs in, const TensorType& out) {
  const Shape &data = in[0].shape(), &recurrent = in[2].shape();
  const auto extent = [&](std::size_t axis) { return static_cast<std::size_t>(data[axis]); };
  const Layout at{.steps = extent(op.batch_first ? 1 : 0),
                  .batch = extent(op.batch_first ? 0 : 1),
                  .directions = static_cast<std::size_t>(recurrent[0]),
                  .hidden = static_cast<std::size_t>(recurrent[2]),
                  .features = extent(2),
                  .batch_first = op.batch_first};
  std::vector<std::size_t> lengths(at.batch, at.steps);
  for (std::size_t i = 0; in.size() > 4 && in[4].defined() && i < at.batch; ++i) {
    const std::int32_t length = in[4].as<std::int32_t>()[i];
    if (length < 0 || static_cast<std::size_t>(length) > at.steps) {
      return error(
          "eval.domain", {},
          fmt::format("sequence {} has length {}, there are {} steps", i, length, at.steps));
    }
    lengths[i] = static_cast<std::size_t>(length);
  }
  return with_real(out.dtype, "a recurrent layer", [&]<class T>(T) -> Result<Tensor> {
    Output<T> result(*out.shape);
    std::fill_n(result.data(), result.size(), T{0});
    const std::size_t work = at.steps * at.hidden * (at.hidden + at.features);
    for_rows(at.batch * at.directions, work, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        const std::size_t sample = i / at.directions;
        run_sample<T>(op, in, at, i % at.directions, sample, lengths[sample], result.data());
      }
    });
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
