// A table with an option of every kind, as a pass or a target would have it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/schema.hpp"

namespace neurotool::test {

enum class Method { kMagnitude, kRandom };

struct SampleOptions {
  int weight_bits = 8;
  bool per_channel = true;
  double sparsity = 0.5;
  Method method = Method::kMagnitude;
  double window = 10;
  std::int64_t memory = 1024;
  std::string note = "none";
  std::vector<std::int64_t> axes{0, 1};
  std::vector<double> scales{0.5};
  int rows = 4;
  int link_width = 32;
};

inline const OptionTable<SampleOptions>& sample_table() {
  using S = SampleOptions;
  static const OptionTable<S> table{
      option("weight_bits", &S::weight_bits, "Bits per stored weight.").range(1, 16),
      option("per_channel", &S::per_channel, "One scale per output channel."),
      option("sparsity", &S::sparsity, "Share of weights set to zero.").range(0, 1),
      choice("method", &S::method, "How weights are ranked.",
             {{"magnitude", Method::kMagnitude}, {"random", Method::kRandom}}),
      option("window", &S::window, "Length of the window.").range(1, 1000).unit("ms"),
      option("memory", &S::memory, "Memory of a core.").at_least(0).unit("byte"),
      option("note", &S::note, "Any text."),
      option("axes", &S::axes, "Axes to reduce.").range(-4, 4),
      option("scales", &S::scales, "Scales to try."),
      option("noc.rows", &S::rows, "Rows of the mesh.").at_least(1),
      option("noc.link.width", &S::link_width, "Bits per flit."),
  };
  return table;
}

}  // namespace neurotool::test
