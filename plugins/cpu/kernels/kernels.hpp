// The hot loops, as a table of functions: one table per instruction set, chosen once at run time.
// Arguments are plain structs of pointers, because the files that hold the loops are compiled for
// machines that the rest of the program may not run on and must not instantiate anything shared.
//
// Every table gives the same bits: an output's additions happen in the order of docs/semantics.md,
// one accumulator per output, lanes run over outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace neurotool::cpu {

inline constexpr std::uint32_t kVectorLanes = 16;  ///< of float or int32: 64 bytes

/// A convolution without groups, or a dense projection seen as one: a kernel as large as its
/// source.
struct Geometry {
  std::uint32_t source_height = 1, source_width = 1;
  std::uint32_t source_channels = 1, source_lanes = 1, source_words = 1;
  std::uint32_t kernel_height = 1, kernel_width = 1;
  std::uint32_t stride_y = 1, stride_x = 1;
  std::uint32_t pad_top = 0, pad_left = 0;
  std::uint32_t dilation_y = 1, dilation_x = 1;
  std::uint32_t target_width = 1;
};

/// Weights in blocks of outputs: [block][source row, column, channel of the kernel][output lane],
/// with one more row of zeros at the end of each block, to pad lists of events with.
template <class Number>
struct Weights {
  const Number* data = nullptr;
  std::uint32_t block_lanes = 16;  ///< 16, 32 or 64
  std::uint32_t blocks = 1;
  std::uint32_t rows = 0;  ///< without the row of zeros
};

/// One source row at one step as a list of events: for each spike the offset of its weights within
/// a kernel row that begins at column 0. offsets[x] is where column x begins.
struct ListRow {
  const std::uint64_t* bits = nullptr;
  std::uint32_t width = 0, channels = 0, words = 0;
  std::uint32_t shift = 4;           ///< log2 of block_lanes
  std::uint32_t* ids = nullptr;      ///< room for every channel, and kListSlack more
  std::uint32_t* offsets = nullptr;  ///< width + 1
};
inline constexpr std::size_t kListSlack = 32;

/// The same for a row of values: an event for each that is not 0, and beside it the value.
template <class Number>
struct ValueListRow {
  const Number* values = nullptr;
  std::uint32_t width = 0, channels = 0, lanes = 0;
  std::uint32_t shift = 4;
  std::uint32_t* ids = nullptr;
  Number* payloads = nullptr;  ///< room as ids
  std::uint32_t* offsets = nullptr;
};

/// Part of a kernel that lies inside the source: columns [begin, end) of ring row `slot`. `row` is
/// its first row of weights, `base` leads from a list's ids to weights.
struct Range {
  std::uint32_t slot = 0, begin = 0, end = 0, row = 0, base = 0;
};

/// No kernel works on more steps at once.
inline constexpr std::size_t kMostMergedSteps = 8;

/// Sums of one target row at `steps` steps. Lists of source row y at step s are those of index
/// (y % slots) * steps_in_ring + first_step + s.
template <class Number>
struct EventsTile {
  const Geometry* geometry = nullptr;
  Weights<Number> weights;
  const std::uint32_t* ids = nullptr;
  const Number* payloads = nullptr;  ///< beside ids; null: 1 each
  std::size_t id_stride = 0;
  const std::uint32_t* offsets = nullptr;
  std::size_t offset_stride = 0;
  std::uint32_t slots = 1, steps_in_ring = 1, first_step = 0, steps = 0;
  std::uint32_t target_row = 0;
  Number* out = nullptr;  ///< [step][column][lanes of all blocks]
  std::size_t out_step = 0, out_pixel = 0;
  Range* ranges = nullptr;            ///< scratch: kernel height x kernel width
  std::uint32_t* merged = nullptr;    ///< scratch: kMostMergedSteps x (weights.rows + kListSlack)
  Number* merged_payloads = nullptr;  ///< scratch: the same, where there are payloads
};

template <class Number>
struct DenseTile {
  const Geometry* geometry = nullptr;
  Weights<Number> weights;
  const Number* values = nullptr;  ///< of source row y at step s: values + slot * + s *
  std::size_t slot_stride = 0, step_stride = 0;
  std::uint32_t slots = 1, steps = 0;
  std::uint32_t target_row = 0;
  Number* out = nullptr;
  std::size_t out_step = 0, out_pixel = 0;
  Range* ranges = nullptr;
};

