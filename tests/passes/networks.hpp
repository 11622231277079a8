// The networks that several tests of the lowering use.
#pragma once

#include <string>

#include "passes/pass_tools.hpp"

namespace neurotool::test {

/// x[1,2,2] -> flatten -> fc1 -> relu -> fc2 -> logits[2], with numbers to follow by hand.
inline Model hand_mlp() {
  Network net({1, 2, 2});
  Gemm gemm;
  gemm.trans_b = true;
  net.add("flatten", Flatten{});
  net.add("fc1", gemm,
          {net.constant({3, 4}, {1, 0, 0, 0, 0, 1, 1, 0, -1, 0, 0, -1}),
           net.constant({3}, {0, 0.5f, 0.25f})});
  net.relu("relu1");
  net.add("fc2", gemm,
          {net.constant({2, 3}, {1, -1, 0.5f, 0, 2, 1}), net.constant({2}, {0.125f, 0})});
  return net.finish("hand_mlp");
}

/// A residual network in small: a stem, one plain block, one block whose shortcut drops pixels and
/// pads channels, then pool, flatten and a matrix. With samples on a grid of 1/2 every sum is
/// exact.
inline Model residual_network(std::uint64_t seed = 1) {
  Network net({2, 4, 4}, seed, 0.25);
  net.conv("conv1", 2, 2, 1, 0.4).relu("relu1");
  const ValueId x = net.value();
  net.conv("conv2", 2, 2, 1, 0.4).relu("relu2").conv("conv3", 2, 2, 1, 0.4);
  net.add("add1", Binary{BinaryKind::kAdd}, {x}).relu("relu3");
  const ValueId y = net.value();
  net.conv("conv4", 2, 4, 2, 0.4).relu("relu4").conv("conv5", 4, 4, 1, 0.3);
  const ValueId branch = net.value();
  net.at(y)
      .add("slice", Slice{},
           {net.integers({0, 0}), net.integers({4, 4}), net.integers({2, 3}), net.integers({2, 2})})
      .add("pad", Pad{}, {net.integers({0, 1, 0, 0, 0, 1, 0, 0})});
  const ValueId shortcut = net.value();
  net.at(branch).add("add2", Binary{BinaryKind::kAdd}, {shortcut}).relu("relu5");
  net.add("pool", GlobalAveragePool{}).add("flatten", Flatten{}).gemm("fc", 4, 3, 0.5);
  return net.finish("residual");
}

}  // namespace neurotool::test
