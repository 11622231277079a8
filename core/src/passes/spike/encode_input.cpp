// Turns the analog input of a network into spikes: the input is marked with the code that the host
// makes of each sample (ir/neurons.hpp, Encoder), and what reads it is rescaled, so that the
// network computes what it did, from events. See docs/passes/encode_input.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "passes/spike/coded_readers.hpp"
#include "passes/spike/input_range.hpp"
#include "passes/spike/spike_passes.hpp"

namespace neurotool {
namespace {

enum class Signs { kEvents, kChannels, kNone };

struct EncodeInputOptions {
  Coding coding = Coding::kRate;
  std::uint32_t bits = 8;
  double full_scale = 0;
  Signs signs = Signs::kEvents;
  double least_change = 0;
};

const OptionTable<EncodeInputOptions>& table() {
  static const OptionTable<EncodeInputOptions> rows{
      choice("coding", &EncodeInputOptions::coding, "How values become spikes.",
             {{"direct", Coding::kNone},
              {"rate", Coding::kRate},
              {"poisson", Coding::kPoisson},
              {"ttfs", Coding::kLatency},
              {"bitplane", Coding::kBitplane},
              {"delta", Coding::kDelta}})
          .required(),
      option("bits", &EncodeInputOptions::bits, "Bit planes of a magnitude, with coding bitplane.")
          .range(1, 16),
      option("full_scale", &EncodeInputOptions::full_scale,
             "Magnitude that is sent as 1; 0 takes the largest of the calibration set.")
          .at_least(0),
      choice("signs", &EncodeInputOptions::signs, "How values below 0 are sent.",
             {{"events", Signs::kEvents}, {"channels", Signs::kChannels}, {"none", Signs::kNone}}),
      option("least_change", &EncodeInputOptions::least_change,
             "Smaller changes wait, with coding delta.")
          .at_least(0),
  };
  return rows;
}

class EncodeInputPass final : public Pass {
 public:
  explicit EncodeInputPass(EncodeInputOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  bool holds() const {
    return options_.coding == Coding::kLatency || options_.coding == Coding::kDelta;
  }
  Result<PopulationId> find_input(const SpikeGraph& graph, const std::string& path) const;
  Result<> check_readers(const SpikeGraph& graph, PopulationId input, const Encoder& encoder,
                         const std::string& path, Diagnostics& out) const;
  Result<Encoder> encoder_for(const Population& input, const std::optional<InputRange>& range,
                              std::uint32_t steps, const std::string& path) const;

  EncodeInputOptions options_;
};

Error graph_error(const std::string& path, std::string node, std::string message,
                  std::string help) {
  return error("encode_input.graph", ModelNode{path, std::move(node)}, std::move(message),
               std::move(help));
}

Result<PopulationId> EncodeInputPass::find_input(const SpikeGraph& graph,
                                                 const std::string& path) const {
  if (graph.arithmetic == Arithmetic::kInteger) {
    return graph_error(path, {},
                       "the graph computes in integers, whose weights are rounded already",
                       "put 'encode_input' before 'quantize'");
  }
  std::vector<PopulationId> inputs = graph.live_populations();
  std::erase_if(inputs,
                [&](PopulationId id) { return !std::holds_alternative<Input>(graph[id].neuron); });
  if (inputs.size() != 1) {
    return graph_error(path, {},
                       fmt::format("the graph has {} inputs, and one is encoded", inputs.size()),
                       "use a network with one input");
  }
  const Population& input = graph[inputs[0]];
  if (std::get<Input>(input.neuron).encoder.coding != Coding::kNone) {
    return graph_error(path, input.name, fmt::format("'{}' is a coded input already", input.name),
                       "name 'encode_input' once");
  }
  return inputs[0];
}

Result<Encoder> EncodeInputPass::encoder_for(const Population& input,
                                             const std::optional<InputRange>& range,
                                             std::uint32_t steps, const std::string& path) const {
  Encoder encoder;
  encoder.coding = options_.coding;
  encoder.splits_signs = options_.signs == Signs::kChannels;
  encoder.takes_frames = !std::get<Input>(input.neuron).held;
  if (options_.coding == Coding::kBitplane) encoder.planes = options_.bits;
  if (options_.coding == Coding::kDelta) {
    // Payloads are the changes themselves, so that there is no scale to lose digits in.
    encoder.least_change = static_cast<float>(options_.least_change);
    return encoder;
  }
  const bool whole_sample =
      options_.coding == Coding::kLatency || options_.coding == Coding::kBitplane;
  if (encoder.takes_frames && whole_sample) {
    return graph_error(
        path, input.name,
        fmt::format("'{}' is given step by step, and the code spreads one value over "
                    "all steps",
                    input.name),
        "use coding rate, poisson or delta for streams");
  }
  if (encoder.planes > 0 && steps % encoder.planes != 0) {
    return error("encode_input.steps", ModelNode{path, input.name},
                 fmt::format("{} steps are no multiple of {} bit planes: the last round would miss "
                             "its low bits",
                             steps, encoder.planes),
                 "choose 'steps' as a multiple of 'bits'");
  }
  double scale = options_.full_scale;
  if (scale == 0 && range) scale = std::max(std::abs(range->low), std::abs(range->high));
  encoder.full_scale = scale > 0 ? static_cast<float>(scale) : 1.0f;
  return encoder;
}

Result<> EncodeInputPass::check_readers(const SpikeGraph& graph, PopulationId input,
                                        const Encoder& encoder, const std::string& path,
                                        Diagnostics& out) const {
  for (const ProjectionId id : graph.outgoing(input)) {
    const Population& reader = graph[graph[id].target];
    const std::string why = coded::copies_refusal(graph[id].connectivity, encoder.copies());
    const std::string kept = holds() ? coded::holding_refusal(graph, graph[id].target, input) : "";
    if (!why.empty()) {
      out.report(error("encode_input.reader", ModelNode{path, graph[id].name},
                       fmt::format("projection '{}' {}", graph[id].name, why),
                       "use coding rate or poisson with signs: events"));
    }
    if (!kept.empty()) {
      out.report(error("encode_input.reader", ModelNode{path, reader.name},
                       fmt::format("'{}' {}", reader.name, kept),
                       "use coding rate, poisson or bitplane, whose spikes are heard once"));
    }
  }
  if (out.has_errors()) return out.first_error();
  return {};
}

/// What a payload of each copy of a channel stands for: sign by sign, plane by plane. A round of
/// planes takes as many steps as there are planes, so that each counts that many times.
std::vector<double> copy_values(const Encoder& encoder) {
  std::vector<double> values;
  const int planes = static_cast<int>(std::max(encoder.planes, 1U));
  for (const double sign : {1.0, -1.0}) {
    if (sign < 0 && !encoder.splits_signs) break;
    for (int plane = 0; plane < planes; ++plane) {
      double weight = 1;
      if (encoder.planes > 0) {
        weight = std::ldexp(planes, planes - 1 - plane) / (std::ldexp(1.0, planes) - 1);
      }
      values.push_back(sign * weight * double{encoder.full_scale});
    }
  }
  return values;
}

Result<Changed> EncodeInputPass::run(Model& model, Context& context) {
  if (options_.coding == Coding::kNone) return Changed::kNo;
  SpikeGraph& graph = model.spike();
  NT_TRY(const PopulationId id, find_input(graph, model.path));
  NT_TRY(const auto range, calibrated_input_range(context));
  NT_TRY(const Encoder encoder, encoder_for(graph[id], range, graph.steps, model.path));
  Diagnostics own;
  auto checked = check_readers(graph, id, encoder, model.path, own);
  for (Diagnostic& diagnostic : own.all()) context.diagnostics.report(std::move(diagnostic));
  NT_TRY_VOID(std::move(checked));

  Population& input = graph[id];
  const std::vector<double> values = copy_values(encoder);
  for (const ProjectionId out : graph.outgoing(id)) {
    Projection& projection = graph[out];
    projection.connectivity = coded::read_copies(projection.connectivity, input.shape,
                                                 graph[projection.target].shape, values);
    if (holds() && !std::holds_alternative<CubaLif>(graph[projection.target].neuron)) {
      coded::hold_currents(graph[projection.target]);
    }
  }
  Input coded;
  coded.held = false;
  coded.is_signed = options_.signs == Signs::kEvents && (!range || range->low < 0);
  coded.encoder = encoder;
  const std::int64_t channels = input.shape.front();
  input.neuron = coded;
  input.shape.front() *= std::int64_t{encoder.copies()};
  input.provisional = !range && options_.full_scale == 0 && options_.coding != Coding::kDelta;
  std::vector<double> worth;
  for (std::int64_t c = 0; c < channels; ++c)
    worth.insert(worth.end(), values.begin(), values.end());
  input.payload_value = values.size() == 1 ? Tensor::scalar(values[0])
                                           : Tensor::from<double>({std::ssize(worth)}, worth);
  context.facts.push_back({"encode_input", input.name, "full_scale", double{encoder.full_scale}});
  context.facts.push_back(
      {"encode_input", input.name, "channels_per_value", static_cast<double>(encoder.copies())});
  return Changed::kYes;
}

}  // namespace

PassEntry encode_input_entry() {
  return {.info = {.name = "encode_input",
                   .summary = "Turns the values of an input into spikes.",
                   .from = Level::kSpike,
                   .to = Level::kSpike},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<EncodeInputPass>(table(), "encode_input", section, path, out);
          }};
}

}  // namespace neurotool
