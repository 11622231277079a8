// A program for one or more chips as plain data: what a .sco file and an assembly text both hold.
// Everything a machine needs is here; names are those of the file's sections and directives.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "instruction.hpp"

namespace neurotool::spikecore {

inline constexpr int kCoresPerChip = 128, kWeightBytes = 256, kSlots = 256;
inline constexpr int kMostChips = 256;  ///< a route word has 8 bits for the chip
inline constexpr std::uint16_t kAllChips = 0xffff;
inline constexpr std::uint32_t kDefaultAxons = 4096, kDefaultWords = 1024, kMostWords = 1u << 16,
                               kMostAxons = 1u << 16;

struct Entry {
  std::uint32_t pc = 0;
  std::string name;
  bool operator==(const Entry&) const = default;
};

enum class PacketKind : std::uint8_t { kSpike = 0, kPartialSum = 1 };

/// Where a slot's spikes or partial sums go. Of a partial sum, `first` is the destination core and
/// the low byte of `axon` its slot.
struct Route {
  std::uint8_t chip = 0, first = 0, last = 0;
  std::uint16_t axon = 0;
  std::uint8_t delay = 0, slot = 0;
  PacketKind kind = PacketKind::kSpike;
  bool operator==(const Route&) const = default;
};

struct InitialValue {
  std::uint16_t slot = 0;
  std::int32_t value = 0;
  bool operator==(const InitialValue&) const = default;
};

using Page = std::vector<std::int8_t>;

struct CoreImage {
  std::uint16_t chip = 0, core = 0;
  std::vector<std::uint64_t> code;
  std::vector<Entry> entries;
  std::vector<Page> pages;
  std::vector<Route> routes;  ///< by slot
  std::vector<InitialValue> init;
  bool operator==(const CoreImage&) const = default;
};

enum class PlanOp : std::uint8_t {
  kLoadw = 0x80,
  kEntry = 0x81,
  kRun = 0x82,
  kDeliver = 0x83,
  kStep = 0x84,
  kLoop = 0x85,
  kEndl = 0x86,
  kInput = 0x87,
  kOut = 0x88,
  kClear = 0x89,
  kEnd = 0x8a,
};

struct PlanRecord {
  std::uint8_t op = 0, flags = 0;
  std::uint16_t chip = kAllChips;
  std::uint32_t a = 0, b = 0, c = 0;
  bool operator==(const PlanRecord&) const = default;

  std::uint16_t first_core() const { return static_cast<std::uint16_t>(a); }
  std::uint16_t last_core() const { return static_cast<std::uint16_t>(a >> 16); }
};

/// A range of axons that the condition of a LOADW names.
struct AxonRange {
  std::uint16_t first = 0, last = 0;
  bool operator==(const AxonRange&) const = default;
};

/// Input map `map`: value `index` of the host becomes a spike on one axon of a range of cores.
struct InputWire {
  std::uint16_t map = 0, chip = 0, first = 0, last = 0;
  std::uint32_t index = 0;
  std::uint16_t axon = 0;
  bool operator==(const InputWire&) const = default;
};

/// Output map `map`: `count` slots of one core, the first of which is the map's value `index`.
struct OutputWire {
  std::uint16_t map = 0, chip = 0, core = 0, slot = 0, count = 1;
  bool accumulators = false;  ///< otherwise spikes
  std::uint32_t index = 0;
  bool operator==(const OutputWire&) const = default;
};

struct Object {
  Profile profile = Profile::kV1;
  std::uint16_t chips = 1;
  std::uint32_t steps = 0;                                     ///< T; 0: the host decides
  std::uint32_t axons = kDefaultAxons, words = kDefaultWords;  ///< of every core
  std::vector<CoreImage> cores;                                ///< by chip, then core
  std::vector<PlanRecord> plan;
  std::vector<AxonRange> ranges;
  std::vector<InputWire> inputs;
  std::vector<OutputWire> outputs;
  std::string meta;
  bool operator==(const Object&) const = default;
};

/// Why an object, a text or a request is refused. `place` says where: "bytes 96 to 128", "line 3".
class ObjectError : public std::runtime_error {
 public:
  ObjectError(std::string where, const std::string& message, std::string way_out = {})
      : std::runtime_error(message), place(std::move(where)), help(std::move(way_out)) {}
  std::string place, help;
};

/// Everything that makes an object impossible to run or to write: limits, references, order.
/// Throws ObjectError. Words are not looked at: an illegal one is a trap when it is reached.
void check_object(const Object& object);

/// The bytes of a .sco file; equal objects give equal bytes. The object must pass check_object().
std::string write_object(const Object& object);

/// Reads and checks; throws ObjectError for bytes that are not such a file. Never reads outside
/// `bytes`, never makes more than a small multiple of their number.
Object read_object(std::string_view bytes);
bool looks_like_object(std::string_view bytes);

/// The whole object as assembly text, canonical: it assembles to an equal object.
std::string print_object(const Object& object);

/// "LOADW chip 0 cores 0..3 page 1", or ".record …" where the names cannot say it.
std::string print_record(const PlanRecord& record);

std::uint32_t crc32c(std::string_view bytes);

struct TextError {
  std::uint32_t line = 0, column = 0;
  std::string message, help;
};

struct Assembly {
  Object object;
  std::vector<TextError> errors;  ///< at most 20; the object is of use when there are none
};

/// Text to object. Cores of a text without `.core` directives are core 0 of chip 0.
Assembly assemble(std::string_view text);

/// One instruction, as it stands between labels and comments. Empty: see `error`.
std::optional<std::uint64_t> assemble_word(std::string_view text, TextError& error);

/// The candidate nearest to `word` by edit distance, or "" where none is near enough.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace neurotool::spikecore
