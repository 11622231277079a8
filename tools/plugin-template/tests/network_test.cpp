// Two neurons by hand: what one step does, without neurotool.

#include "../network.hpp"

#include <cstdio>

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  ++failures;
}

acme_chip::Network one_synapse(float weight, float threshold) {
  acme_chip::Network network;
  network.layers.resize(2);
  network.layers[0].neurons = 1;
  network.layers[1].model = acme_chip::Layer::Model::kIf;
  network.layers[1].neurons = 1;
  network.layers[1].threshold = {threshold};
  network.layers[1].incoming = {{0, {weight}, {0}}};
  network.run_order = {0, 1};
  return network;
}

void a_membrane_that_reaches_its_threshold_fires() {
  const acme_chip::Network network = one_synapse(0.5f, 1.0f);
  acme_chip::State state(network);
  const float input = 1.0f;
  step(network, {&input, nullptr}, state);
  expect(state.sent[1][0] == 0.0f && state.membrane[1][0] == 0.5f, "0.5 is below 1");
  step(network, {&input, nullptr}, state);
  expect(state.sent[1][0] == 1.0f && state.membrane[1][0] == 0.0f,
         "1 reaches 1, and is taken away");
}

void what_is_above_the_threshold_stays() {
  const acme_chip::Network network = one_synapse(1.75f, 1.0f);
  acme_chip::State state(network);
  const float input = 1.0f;
  step(network, {&input, nullptr}, state);
  expect(state.sent[1][0] == 1.0f && state.membrane[1][0] == 0.75f, "0.75 stays");
}

}  // namespace

int main() {
  a_membrane_that_reaches_its_threshold_fires();
  what_is_above_the_threshold_stays();
  return failures;
}
