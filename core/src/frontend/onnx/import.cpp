// Walks the graph of a parsed model: versions, inputs, weights, nodes, outputs. Everything that is
// wrong is reported before the import fails, so that twelve unsupported layers are one run.
#include "frontend/onnx/import.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "frontend/onnx/convert.hpp"
#include "frontend/onnx/free_extents.hpp"
#include "frontend/onnx/initializers.hpp"
#include "frontend/onnx/tensors.hpp"
#include "frontend/onnx/walk.hpp"

namespace neurotool::from_onnx {
namespace {

constexpr std::int64_t kFirstIr = 3;
constexpr std::int64_t kLastIr = 13;

class Importer {
 public:
  Importer(::onnx::ModelProto& proto, const std::string& path, const LoadOptions& options,
           Report& report)
      : proto_(proto),
        graph_(*proto.mutable_graph()),
        options_(options),
        folder_(std::filesystem::path(path).parent_path()),
        report_(report),
        functions_(proto, report),
        extents_(options.extents) {}

  Result<Model> run() {
    check_versions();
    if (report_.has_errors()) return report_.first_error();
    const Body body = body_of(graph_);
    take_initializers(graph_, scope_, folder_, builder_, report_);
    add_inputs();
    Walk(functions_, folder_, report_, builder_, options_.record).main_graph(body, scope_, opsets_);
    add_outputs();
    check_numbers();
    if (!report_.has_errors()) warn_about_precision();
    if (options_.record != nullptr) options_.record->graph = builder_.graph();
    if (report_.has_errors()) return report_.first_error();
    return finish();
  }

 private:
  void check_versions();
  void add_inputs();
  void add_input(const ::onnx::ValueInfoProto& input);
  std::optional<Shape> declared_shape(const ::onnx::ValueInfoProto& value);
  void add_outputs();
  void check_declared(const ::onnx::ValueInfoProto& output, ValueId id);
  void warn_about_precision();
  void check_numbers();
  Model finish();

