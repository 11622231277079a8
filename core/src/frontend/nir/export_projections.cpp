// One function for each kind of connectivity. Dense ones and convolutions are nodes as they are;
// the others become one of these, or disappear into an edge where every weight is 1.
#include "frontend/nir/export_projections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "frontend/nir/export_order.hpp"
#include "frontend/nir/neurons.hpp"
#include "frontend/nir/weights.hpp"

namespace neurotool::to_nir {
namespace {

Error cannot(std::string message, std::string help) {
  return error("nir.cannot-express", {}, std::move(message), std::move(help));
}

Result<> check_width(std::int64_t weights, std::string_view what, std::string help) {
  if (weights <= kMostDenseWeights) return {};
  return cannot(
      fmt::format("as a {} it has {} weights, more than {}", what, weights, kMostDenseWeights),
      std::move(help));
}

Result<Tensor> channel_bias(const std::vector<double>& bias, const Shape& shape) {
  const auto channels = static_cast<std::size_t>(shape[0]);
  const std::size_t repeat = bias.size() / channels;
  std::vector<float> made(channels);
  for (std::size_t i = 0; i < bias.size(); ++i) {
    made[i / repeat] = static_cast<float>(bias[i]);
    if (bias[i] == bias[i / repeat * repeat]) continue;
    return cannot("its bias, less v(0), differs within a channel, and a Conv2d has one per channel",
                  "calibrate per channel");
  }
  return Tensor::from<float>({shape[0]}, std::move(made));
}

nir::Flatten flatten_of(const Shape& shape) {
  return {.start_dim = nir::int_tensor(0),
          .end_dim = nir::int_tensor(-1),
          .input_type = nir::shape_tensor(shape)};
}

}  // namespace

bool is_one(const Tensor& weight) {
  if (!weight.defined()) return true;
  for (std::int64_t i = 0; i < weight.size(); ++i)
    if (weight.at(i) != 1) return false;
  return true;
}

Ends ProjectionLowering::behind(const Ends& sources, const std::string& wanted,
                                nir::Primitive node) {
  const std::string name = namer_(wanted);
  nir::add(made_.graph, name, std::move(node));
  for (const std::string& source : sources) nir::connect(made_.graph, source, name);
  return {name};
}

Result<Ends> ProjectionLowering::lower(ProjectionId id, Ends ends,
                                       const std::vector<double>* bias) {
  const Projection& projection = graph_[id];
  Job job{.projection = projection,
          .source = graph_[projection.source].shape,
          .target = graph_[projection.target].shape,
          .ends = std::move(ends),
          .bias = bias,
          .waits = false};
  const std::uint32_t implied = closes_cycle(graph_, projection) ? 1 : 0;
  if (projection.delay_steps > implied) {
    const auto late = static_cast<float>((projection.delay_steps - implied) * made_.dt_seconds);
    job.ends =
        behind(job.ends, projection.name + "_delay", nir::Delay{nir::filled(job.source, late)});
    job.waits = true;
  }
  const Connectivity& kind = projection.connectivity;
  if (const auto* p = std::get_if<Dense>(&kind))
    return dense(job, real_weight(p->weight, projection.shift));
  if (const auto* p = std::get_if<Conv2d>(&kind))
    return convolution(job, *p, real_weight(p->weight, projection.shift));
  if (const auto* p = std::get_if<Sparse>(&kind)) return sparse(job, *p);
  if (const auto* p = std::get_if<SumPool2d>(&kind)) return pool(job, *p);
  if (const auto* p = std::get_if<OneToOne>(&kind)) return one_to_one(job, *p);
  return cannot(fmt::format("NIR has no '{}' projections", kind_name(kind)),
                "export a network without them");
}

/// What arrives, as a vector. One Flatten serves all projections of a population.
Ends ProjectionLowering::flat(const Job& job) {
  if (job.source.size() <= 1) return job.ends;
  if (job.waits) return behind(job.ends, job.projection.name + "_flat", flatten_of(job.source));
  Ends& made = flat_[job.projection.source.index];
  if (made.empty()) {
    made = behind(job.ends, graph_[job.projection.source].name + "_flat", flatten_of(job.source));
  }
  return made;
}

Result<Ends> ProjectionLowering::dense(const Job& job, const Tensor& weight) {
  if (job.target.size() != 1) {
    return cannot(fmt::format("a dense projection onto {} has no node: NIR cannot fold a vector "
                              "into channels",
                              to_string(job.target)),
                  "let the layer be flat");
  }
  const std::vector<double> none(static_cast<std::size_t>(job.target[0]), 0.0);
  return behind(flat(job), job.projection.name,
                nir::Affine{weight, full_tensor(job.bias ? *job.bias : none, job.target)});
}

Result<Ends> ProjectionLowering::convolution(const Job& job, const Conv2d& conv,
                                             const Tensor& weight) {
  if (conv.groups > 1) {
    NT_TRY_VOID(check_width(weight.size() * conv.groups,
                            "convolution of one group, which all readers take",
                            "use fewer channels in a group's layer"));
  }
  NT_TRY(nir::Conv2d node, portable_convolution(conv, weight, job.source));
  if (job.bias != nullptr) {
    NT_TRY(node.bias, channel_bias(*job.bias, job.target));
  }
  return behind(job.ends, job.projection.name, std::move(node));
}

Result<Ends> ProjectionLowering::sparse(const Job& job, const Sparse& connectivity) {
  const std::int64_t targets = element_count(job.target).value_or(0),
                     sources = element_count(job.source).value_or(0);
  if (job.target.size() != 1) {
    return cannot(
        fmt::format("its {} synapses from {} onto {} are no convolution of up to {} weights, and "
                    "NIR cannot fold a vector into channels",
                    connectivity.targets.size(), to_string(job.source), to_string(job.target),
                    kMostDenseWeights),
        "let the layer be flat, or its weights the same at every place");
  }
  NT_TRY_VOID(check_width(targets * sources, "dense node", "use a smaller layer"));
  return dense(job,
               real_weight(dense_weight(connectivity, targets, sources), job.projection.shift));
}

Result<Ends> ProjectionLowering::pool(const Job& job, const SumPool2d& pool) {
  const Projection& projection = job.projection;
  const double area = static_cast<double>(pool.kernel[0] * pool.kernel[1]);
  const bool padded = std::ranges::any_of(pool.padding, [](auto pad) { return pad != 0; });
  const bool exact = std::exp2(std::round(std::log2(area))) == area;
  const Tensor factor =
      pool.weight.defined() || projection.shift > 0
          ? real_weight(pool.weight.defined() ? pool.weight : Tensor::scalar(1.0F),
                        projection.shift)
          : Tensor{};
  if (job.bias == nullptr && is_one(factor) && !padded && (exact || native()) &&
      !options_.without_pooling) {
    return behind(
        job.ends, projection.name,
        nir::SumPool2d{nir::pair_tensor(pool.kernel[0], pool.kernel[1]),
                       nir::pair_tensor(pool.stride[0], pool.stride[1]), nir::pair_tensor(0, 0)});
  }
  const Conv2d conv = pooling_convolution(pool, job.source[0], factor);
  diagnostics_.report(note("nir.lowered", ModelNode{"", projection.name},
                           options_.without_pooling
                               ? fmt::format("the pooling '{}' becomes a convolution, because nir "
                                             "1.0.5 reads no graph with a pooling",
                                             projection.name)
                               : fmt::format("the pooling '{}' becomes a convolution, because "
                                             "readers compute a SumPool2d of {} values as a mean, "
                                             "drop its padding, or have no place for a factor or "
                                             "bias",
                                             projection.name, area)));
  return convolution(job, conv, conv.weight);
}

Result<Ends> ProjectionLowering::one_to_one(const Job& job, const OneToOne& connectivity) {
  const Shape& target = job.target;
  const Tensor weight = real_weight(connectivity.weight, job.projection.shift);
  const bool flattens = job.source != target && target.size() == 1;
  if (job.source != target && !flattens) {
    return cannot(fmt::format("{} to {} is a fold that NIR has no node for", to_string(job.source),
                              to_string(target)),
                  "let both have one shape");
  }
  if (is_one(weight) && job.bias == nullptr) return flattens ? flat(job) : job.ends;
  const std::vector<double> values = values_of(
      weight.rank() == 1 && weight.size() == element_count(target) ? weight.reshaped(target)
                                                                   : weight,
      target, 1);
  if (native() && job.bias == nullptr && !flattens)
    return behind(job.ends, job.projection.name, nir::Scale{full_tensor(values, target)});
  if (target.size() == 1) {
    NT_TRY_VOID(check_width(target[0] * target[0], "dense node",
                            "use the profile 'native', or a smaller layer"));
    return dense(job, diagonal(values, target[0]));
  }
  const Tensor per_channel = from_nir::compressed(values, target);
  if (per_channel.rank() > 1) {
    return cannot("its weight differs within a channel, and no portable node has such a weight",
                  "use the profile 'native'");
  }
  const SumPool2d one{.weight = {}};
  const Conv2d conv = pooling_convolution(one, target[0], per_channel);
  return convolution(job, conv, conv.weight);
}

}  // namespace neurotool::to_nir
