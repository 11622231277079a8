// Sums up by node of the model file.
#include "passes/lower/dead_channels.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurotool::lower {

void DeadChannels::add(const std::string& node, const std::string& name,
                       const SiteThresholds& found) {
  auto layer = std::ranges::find(layers_, node, &Layer::node);
  if (layer == layers_.end()) layer = layers_.insert(layer, {.node = node, .name = name});
  ++layer->rectifiers;
  layer->channels += static_cast<std::int64_t>(found.threshold.size());
  layer->dead += found.dead_channels;
}

void DeadChannels::report(const Finding& finding, Diagnostics& out) const {
  for (const Layer& layer : layers_) {
    if (layer.dead == 0) continue;
    const std::string whose = layer.rectifiers == 1 ? fmt::format("'{}'", layer.name)
                                                    : fmt::format("the {} rectifiers of '{}'",
                                                                  layer.rectifiers, layer.node);
    out.report(warning(finding.code, ModelNode{std::string(finding.model_path), layer.node},
                       fmt::format("{} of {} channels of {} are never above 0 on {} calibration "
                                   "samples",
                                   layer.dead, layer.channels, whose, finding.samples),
                       std::string(finding.help)));
  }
}

}  // namespace neurotool::lower
