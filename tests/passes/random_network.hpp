// Random small networks out of everything that qcfs lowers: convolutions, pools, residual sums,
// slices, pads, concatenations, scalings, reshapes and matrices.
#pragma once

#include <cmath>
#include <string>
#include <utility>

#include "passes/pass_tools.hpp"

namespace neurotool::test {

struct RandomNetwork {
  Model model;
  Shape sample;
};

class RandomNetworkBuilder {
 public:
  explicit RandomNetworkBuilder(std::uint64_t seed)
      : random_(seed, "test", "network"),
        channels_(1 + pick(3)),
        extent_(4 + 2 * pick(2)),
        sample_{channels_, extent_, extent_},
        net_(sample_, seed) {}

  RandomNetwork build() {
    for (std::int64_t block = 0, blocks = 1 + pick(3); block < blocks; ++block) add_block();
    net_.add(name("flatten"), Flatten{});
    std::int64_t features = channels_ * extent_ * extent_;
    if (pick(2) == 0) {
      net_.gemm(name("fc"), features, 6, gain(features)).relu(name("relu"));
      features = 6;
    }
    net_.gemm(name("fc"), features, 4, gain(features));
    return {net_.finish("random"), sample_};
  }

 private:
  std::int64_t pick(std::uint64_t bound) { return static_cast<std::int64_t>(random_.below(bound)); }
  std::string name(const char* stem) { return stem + std::to_string(++names_); }
  static double gain(std::int64_t fan_in) { return 1 / std::sqrt(static_cast<double>(fan_in)); }

  void conv(std::int64_t out) {
    net_.conv(name("conv"), channels_, out, 1, gain(channels_ * 9));
    channels_ = out;
  }

  void rows_to_channels() {
    if (extent_ % 2 != 0) return;
    channels_ *= 4;
    extent_ /= 2;
    net_.add(name("reshape"), Reshape{}, {net_.integers({0, channels_, extent_, extent_})});
  }

  void add_block() {
    conv(2 + pick(3));
    net_.relu(name("relu"));
    const ValueId x = net_.value();
    switch (pick(12)) {
      case 0:  // residual
        conv(channels_);
        net_.add(name("add"), Binary{BinaryKind::kAdd}, {x}).relu(name("relu"));
        break;
      case 1:  // pool
        if (extent_ % 2 == 0) {
          net_.pool(name("pool"));
          extent_ /= 2;
        }
        break;
      case 2: {  // channels taken apart and joined again, in another order
        const ValueId axis = net_.integers({1});
        net_.add(name("slice"), Slice{}, {net_.integers({1}), net_.integers({channels_}), axis});
        net_.add(name("concat"), Concat{.axis = 1}, {x});
        channels_ = 2 * channels_ - 1;
        break;
      }
      case 3: {  // scaled and shifted, then linear again
        std::vector<float> factor(static_cast<std::size_t>(channels_), 0.5f);
        factor[0] = -1.5f;
        net_.add(name("mul"), Binary{BinaryKind::kMul},
                 {net_.constant({channels_, 1, 1}, std::move(factor))});
        net_.add(name("shift"), Binary{BinaryKind::kAdd}, {net_.constant({1}, {0.25f})});
        break;
      }
      case 4: {  // crop and pad
        const auto pads = net_.integers({0, 0, -1, 0, 0, 0, 1, 0});
        net_.add(name("pad"), Pad{}, {pads});
        break;
      }
      case 6:  // depthwise, then pointwise
        net_.conv(name("depthwise"), 1, channels_, 1, gain(9), {.group = channels_});
        net_.relu(name("relu"));
        net_.conv(name("pointwise"), channels_, 4, 1, gain(channels_), {.extent = 1});
        channels_ = 4;
        net_.relu(name("relu"));
        break;
      case 7:  // in two groups, clipped
        conv(4);
        net_.relu(name("relu"));
        net_.conv(name("grouped"), 2, 4, 1, gain(18), {.group = 2});
        net_.add(name("clip"), Clip{}, {net_.constant({}, {0.0f}), net_.constant({}, {0.5f})});
        break;
      case 8: {  // a leaky rectifier, as the importer writes it
        conv(channels_);
        const ValueId z = net_.value();
        net_.relu(name("relu"));
        const ValueId positive = net_.value();
        net_.at(z).add(name("neg"), Unary{UnaryKind::kNeg}).relu(name("relu"));
        net_.add(name("slope"), Binary{BinaryKind::kMul}, {net_.constant({}, {-0.1f})});
        net_.add(name("leaky"), Binary{BinaryKind::kAdd}, {positive});
        break;
      }
      case 9: {  // residual, the branches on scales far apart
        net_.add(name("mul"), Binary{BinaryKind::kMul}, {net_.constant({}, {8.0f})});
        const ValueId large = net_.value();
        conv(channels_);
        net_.add(name("add"), Binary{BinaryKind::kAdd}, {large}).relu(name("relu"));
        break;
      }
      case 10:  // rows of pixels become channels, behind neurons
        rows_to_channels();
        break;
      case 11:  // the same behind a linear layer, whose neurons have the shape of before
        conv(channels_);
        rows_to_channels();
        break;
      case 5:  // transposed, and subtracted from itself as it was
        net_.add(name("transpose"), Transpose{.perm = {0, 1, 3, 2}});
        net_.add(name("sub"), Binary{BinaryKind::kSub}, {x}).relu(name("relu"));
        break;
    }
  }

  RandomStream random_;
  std::int64_t channels_, extent_;
  Shape sample_;
  Network net_;
  int names_ = 0;
};

inline RandomNetwork random_network(std::uint64_t seed) {
  return RandomNetworkBuilder(seed).build();
}

}  // namespace neurotool::test
