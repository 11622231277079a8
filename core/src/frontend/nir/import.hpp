// A NIR graph to a SpikeGraph: what our time step can do exactly as the chosen discretisation says,
// and nothing else. What it cannot is refused by the name of its node.
#pragma once

#include <string>

#include "base/result.hpp"
#include "frontend/nir_reading.hpp"
#include "ir/model.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::from_nir {

/// Every finding goes to `diagnostics`; the returned error is the first. Projections that close a
/// cycle get a delay of one step. Errors: nir.cannot-express, nir.no-output and those of choose()
/// and nir::plan_graph(). Notes: nir.recognised. Warnings: nir.rounding.
Result<Model> import_model(const nir::Document& document, const std::string& path,
                           const NirReading& reading, Diagnostics& diagnostics);

}  // namespace neurotool::from_nir