  ::onnx::ModelProto& proto_;
  ::onnx::GraphProto& graph_;
  const LoadOptions& options_;
  ExternalFolder folder_;
  Report& report_;
  Functions functions_;
  FreeExtents extents_;
  GraphBuilder builder_;
  Scope scope_;
  Opsets opsets_;
  std::vector<FreeExtent> free_;
  bool narrow_inputs_ = false;
};

void Importer::check_versions() {
  if (proto_.ir_version() < kFirstIr || proto_.ir_version() > kLastIr) {
    report_.error("onnx.version", report_.file(),
                  fmt::format("the file has IR version {}, supported are {} to {}",
                              proto_.ir_version(), kFirstIr, kLastIr),
                  "export the model with a supported version of the onnx package");
  }
  std::optional<std::int64_t> opset;
  for (const auto& import : proto_.opset_import()) {
    const bool own = is_onnx_domain(import.domain());
    opsets_.emplace(own ? std::string() : import.domain(), import.version());
    if (!own) continue;
    if (opset && *opset != import.version()) {
      report_.error(
          "onnx.version", report_.file(),
          fmt::format("the file declares opset {} and opset {}", *opset, import.version()));
    }
    opset = import.version();
  }
  if (!opset) {
    report_.error("onnx.version", report_.file(), "the file declares no opset of ONNX's own domain",
                  "export the model again; every ONNX file names the opset it was made for");
  } else if (*opset < kFirstOpset || *opset > kLastOpset) {
    report_.error("onnx.version", report_.file(),
                  fmt::format("the file declares opset {}, supported are {} to {}", *opset,
                              kFirstOpset, kLastOpset),
                  fmt::format("export the model with an opset up to {}, such as 17", kLastOpset));
  }
}

void Importer::add_inputs() {
  std::size_t given = 0;
  std::string first;
  for (const auto& input : graph_.input()) {
    const auto bound = scope_.find(input.name());
    if (!bound) {
      add_input(input);
    } else if (builder_.graph()[*bound].constant.defined() && given++ == 0) {
      first = input.name();
    }
  }
  extents_.report_unused(report_);
  // Before IR version 4 every initializer had to be an input.
  if (given == 0 || proto_.ir_version() < 4) return;
  report_.note("onnx.initializer-input", report_.node(first),
               fmt::format("{} graph inputs, '{}' the first, bring a value of their own; it is "
                           "taken as a constant",
                           given, first));
}

void Importer::add_input(const ::onnx::ValueInfoProto& input) {
  const auto refuse = [&](std::string_view code, std::string message, std::string help) {
    report_.error(code, report_.node(input.name()), std::move(message), std::move(help));
    scope_.bind(input.name(), builder_.add_broken(input.name()));
  };
  if (!input.type().has_tensor_type()) {
    return refuse("onnx.type", fmt::format("graph input '{}' is not a tensor", input.name()),
                  "sequences, maps and optional values are not supported");
  }
  const int type = input.type().tensor_type().elem_type();
  auto dtype = dtype_of(type);
  if (!dtype) {
    return refuse(
        "onnx.type",
        fmt::format("graph input '{}' has elements of {}", input.name(), onnx_type_name(type)),
        "give the network a float32 input");
  }
  if (!input.type().tensor_type().has_shape()) {
    return refuse("onnx.input-shape", fmt::format("graph input '{}' has no shape", input.name()),
                  "export the model with a shape for each input; the batch may be symbolic");
  }
  const auto shape = declared_shape(input);
  if (!shape) return scope_.bind(input.name(), builder_.add_broken(input.name())), void();
  if (is_float(*dtype) && *dtype != DType::kFloat32) {
    narrow_inputs_ = true;
    dtype = DType::kFloat32;
  }
  const ValueId id = builder_.add_input(input.name(), *dtype, *shape);
  scope_.bind(input.name(), id);
}

std::optional<Shape> Importer::declared_shape(const ::onnx::ValueInfoProto& value) {
  Shape shape, known;
  for (int axis = 0; axis < value.type().tensor_type().shape().dim_size(); ++axis) {
    const auto& dim = value.type().tensor_type().shape().dim(axis);
    // Some exporters write -1 for an extent that is not fixed, instead of a name.
    std::optional<std::int64_t> extent;
    if (dim.has_dim_value() && dim.dim_value() != -1) extent = dim.dim_value();
    if (!extent) {
      extent = extents_.extent_of(value.name(), axis, dim.dim_param());
      if (!extent) free_.push_back({value.name(), axis, escape_control(dim.dim_param())});
    }
    shape.push_back(extent.value_or(kFreeDim));
    if (extent) known.push_back(*extent);
  }
  const auto bad = std::ranges::find_if(known, [](std::int64_t extent) { return extent < 0; });
  if (bad != known.end()) {
    report_.error("onnx.input-shape", report_.node(value.name()),
                  fmt::format("graph input '{}' has the extent {}", value.name(), *bad),
                  "an extent that is not fixed has a name instead of a number (dim_param)");
    return std::nullopt;
  }
  if (!element_count(known)) {
    report_.error("onnx.input-shape", report_.node(value.name()),
                  fmt::format("graph input '{}' of shape {} has more than 2^48 elements",
                              value.name(), to_string(shape)));
    return std::nullopt;
  }
  return shape;
}

void Importer::add_outputs() {
  for (const auto& output : graph_.output()) {
    const auto id = scope_.find(output.name());
    if (!id || !id->valid()) continue;  // reported, or part of a cycle
    builder_.graph().outputs.push_back(*id);
    if (!builder_.is_broken(*id)) check_declared(output, *id);
  }
}

void Importer::check_declared(const ::onnx::ValueInfoProto& output, ValueId id) {
  const auto& type = output.type();
  const auto& shape = builder_.graph()[id].shape;
  if (!type.has_tensor_type() || !type.tensor_type().has_shape() || !shape) return;
  const auto& dims = type.tensor_type().shape().dim();
  bool agree = dims.size() == std::ssize(*shape);
  for (int i = 0; agree && i < dims.size(); ++i) {
    const std::int64_t extent = (*shape)[static_cast<std::size_t>(i)];
    agree = !dims[i].has_dim_value() || extent == kFreeDim || dims[i].dim_value() == extent;
  }
  if (agree) return;
  report_.warning("onnx.declared-shape", report_.node(output.name()),
                  fmt::format("the declared shape of output '{}' is not the one that its nodes "
                              "make, {}",
                              output.name(), to_string(*shape)));
}

void Importer::warn_about_precision() {
  if (narrow_inputs_) {
    report_.warning("onnx.precision", report_.file(),
                    "the inputs are not float32; the network is computed in float32");
  }
  if (builder_.rounded() == 0) return;
  report_.warning(
      "onnx.precision", report_.file(),
      fmt::format("{} constants, '{}' the first, are stored in float64 and lose digits; "
                  "the network is computed in float32",
                  builder_.rounded(), builder_.first_rounded()));
}

void Importer::check_numbers() {
  for (const Value& value : builder_.graph().values) {
    const Tensor& tensor = value.constant;
    if (!tensor.defined() || tensor.dtype() != DType::kFloat32) continue;
    const auto numbers = tensor.as<float>();
    const auto is_odd = [](float number) { return !std::isfinite(number); };
    const auto odd = std::ranges::count_if(numbers, is_odd);
    if (odd == 0) continue;
    const bool is_nan =
        std::ranges::any_of(numbers, [](float number) { return std::isnan(number); });
    // A single infinity is a bound of Clip more often than a mistake.
    if (!is_nan && tensor.size() == 1) continue;
    const auto first = std::ranges::find_if(numbers, is_odd) - numbers.begin();
    const std::string message =
        fmt::format("{} of {} elements of '{}' are {}, element {} the first", odd, tensor.size(),
                    value.name, is_nan ? "infinite or not a number" : "infinite", first);
    constexpr const char* kHelp = "the training diverged or the file is damaged; export it again";
    if (is_nan) report_.error("onnx.not-finite", report_.node(value.name), message, kHelp);
    if (!is_nan) report_.warning("onnx.not-finite", report_.node(value.name), message, kHelp);
  }
}

Model Importer::finish() {
  Model model;
  TensorGraph& graph = builder_.graph();
  const std::string stem = std::filesystem::path(report_.path()).stem().string();
  graph.name = escape_control(graph_.name().empty() ? stem : graph_.name());
  graph.compact();
  model.name = stem;
  model.path = report_.path();
  model.free_extents = std::move(free_);
  model.graph = std::move(graph);
  return model;
}

}  // namespace

Result<Model> import_model(::onnx::ModelProto& proto, const std::string& path,
                           const LoadOptions& options, Diagnostics& diagnostics) {
  if (!proto.has_graph()) {
    Error problem = error("onnx.no-graph", FilePosition{.path = path}, "the ONNX file has no graph",
                          "export the model again");
    diagnostics.report(problem);
    return problem;
  }
  Report report(path, diagnostics);
  Result<Model> model = Importer(proto, path, options, report).run();
  report.flush();
  return model;
}

}  // namespace neurotool::from_onnx
