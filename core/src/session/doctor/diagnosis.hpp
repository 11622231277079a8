// What an examination of a converted network found, layer by layer, and how it is written down.
// docs/doctor.md defines every number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "session/accuracy.hpp"

namespace neurotool {

/// One layer of neurons beside the activation function that it replaced. Errors are root mean
/// squares over neurons and samples, relative to the root mean square of the float activation.
struct LayerDiagnosis {
  std::string population, node;  ///< names here and in the model file
  std::int64_t neurons = 0, channels = 0;
  std::int64_t dead_channels = 0;  ///< never fire on these samples
  std::int64_t saturated_channels =
      0;                     ///< a tenth or more of their active neurons fire at the most
  double clipped_share = 0;  ///< of the activations: above what the neurons can say
  double clipping = 0;       ///< error of the cut at the largest count
  double quantization = 0;   ///< error of whole counts, under a constant current
  double unevenness = 0;     ///< error of the timing: what a constant current would not do
  double inherited = 0;      ///< error that came in from the layers before
  double over_fired = 0,
         under_fired = 0;  ///< shares of counts above, below that of a constant current
  double cosine = 0;       ///< between float activation and spike rate; 0 when one is 0
  Accuracy alone;          ///< this layer spiking under constant current, all others float
  Accuracy up_to_here;     ///< this layer and those before as the target ran them, the rest float
};

/// A setting that may help, and what it did on the same samples.
struct Advice {
  std::string reason;   ///< "unevenness is the largest error, 0.31 of …"
  std::string setting;  ///< "passes.rate.neuron=signed", as --set takes it
  std::optional<Accuracy> tried;
  std::string refused;  ///< why the trial ended without an answer; empty when it has one
};

struct Diagnosis {
  std::int64_t samples = 0;
  std::uint64_t steps = 0;
  Accuracy float_accuracy, spiking_accuracy;  ///< on these samples
  std::vector<LayerDiagnosis> layers;         ///< in the order of the network
  std::vector<std::string> unseen;            ///< layers that were not examined, with the reason
  std::vector<Advice> advice;                 ///< most promising first
};

/// The table and the advice, for a terminal.
std::string diagnosis_text(const Diagnosis& diagnosis);
/// The object `doctor` of report.json; keys keep their order.
Json diagnosis_json(const Diagnosis& diagnosis);
/// A section of report.md.
std::string diagnosis_markdown(const Diagnosis& diagnosis);
/// The four errors of each layer as stacked bars, and the accuracy up to it, as SVG.
std::string diagnosis_chart(const Diagnosis& diagnosis);

}  // namespace neurotool
