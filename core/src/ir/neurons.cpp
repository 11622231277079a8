// The words for neuron models, and the firing part that most of them share.
#include "ir/neurons.hpp"

#include <concepts>

namespace neurotool {
namespace {

struct Namer {
  std::string_view operator()(const Input&) const { return "input"; }
  std::string_view operator()(const Relay&) const { return "relay"; }
  std::string_view operator()(const If&) const { return "if"; }
  std::string_view operator()(const Lif&) const { return "lif"; }
  std::string_view operator()(const CubaLif&) const { return "cuba_lif"; }
  std::string_view operator()(const Li&) const { return "li"; }
};

template <class Model>
concept Fires = requires(Model model) {
  { model.firing } -> std::same_as<Firing&>;
};

}  // namespace

std::string_view model_name(const Neuron& neuron) { return std::visit(Namer{}, neuron); }

Firing* firing_of(Neuron& neuron) {
  return std::visit(
      []<class Model>(Model& model) -> Firing* {
        if constexpr (Fires<Model>) {
          return &model.firing;
        } else {
          return nullptr;
        }
      },
      neuron);
}

const Firing* firing_of(const Neuron& neuron) { return firing_of(const_cast<Neuron&>(neuron)); }

}  // namespace neurotool
