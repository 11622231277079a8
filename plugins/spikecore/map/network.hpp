// An integer spiking network as plain data: what the plugin copies out of the ABI and what the
// compiler maps. Words are those of docs/models.md; neurons are numbered row-major.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace neurotool::spikecore {

enum class Model { kInput, kRelay, kIf, kLif, kLi };
enum class ProjectionKind { kDense, kConv2d, kSumPool2d, kOneToOne, kSparse };
enum class Reset { kSubtract, kToZero };

/// One value for all neurons, one per channel, or one each; empty: `fallback` for all.
struct PerNeuron {
  std::vector<std::int32_t> values;
  std::int32_t fallback = 0;
  std::int32_t at(std::int64_t neuron, std::int64_t neurons) const {
    if (values.empty()) return fallback;
    const auto group = neurons / static_cast<std::int64_t>(values.size());
    return values[static_cast<std::size_t>(neuron / group)];
  }
};

struct Population {
  std::string name;
  Model model = Model::kIf;
  std::vector<std::int64_t> shape;
  std::int64_t neurons = 0;
  std::int32_t chip = -1;
  bool is_output = false;
  // Inputs.
  bool held = true, is_signed = false;
  std::uint32_t bits = 0;
  // Neurons.
  PerNeuron threshold, initial, bias;
  Reset reset = Reset::kSubtract;
  /// Numerator over 65536; 65536 is no leak.
  std::vector<std::int32_t> decay;  ///< empty: no leak

  bool fires() const { return model == Model::kIf || model == Model::kLif; }
  bool sends() const { return model != Model::kLi; }
  bool has_membrane() const { return fires() || model == Model::kLi; }
  std::int64_t height() const { return shape.size() == 3 ? shape[1] : 1; }
  std::int64_t width() const { return shape.size() == 3 ? shape[2] : neurons; }
};

struct Projection {
  std::string name;
  ProjectionKind kind = ProjectionKind::kDense;
  std::uint32_t source = 0, target = 0, delay = 0, shift = 0;
  std::vector<std::int32_t> weight;
  std::array<std::int64_t, 4> weight_shape{};  ///< conv2d: [M, C/groups, kh, kw]
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  std::array<std::int64_t, 4> padding{0, 0, 0, 0};  ///< top, left, bottom, right
  std::int64_t groups = 1;
  std::vector<std::int64_t> row_begin;  ///< sparse
  std::vector<std::int32_t> targets;    ///< sparse
};

struct Network {
  std::string name, digest;
  std::uint32_t steps = 0;  ///< 0: any
  std::vector<Population> populations;
  std::vector<Projection> projections;
};

/// Why a network cannot be mapped; `code` has a page in docs/diagnostics.
struct Refusal {
  enum class Subject { kPopulation, kProjection, kOption } subject = Subject::kPopulation;
  std::uint32_t index = 0;
  bool no_room = false;  ///< a larger machine would do
  std::string code, message, help;
};

/// Ends a compilation; what was found.
class Refused : public std::runtime_error {
 public:
  explicit Refused(Refusal what) : std::runtime_error(what.message), refusal(std::move(what)) {}
  Refusal refusal;
};

}  // namespace neurotool::spikecore
