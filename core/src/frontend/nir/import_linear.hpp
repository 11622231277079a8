// Linear nodes and delays as projections. Private to frontend/nir.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "eval/nir/plan.hpp"
#include "ir/connectivity.hpp"

namespace neurotool::from_nir {

/// A name that populations may have.
std::string population_name(std::string_view name);
/// Our populations have one axis or three. Error: nir.cannot-express, without a place.
Result<Shape> population_shape(const Shape& shape);

/// Affine, Linear, Scale, a convolution or a pooling.
bool is_linear(const nir::Primitive& primitive);
/// Of a linear node. `at` is its place, for the warning nir.rounding.
Result<Connectivity> connectivity_of(const nir::PlannedNode& node, const Location& at,
                                     Diagnostics& diagnostics);
/// Of a linear node; absent where it has none, or zeros.
Result<Tensor> bias_of(const nir::PlannedNode& node);

OneToOne one_to_one();

/// The part of a Delay that is late by the same number of steps.
struct LatePart {
  std::uint32_t steps = 0;
  Connectivity connectivity;
};
/// `dt` in units of the file. Error: nir.cannot-express, without a place.
Result<std::vector<LatePart>> late_parts(const nir::PlannedNode& node, const nir::Delay& delay,
                                         double dt);

}  // namespace neurotool::from_nir
