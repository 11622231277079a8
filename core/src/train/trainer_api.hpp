// The border between the tool and its trainer: a network as flat lists, and the functions that the
// trainer's shared library offers. Plain structs and function pointers, because only the library
// knows libtorch and only the tool knows the graph; nothing here owns memory, throws or includes
// more than the standard's integers.
//
// One trainer at a time is enough. All functions are called from one thread. A function that
// returns 0 has written one sentence into the Message it was given; the trainer is then only good
// for destroy().
#pragma once

#include <cstddef>
#include <cstdint>

namespace neurotool::train {

/// Raised when anything below changes; a library of another version is refused.
inline constexpr std::uint32_t kTrainerVersion = 1;
inline constexpr const char* kTrainerEntry = "neurotool_trainer";

/// What a node computes. `ints` and `reals` hold its attributes in the order given here; k is the
/// number of spatial axes.
enum class NodeKind : std::int32_t {
  kConv,          ///< parameters weight[, bias]; ints k, strides k, begins k, ends k,
                  ///< dilations k, group
  kLinear,        ///< parameters weight[, bias]; ints 1 if the weight is [out, in], 0 if [in, out];
                  ///< reals factor of the product, factor of the bias
  kBatchNorm,     ///< parameters scale, bias, mean, variance; reals epsilon
  kActivation,    ///< parameters threshold (one for each channel, axis 1, or one)
  kAveragePool,   ///< ints k, kernel k, strides k, begins k, ends k, 1 if pads are counted
  kMaxPool,       ///< ints k, kernel k, strides k, begins k, ends k, dilations k
  kMean,          ///< ints 1 if axes are kept, axes …
  kAdd,           ///< two values
  kAddParameter,  ///< one value, one parameter; numpy broadcasting, as below
  kScaleParameter,  ///< their product
  kConcat,          ///< ints axis
  kReshape,         ///< ints the shape behind the batch axis
  kTranspose,       ///< ints perm
  kPad,             ///< ints begins of all axes, then ends; reals value
  kSlice,           ///< ints axis, start, end, step of each sliced axis; in range, step > 0
};

/// The value of a node has the node's number plus 1; value 0 is the network's input, batch first.
struct NodeView {
  NodeKind kind = NodeKind::kReshape;
  const std::int32_t* values = nullptr;      ///< what it reads
  const std::int32_t* parameters = nullptr;  ///< into NetworkView::parameters
  const std::int64_t* ints = nullptr;
  const double* reals = nullptr;
  std::size_t value_count = 0, parameter_count = 0, int_count = 0, real_count = 0;
};

enum class ParameterRole : std::int32_t {
  kWeight,     ///< trained, with weight decay
  kThreshold,  ///< > 0; trained through softplus (kFloorShift) or exp (kSpiking), so it stays > 0
  kStatistic,  ///< mean and variance of batch normalisation: follows the batches, has no gradient
};

struct ParameterView {
  ParameterRole role = ParameterRole::kWeight;
  const float* data = nullptr;  ///< its first values
  const std::int64_t* shape = nullptr;
  std::size_t rank = 0;
};

struct NetworkView {
  const NodeView* nodes = nullptr;  ///< each after those it reads
  std::size_t node_count = 0;
  const ParameterView* parameters = nullptr;
  std::size_t parameter_count = 0;
  const std::int64_t* sample_shape = nullptr;  ///< of the input, without the batch axis
  std::size_t sample_rank = 0;
  std::int32_t output = 0;  ///< the value with the logits, [batch, classes]
};

enum class Activation : std::int32_t {
  kFloorShift,  ///< λ clip(⌊zL/λ + ½⌋ / L, 0, 1), straight-through gradients
  kSpiking,     ///< T steps of integrate-and-fire with soft reset, v(0) = θ/2, surrogate gradients
};

struct Recipe {
  Activation activation = Activation::kFloorShift;
  std::int32_t levels = 4;  ///< L, of kFloorShift
  std::int32_t steps = 4;   ///< T, of kSpiking
  std::int32_t threads = 1;
  double momentum = 0.9;
  double weight_decay = 0;
  double clip_norm = 1;           ///< of the gradient over all parameters; 0: not clipped
  double threshold_rate = 5;      ///< learning rate of thresholds, in that of the weights; 0: fixed
  double surrogate_width = 2;     ///< α of the arc-tangent surrogate, of kSpiking
  bool batch_statistics = false;  ///< normalise by the batch and follow it, or by what is stored
};

struct StepResult {
  double loss = 0;           ///< mean cross-entropy
  std::int64_t correct = 0;  ///< samples whose largest logit is their label's
};

struct Message {
  char* text = nullptr;
  std::size_t capacity = 0;
};

/// samples: count * sample_shape floats. labels: count class numbers in range.
struct BatchView {
  const float* samples = nullptr;
  const std::int32_t* labels = nullptr;
  std::int64_t count = 0;
};

struct Trainer;  ///< the library's own

struct TrainerApi {
  std::uint32_t version = kTrainerVersion;
  const char* engine = nullptr;  ///< "libtorch 1.13.1"
  /// Copies all it needs. nullptr: the message says why.
  Trainer* (*create)(const NetworkView*, const Recipe*, Message) = nullptr;
  void (*destroy)(Trainer*) = nullptr;
  /// One step of stochastic gradient descent at this learning rate; the result is of before it.
  int (*step)(Trainer*, const BatchView*, double learning_rate, StepResult*, Message) = nullptr;
  /// Loss and hits with the stored statistics, nothing changes.
  int (*evaluate)(Trainer*, const BatchView*, StepResult*, Message) = nullptr;
  /// The logits of `count` samples, without labels.
  int (*forward)(Trainer*, const BatchView*, float* logits, Message) = nullptr;
  /// The gradient of the batch's loss by one parameter, before decay and clipping; of a threshold,
  /// by the threshold itself.
  int (*gradient)(Trainer*, const BatchView*, std::int32_t parameter, float* out,
                  Message) = nullptr;
  /// A parameter's values now, in its own unit; and back.
  int (*read)(Trainer*, std::int32_t parameter, float* out, Message) = nullptr;
  int (*write)(Trainer*, std::int32_t parameter, const float* values, Message) = nullptr;
};

/// The symbol kTrainerEntry. The table lives as long as the process.
using TrainerEntry = const TrainerApi* (*)();

}  // namespace neurotool::train
