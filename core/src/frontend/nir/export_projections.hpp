// Projections as the linear nodes that readers have. Private to frontend/nir.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "frontend/nir/exporter.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool::to_nir {

/// Names of nodes; what they send is added up.
using Ends = std::vector<std::string>;

/// A node that stands for something sparser may not have more weights than this.
inline constexpr std::int64_t kMostDenseWeights = 1 << 24;

bool is_one(const Tensor& weight);  ///< or absent

class ProjectionLowering {
 public:
  ProjectionLowering(const SpikeGraph& graph, const ExportOptions& options, Exported& made,
                     Namer& namer, Diagnostics& diagnostics)
      : graph_(graph), options_(options), made_(made), namer_(namer), diagnostics_(diagnostics) {}

  /// Nodes for the projection behind `ends`, which send what its source population sends. `bias`,
  /// one value per target neuron, is added where it is given. Errors: nir.cannot-express, without a
  /// place. Notes: nir.lowered.
  Result<Ends> lower(ProjectionId id, Ends ends, const std::vector<double>* bias);

  /// Adds `node` behind `sources`; gives it as the only end.
  Ends behind(const Ends& sources, const std::string& wanted, nir::Primitive node);

 private:
  /// One projection on its way.
  struct Job {
    const Projection& projection;
    const Shape &source, &target;
    Ends ends;
    const std::vector<double>* bias;
    bool waits;  ///< a Delay is in front already
  };

  bool native() const { return options_.profile == Profile::kNative; }
  Ends flat(const Job& job);
  Result<Ends> dense(const Job& job, const Tensor& weight);
  Result<Ends> convolution(const Job& job, const Conv2d& conv, const Tensor& weight);
  Result<Ends> sparse(const Job& job, const Sparse& connectivity);
  Result<Ends> pool(const Job& job, const SumPool2d& pool);
  Result<Ends> one_to_one(const Job& job, const OneToOne& connectivity);

  const SpikeGraph& graph_;
  const ExportOptions& options_;
  Exported& made_;
  Namer& namer_;
  Diagnostics& diagnostics_;
  std::map<std::uint32_t, Ends> flat_;  ///< of populations, by index
};

}  // namespace neurotool::to_nir