/// Payloads of some pixels at one step: spike bits, or values where bits is null.
template <class Number>
struct Payloads {
  const std::uint64_t* bits = nullptr;
  const Number* values = nullptr;
};

/// One target row of a pooling at one step: payloads are those of the whole source.
template <class Number>
struct PoolRow {
  const Geometry* geometry = nullptr;
  Payloads<Number> source;
  const Number* weight = nullptr;  ///< per lane; null: 1
  std::uint32_t target_row = 0;
  Number* out = nullptr;
};

/// out = weight * payload, lane by lane; also a depthwise kernel's innermost loop.
template <class Number>
struct ScaleRow {
  Payloads<Number> source;
  std::uint32_t pixels = 0, lanes = 0, words = 0;
  const Number* weight = nullptr;
  std::size_t weight_stride = 0;  ///< from pixel to pixel: 0 or lanes
  Number* out = nullptr;
};

/// Integrate, fire and reset by subtraction of binary neurons, or of neurons that never fire: a row
/// of pixels at some steps, membranes in registers from step to step. Where it checks and a
/// membrane leaves its range, it answers false, and what it wrote is of no use.
template <class Number>
struct UpdateRow {
  std::uint32_t pixels = 0, lanes = 0, words = 0;
  std::uint32_t steps = 1;
  const Number* current = nullptr;
  std::size_t current_step = 0;  ///< from step to step; 0: the same at each
  Number* membrane = nullptr;
  Number* synaptic = nullptr;             ///< cuba_lif
  const Number* bias = nullptr;           ///< null: none
  const Number* threshold = nullptr;      ///< null: never fires
  const Number* decay = nullptr;          ///< null: 1
  const Number* current_decay = nullptr;  ///< cuba_lif
  std::size_t bias_stride = 0, threshold_stride = 0, decay_stride = 0, current_decay_stride = 0;
  std::uint32_t decay_shift = 0, current_decay_shift = 0;
  bool toward_zero = false;
  bool checked = false;           ///< not of a cuba_lif
  std::uint64_t* bits = nullptr;  ///< out, when there is a threshold; unused bits stay as they are
  std::size_t bits_step = 0;
  std::uint64_t* events = nullptr;  ///< per pixel: spikes are added
};

/// out = current + bias; payloads that are not 0 are added to `events`.
template <class Number>
struct RelayRow {
  std::uint32_t pixels = 0, lanes = 0;
  const Number* current = nullptr;
  const Number* bias = nullptr;
  std::size_t bias_stride = 0;
  Number* out = nullptr;
  std::uint64_t* events = nullptr;
};

template <class Number>
struct NumberKernels {
  void (*list)(const ValueListRow<Number>&);
  void (*events)(const EventsTile<Number>&);
  void (*dense)(const DenseTile<Number>&);
  void (*pool)(const PoolRow<Number>&);
  void (*scale)(const ScaleRow<Number>&);
  void (*expand)(const std::uint64_t* bits, std::uint32_t pixels, std::uint32_t lanes,
                 std::uint32_t words, Number* out);
  void (*add)(Number* sum, const Number* more, std::size_t count);
  bool (*update)(const UpdateRow<Number>&);
  void (*relay)(const RelayRow<Number>&);
};

struct Kernels {
  const char* name = "";
  void (*list)(const ListRow&) = nullptr;
  NumberKernels<float> real{};
  NumberKernels<std::int32_t> whole{};

  template <class Number>
  const NumberKernels<Number>& get() const {
    if constexpr (std::is_same_v<Number, float>) {
      return real;
    } else {
      return whole;
    }
  }
};

enum class InstructionSet { kBest, kPortable, kAvx2, kAvx512 };

/// The table for a level, or null when this machine or this build lacks it.
const Kernels* find_kernels(InstructionSet level);

// What the level files define; null where the compiler cannot build the level.
const Kernels* portable_kernels();
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();

}  // namespace neurotool::cpu
