// An object made ready to run: words decoded once, routes by slot, and axons shared by the cores
// that always hear the same. Never changes; many machines may run it at once.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "isa/object.hpp"

namespace neurotool::spikecore {

/// Chips stand in rows of `width`; id = y * width + x. Packets go along x first.
struct Grid {
  std::uint32_t width = 0;  ///< 0: as near to a square as the number of chips allows
};

/// How a word runs. Illegal ones are traps when they are reached, not before.
enum class Kind : std::uint8_t {
  kNop,
  kAcc,
  kAccPayload,
  kFire,
  kLeak,
  kHalt,
  kBias,
  kAdda,
  kPsum,
  kRep,
  kIllegal,
  kRange
};

struct Decoded {
  Kind kind = Kind::kIllegal;
  std::uint8_t slot = 0, flags = 0, scale = 0;
  std::uint16_t weight = 0, length = 0;  ///< ACC; `weight` is also the second slot of ADDA
  std::int32_t axon = 0;                 ///< ACC
  std::int32_t value = 0;                ///< threshold, immediate, decay
  std::uint32_t count = 0;               ///< accumulators, or iterations
  std::int16_t slot_step = 0, weight_step = 0, axon_step = 0;
  std::uint8_t body = 0;
  /// REP: the body is nothing but ACC that move forward, so events can be walked instead of slots.
  bool sweeps = false;
};

/// Where the partial sums of a slot go when they go to one place, and at once.
struct SumTarget {
  std::int32_t place = -1;  ///< number of the core * kSlots + slot
  std::uint8_t chip = 0;
};

/// A core as it runs: its code, and which axon space it hears.
struct ImageCore {
  std::uint16_t chip = 0, core = 0;
  std::vector<Decoded> code;
  const CoreImage* source = nullptr;
  std::uint32_t space = 0;
  std::array<std::uint32_t, kSlots + 1> routes_of_slot{};  ///< into source->routes
  std::vector<SumTarget> sum_targets;                      ///< by slot; empty: no partial sums
};

/// A range of cores that a spike route or an input wire names, as axon spaces.
struct SpaceRange {
  std::uint32_t first = 0, count = 0;
};

class Image {
 public:
  /// The object must pass check_object(); it is moved in.
  explicit Image(Object object, Grid grid = {});
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  const Object& object() const { return object_; }
  const std::vector<ImageCore>& cores() const { return cores_; }
  /// Number of a core in cores(), or -1.
  std::int32_t core_at(std::uint32_t chip, std::uint32_t core) const {
    return core_at_[chip * kCoresPerChip + core];
  }
  std::uint32_t space_count() const { return static_cast<std::uint32_t>(cores_of_space_.size()); }
  /// Cores of the object that hear a space; packets to others are lost quietly.
  std::uint32_t cores_of_space(std::uint32_t space) const { return cores_of_space_[space]; }
  SpaceRange spaces(std::uint32_t chip, std::uint32_t first, std::uint32_t last) const;

  /// Wires of one input map by index; empty where there is none.
  struct Wires {
    std::vector<std::uint32_t> begin;  ///< by index, one more than there are
    std::vector<InputWire> wires;
  };
  const Wires* input_map(std::uint32_t map) const;

  std::uint32_t grid_width() const { return width_; }
  /// Chips between two chips along the grid.
  std::uint32_t hops(std::uint32_t from, std::uint32_t to) const;
  /// Calls visit(link) for each link on the way; links are numbered 4 * chip + direction.
  template <class Visit>
  void for_each_link(std::uint32_t from, std::uint32_t to, const Visit& visit) const {
    std::uint32_t x = from % width_, y = from / width_;
    const std::uint32_t tx = to % width_, ty = to / width_;
    const auto move = [&](std::uint32_t& at, std::uint32_t target, std::uint32_t direction) {
      while (at != target) {
        visit(4 * (y * width_ + x) + direction + (at < target ? 0u : 1u));
        at += at < target ? 1u : ~0u;
      }
    };
    move(x, tx, 0);
    move(y, ty, 2);
  }

 private:
  void make_spaces();
  void make_cores();
  void make_sum_targets();
  void make_inputs();

  Object object_;
  std::uint32_t width_ = 1;
  std::vector<ImageCore> cores_;
  std::vector<std::int32_t> core_at_;
  std::vector<std::uint32_t> space_at_;  ///< by chip and core
  std::vector<std::uint32_t> cores_of_space_;
  std::vector<Wires> inputs_;
};

}  // namespace neurotool::spikecore
