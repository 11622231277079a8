// Every value is hashed with its length or width before it, so that no two graphs run together.
#include "target/fingerprint.hpp"

#include <span>
#include <type_traits>

#include "base/hash.hpp"
#include "target/parameters.hpp"

namespace neurotool {
namespace {

class Hasher {
 public:
  std::string hex() { return hash_.hex(); }

  template <class T>
  requires std::is_arithmetic_v<T>
  void add(T value) { hash_.update(std::as_bytes(std::span(&value, 1))); }
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    hash_.update(text);
  }
  void add(const Shape& shape) {
    add(static_cast<std::uint64_t>(shape.size()));
    hash_.update(std::as_bytes(std::span(shape)));
  }
  void add(const Tensor& tensor) {
    add(static_cast<std::uint32_t>(tensor.dtype()));
    add(tensor.shape());
    hash_.update({tensor.data(), tensor.bytes()});
    const auto& quantization = tensor.quantization();
    add(static_cast<std::uint64_t>(quantization ? quantization->scales.size() + 1 : 0));
    if (!quantization) return;
    for (const double scale : quantization->scales) add(scale);
    add(quantization->zero_point);
    add(quantization->bits);
  }
  void add(const std::vector<GraphParameter>& parameters) {
    add(static_cast<std::uint64_t>(parameters.size()));
    for (const GraphParameter& parameter : parameters) {
      add(parameter.name);
      add(parameter.value);
    }
  }

 private:
  Sha256 hash_;
};

}  // namespace

std::string fingerprint(const SpikeGraph& graph) {
  Hasher hasher;
  hasher.add(std::string_view("neurotool spike graph 1"));
  hasher.add(std::string_view(graph.name));
  hasher.add(static_cast<std::uint32_t>(graph.arithmetic));
  hasher.add(graph.steps);
  hasher.add(graph.dt_seconds);
  hasher.add(static_cast<std::uint64_t>(graph.populations.size()));
  for (const Population& population : graph.populations) {
    hasher.add(std::string_view(population.name));
    hasher.add(model_name(population.neuron));
    hasher.add(population.shape);
    hasher.add(static_cast<std::uint32_t>(population.output));
    hasher.add(population.chip);
    hasher.add(parameters_of(population, graph.arithmetic));
  }
  hasher.add(static_cast<std::uint64_t>(graph.projections.size()));
  for (const Projection& projection : graph.projections) {
    hasher.add(std::string_view(projection.name));
    hasher.add(kind_name(projection.connectivity));
    hasher.add(projection.source.index);
    hasher.add(projection.target.index);
    hasher.add(projection.delay_steps);
    hasher.add(projection.target_port);
    hasher.add(parameters_of(projection));
  }
  return hasher.hex();
}

}  // namespace neurotool
