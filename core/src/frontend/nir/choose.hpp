// How a NIR file that says nothing about time steps is to be read: what the caller says, then our
// own metadata, then what the file's version and values give away. Every choice is reported.
#pragma once

#include <map>
#include <string>

#include "base/result.hpp"
#include "eval/nir/discretization.hpp"
#include "frontend/nir_reading.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::from_nir {

/// The words of the pipeline file and of the metadata. Errors: nir.option.
struct Words {
  static Result<nir::TimeUnit> time_unit(const std::string& word);
  static Result<nir::Integrator> integrator(const std::string& word);
  static Result<nir::Compare> compare(const std::string& word);
  static Result<nir::ResetRule> reset(const std::string& word);
  static Result<nir::InitialPotential> v_init(const std::string& word);
};

/// What our exporter writes under metadata/neurotool of the graph, as far as it is there.
struct OwnMetadata {
  bool present = false;
  double dt_seconds = 0;
  std::string time_unit, reset, compare, profile, input;
  std::uint32_t steps = 0;
  double input_unit = 1;  ///< real value of what the input takes as 1
  std::map<std::string, Tensor, std::less<>> v_init, theta;  ///< by node
};
OwnMetadata own_metadata(const nir::Graph& graph);

struct Choice {
  nir::Discretization discretization;
  bool held_input = false;
  std::uint32_t steps = 0;  ///< per sample; 0: not said
};

/// Notes: nir.discretization. Warnings: nir.input-unit. Errors: nir.option, nir.time-unit (the
/// values look like milliseconds or steps, and nobody says).
Result<Choice> choose(const nir::Document& document, const std::string& path,
                      const NirReading& reading, Diagnostics& diagnostics);

/// Only what the caller says, on top of a preset: for tools that run a file. Errors: nir.option.
Result<nir::Discretization> apply_reading(nir::Discretization base, const NirReading& reading);

}  // namespace neurotool::from_nir
