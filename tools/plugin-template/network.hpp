// The network as acme_chip holds it, and one time step of it. Plain C++: nothing here knows
// neurotool, so it can be tested alone. This is where your chip's arithmetic goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace acme_chip {

struct Connection {
  std::size_t source = 0;
  std::vector<float> weight;         // [targets][sources], row by row
  std::vector<std::uint32_t> order;  // in which sources deliver: float32 sums depend on it
};

struct Layer {
  enum class Model { kInput, kIf, kLi };
  Model model = Model::kInput;
  std::size_t neurons = 0;
  bool held = true;  // an input: one value for all steps, or one for each
  std::vector<float> threshold, initial, bias;
  std::vector<Connection> incoming;
};

struct Network {
  std::vector<Layer> layers;
  std::vector<std::size_t> run_order;  // sources before their targets
};

// What one sample changes while it runs; one vector per layer.
struct State {
  explicit State(const Network& network) {
    for (const Layer& layer : network.layers) {
      membrane.push_back(layer.initial.empty() ? std::vector<float>(layer.neurons) : layer.initial);
      sent.emplace_back(layer.neurons);
      spike_count.emplace_back(layer.neurons);
    }
  }
  std::vector<std::vector<float>> membrane, sent;
  std::vector<std::vector<std::int32_t>> spike_count;
};

// The currents that arrive at a layer: a sum for each connection, then their sum, then the bias.
inline std::vector<float> arriving(const Layer& layer, const State& state) {
  std::vector<float> current(layer.neurons);
  bool first = true;
  for (const Connection& connection : layer.incoming) {
    const std::vector<float>& sent = state.sent[connection.source];
    std::vector<float> sum(layer.neurons);
    for (const std::uint32_t i : connection.order) {
      if (sent[i] == 0.0f) continue;
      for (std::size_t j = 0; j < layer.neurons; ++j)
        sum[j] += connection.weight[j * sent.size() + i] * sent[i];
    }
    for (std::size_t j = 0; j < layer.neurons; ++j)
      current[j] = first ? sum[j] : current[j] + sum[j];
    first = false;
  }
  for (std::size_t j = 0; j < layer.bias.size(); ++j) current[j] += layer.bias[j];
  return current;
}

// One step of every layer. stimulus[layer] points to the values of an input in this step.
inline void step(const Network& network, const std::vector<const float*>& stimulus, State& state) {
  for (const std::size_t at : network.run_order) {
    const Layer& layer = network.layers[at];
    if (layer.model == Layer::Model::kInput) {
      state.sent[at].assign(stimulus[at], stimulus[at] + layer.neurons);
      continue;
    }
    const std::vector<float> current = arriving(layer, state);
    for (std::size_t j = 0; j < layer.neurons; ++j) {
      float& v = state.membrane[at][j];
      v += current[j];
      if (layer.model == Layer::Model::kLi) continue;
      const bool fires = v >= layer.threshold[j];
      if (fires) v -= layer.threshold[j];
      state.sent[at][j] = fires ? 1.0f : 0.0f;
      state.spike_count[at][j] += fires ? 1 : 0;
    }
  }
}

}  // namespace acme_chip
