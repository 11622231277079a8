// Random small networks as exporters write them: normalisations, identities in many spellings,
// arithmetic on shapes, shared weights, values with several readers, and ops that nobody reads.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "passes/batch_norm_tools.hpp"
#include "passes/pass_tools.hpp"

namespace neurotool::test {

class RandomTensorNetwork {
 public:
  explicit RandomTensorNetwork(std::uint64_t seed)
      : random_(seed, "test", "tensor network"),
        channels_(1 + pick(3)),
        extent_(4),
        net_({channels_, extent_, extent_}, seed) {}

  Model build() {
    for (std::int64_t block = 0, blocks = 2 + pick(3); block < blocks; ++block) add_block();
    flatten();
    for (std::int64_t layer = 0, layers = 1 + pick(2); layer < layers; ++layer) add_layer();
    gemm(3);
    const ValueId logits = net_.value();
    if (pick(2) == 0) net_.add(name("result"), Identity{});
    const bool second = pick(3) == 0;
    Model model = net_.finish("random");
    if (second && model.tensor().outputs[0] != logits) model.tensor().outputs.push_back(logits);
    return model;
  }

 private:
  std::int64_t pick(std::uint64_t bound) { return static_cast<std::int64_t>(random_.below(bound)); }
  std::string name(const char* stem) { return stem + std::to_string(++names_); }
  static double gain(std::int64_t fan_in) { return 1 / std::sqrt(static_cast<double>(fan_in)); }

  void conv(std::int64_t out) {
    net_.conv(name("conv"), channels_, out, 1, gain(channels_ * 9));
    channels_ = out;
  }
  void norm(std::int64_t channels) { batch_norm(net_, name("norm"), channels); }
  void gemm(std::int64_t out) {
    net_.gemm(name("fc"), features_, out, gain(features_));
    features_ = out;
  }

  void relu() {
    switch (pick(4)) {
      case 0:
        net_.relu(name("relu"));
        break;
      case 1:
        net_.add(name("clip"), Clip{}, {net_.constant({}, {0})});
        break;
      case 2:
        net_.add(name("max"), Binary{BinaryKind::kMax}, {net_.constant({}, {0})});
        break;
      case 3:
        net_.add(name("clip"), Clip{}, {net_.constant({}, {-1}), net_.constant({}, {1})});
        break;
    }
  }

  void add_block() {
    switch (pick(8)) {
      case 0:
        conv(1 + pick(3));
        norm(channels_);
        break;
      case 1:  // before the convolution, and twice behind it
        norm(channels_);
        conv(1 + pick(3));
        norm(channels_);
        norm(channels_);
        break;
      case 2:  // read twice
        residual();
        break;
      case 3:  // the same weight in two layers, one of them normalised
        shared();
        break;
      case 4:
        identities();
        break;
      case 5:
        round_trip();
        break;
      case 6:  // one number per channel, computed from constants
        conv(1 + pick(3));
        shift();
        norm(channels_);
        break;
      case 7:  // what nobody reads
        aside([&] { net_.add(name("unread"), ShapeOf{}); });
        net_.conv(name("conv"), channels_, channels_, 1, gain(channels_ * 9));
        break;
    }
    relu();
  }

  template <class F>
  ValueId aside(const F& build) {
    const ValueId here = net_.value();
    build();
    const ValueId made = net_.value();
    net_.at(here);
    return made;
  }

  void residual() {
    conv(channels_);
    const ValueId before = net_.value();
    norm(channels_);
    net_.add(name("add"), Binary{BinaryKind::kAdd}, {before});
  }

  void shared() {
    const ValueId weight =
        net_.constant({channels_, channels_, 1, 1}, net_.random_values(channels_ * channels_, 0.5));
    const ValueId plain = aside([&] { net_.add(name("conv"), Conv{}, {weight}); });
    net_.add(name("conv"), Conv{}, {weight});
    norm(channels_);
    net_.add(name("sub"), Binary{BinaryKind::kSub}, {plain});
  }

  void identities() {
    net_.add(name("drop"), Identity{}).add(name("cast"), Cast{DType::kFloat32});
    net_.add(name("pad"), Pad{}, {net_.integers({0, 0, 0, 0, 0, 0, 0, 0})});
    net_.add(name("slice"), Slice{},
             {net_.integers({0}), net_.integers({channels_}), net_.integers({1})});
    net_.add(name("turn"), Transpose{.perm = {0, 1, 3, 2}});
  }

  /// To [batch, channels, pixels] and back, both shapes computed from the value's own.
  void round_trip() {
    const std::int64_t pixels = extent_ * extent_;
    const ValueId batch = aside([&] {
      net_.add(name("shape"), ShapeOf{}).add(name("batch"), Gather{}, {net_.integers({0})});
    });
    const ValueId flat = aside([&] {
      net_.at(batch).add(name("wanted"), Concat{.axis = 0}, {net_.integers({channels_, -1})});
    });
    net_.add(name("view"), Reshape{}, {flat});
    if (pick(2) == 0) norm(channels_);
    const ValueId square = aside([&] {
      const ValueId side = aside([&] {
        net_.at(net_.integers({pixels}))
            .add(name("div"), Binary{BinaryKind::kDiv}, {net_.integers({extent_})});
      });
      net_.at(batch).add(name("wanted"), Concat{.axis = 0},
                         {net_.integers({channels_}), side, net_.integers({extent_})});
    });
    net_.add(name("view"), Reshape{}, {square});
  }

  void shift() {
    const ValueId values = net_.constant({channels_, 1, 1}, net_.random_values(channels_, 0.5));
    const ValueId computed =
        aside([&] { net_.at(values).add(name("neg"), Unary{UnaryKind::kNeg}); });
    net_.add(name("add"), Binary{BinaryKind::kAdd}, {computed});
  }

  void flatten() {
    features_ = channels_ * extent_ * extent_;
    if (pick(2) == 0) {
      net_.add(name("flatten"), Flatten{});
      return;
    }
    const ValueId wanted = aside([&] {
      net_.add(name("shape"), ShapeOf{.start = 0, .end = 1})
          .add(name("wanted"), Concat{.axis = 0}, {net_.integers({-1})});
    });
    net_.add(name("view"), Reshape{}, {wanted});
  }

  void add_layer() {
    switch (pick(4)) {
      case 0:
        gemm(5);
        norm(5);
        break;
      case 1:
        net_.add(name("fc"), MatMul{},
                 {net_.constant({features_, 4}, net_.random_values(features_ * 4, 0.2))});
        features_ = 4;
        net_.add(name("add"), Binary{BinaryKind::kAdd},
                 {net_.constant({4}, net_.random_values(4, 0.5))});
        norm(4);
        break;
      case 2:  // in front of the next matrix
        relu();
        norm(features_);
        break;
      case 3:
        gemm(6);
        break;
    }
    if (pick(2) == 0) relu();
  }

  RandomStream random_;
  std::int64_t channels_, extent_, features_ = 0;
  Network net_;
  int names_ = 0;
};

}  // namespace neurotool::test
