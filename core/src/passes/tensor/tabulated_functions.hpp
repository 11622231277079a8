// The functions of a network that no neuron computes and that a table of ramps could stand for.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "passes/tensor/pointwise.hpp"

namespace neurotool::tensor_passes {

/// A chain of operations that computes a function of one value, at least one of them refused by
/// the lowering.
struct TabulatedFunction {
  ValueId from, to;
  std::vector<OpId> steps;
  std::string name;                  ///< of the first refused step, in the model file
  std::vector<std::string> origins;  ///< of all steps
  bool makes_numbers = true;         ///< not truth values, for which no sum of ramps can stand
};

std::vector<TabulatedFunction> functions_without_neurons(const TensorGraph& graph);

/// The steps that are gone once a table stands for every function that has one.
std::set<OpId> ops_with_tables(const TensorGraph& graph);

}  // namespace neurotool::tensor_passes
