// Importance and selection; ties are broken by place, so that every machine keeps the same weights.
#include "passes/compress/prune_masks.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace neurotool::compress {

std::vector<double> importance_of(const LinearLayer& layer, Criterion criterion,
                                  std::span<const double> power) {
  const std::size_t columns = layer.weights.columns, rows = layer.group_rows();
  std::vector<double> importance(layer.weights.value.size());
  for (std::size_t i = 0; i < importance.size(); ++i) {
    const double size = std::abs(layer.weights.value[i]);
    switch (criterion) {
      case Criterion::kL1:
        importance[i] = size;
        break;
      case Criterion::kL2:
        importance[i] = size * size;
        break;
      case Criterion::kWanda: {
        const std::size_t group = i / columns / rows;
        importance[i] = size * std::sqrt(power[group * columns + i % columns]);
        break;
      }
    }
  }
  return importance;
}

std::vector<Mask> keep_most_important(std::span<const std::vector<double>> importance,
                                      double share) {
  struct Place {
    std::uint32_t layer, weight;
  };
  std::vector<Place> places;
  std::vector<Mask> masks;
  for (std::size_t l = 0; l < importance.size(); ++l) {
    masks.emplace_back(importance[l].size(), std::uint8_t{1});
    for (std::size_t i = 0; i < importance[l].size(); ++i) {
      places.push_back({static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(i)});
    }
  }
  const auto drop =
      static_cast<std::size_t>(std::floor(share * static_cast<double>(places.size()) + 1e-9));
  std::ranges::stable_sort(places, std::less{}, [&](const Place& place) {
    return importance[place.layer][place.weight];
  });
  for (std::size_t i = 0; i < drop; ++i) masks[places[i].layer][places[i].weight] = 0;
  return masks;
}

Mask keep_most_important(std::span<const double> importance, double share) {
  const std::vector<std::vector<double>> one{{importance.begin(), importance.end()}};
  return keep_most_important(one, share)[0];
}

Mask keep_n_of_m(std::span<const double> importance, std::size_t columns, std::size_t kernel,
                 std::size_t n, std::size_t m) {
  Mask keep(importance.size(), 0);
  const std::size_t channels = columns / kernel;
  std::vector<std::size_t> group;
  for (std::size_t row = 0; row < importance.size() / columns; ++row) {
    for (std::size_t k = 0; k < kernel; ++k) {
      for (std::size_t first = 0; first < channels; first += m) {
        group.clear();
        for (std::size_t c = first; c < std::min(first + m, channels); ++c) {
          group.push_back(row * columns + c * kernel + k);
        }
        std::ranges::stable_sort(group, std::greater{},
                                 [&](std::size_t at) { return importance[at]; });
        for (std::size_t i = 0; i < std::min(n, group.size()); ++i) keep[group[i]] = 1;
      }
    }
  }
  return keep;
}

}  // namespace neurotool::compress
