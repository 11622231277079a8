// Runs one case. Stored tensors are matched with the model's inputs and outputs by name, or by
// their number where they have none.
#include "corpus_case.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <variant>

#include "base/files.hpp"
#include "eval/tensor_eval.hpp"
#include "frontend/frontend.hpp"
#include "frontend/onnx/order.hpp"
#include "frontend/onnx/tensors.hpp"
#include "io/npy.hpp"

namespace corpus {
namespace {

namespace fs = std::filesystem;
using namespace neurotool;

/// Inputs and outputs by name; a number stands for a tensor without one.
struct DataSet {
  std::string name;
  std::map<std::string, Tensor> tensors;
};

Outcome fails(std::string detail) {
  return {.verdict = Verdict::kFails, .code = {}, .op = {}, .detail = std::move(detail)};
}

/// input_0.pb, input_1.pb, … under the name that the tensor has, and under "input_0".
std::optional<std::string> read_tensors(const fs::path& folder, const std::string& kind,
                                        DataSet& data) {
  for (int i = 0;; ++i) {
    const std::string stem = kind + "_" + std::to_string(i);
    const fs::path file = folder / (stem + ".pb");
    if (!fs::exists(file)) return std::nullopt;
    const auto bytes = read_file(file);
    ::onnx::TensorProto proto;
    if (!bytes || !proto.ParseFromString(*bytes)) return fmt::format("{} is no tensor", stem);
    auto tensor = from_onnx::read_tensor(proto, from_onnx::ExternalFolder(folder));
    if (!tensor) return fmt::format("{}: {}", stem, tensor.error().message);
    data.tensors[stem] = *tensor;
    if (!proto.name().empty()) data.tensors[kind + ":" + proto.name()] = *std::move(tensor);
  }
}

std::optional<std::string> read_archive(const fs::path& file, DataSet& data) {
  const auto members = read_npz(file);
  if (!members) return members.error().message;
  for (const auto& [name, tensor] : *members) {
    data.tensors["input:" + name] = tensor;
    data.tensors["output:" + name] = tensor;
  }
  return std::nullopt;
}

const Tensor* find(const DataSet& data, const std::string& kind, const std::string& name,
                   std::size_t number) {
  auto found = data.tensors.find(kind + ":" + name);
  if (found == data.tensors.end()) found = data.tensors.find(kind + "_" + std::to_string(number));
  return found == data.tensors.end() ? nullptr : &found->second;
}

/// The number by which two right answers may differ: stored numbers have the digits of their type.
double slack(DType stored, double tolerance) {
  if (stored == DType::kFloat16) return std::max(tolerance, 1.0 / 256);
  if (stored == DType::kBfloat16) return std::max(tolerance, 1.0 / 64);
  return tolerance;
}

double as_computed(const Tensor& wanted, std::int64_t at) {
  const double value = wanted.at(at);
  return is_float(wanted.dtype()) ? static_cast<double>(static_cast<float>(value)) : value;
}

bool is_close(double got, double wanted, double tolerance) {
  if (std::isnan(got) || std::isnan(wanted)) return std::isnan(got) && std::isnan(wanted);
  return got == wanted || std::abs(got - wanted) <= tolerance * std::max(1.0, std::abs(wanted));
}

/// Whether a result is an end of its type's range: where quantising stops.
bool is_saturated(const Tensor& got, std::int64_t at) {
  const double value = got.at(at);
  if (got.dtype() == DType::kInt8) return value == -128 || value == 127;
  return got.dtype() == DType::kUint8 && (value == 0 || value == 255);
}

/// What differs, or nothing. `disputed` becomes true when all that differs is saturated here.
std::optional<std::string> difference(const Tensor& got, const Tensor& wanted, double tolerance,
                                      bool& disputed) {
  const bool same_type =
      is_float(wanted.dtype()) ? is_float(got.dtype()) : got.dtype() == wanted.dtype();
  if (!same_type) {
    return fmt::format("type {} instead of {}", short_name(got.dtype()),
                       short_name(wanted.dtype()));
  }
  if (got.shape() != wanted.shape()) {
    return fmt::format("shape {} instead of {}", to_string(got.shape()), to_string(wanted.shape()));
  }
  const double allowed = is_float(wanted.dtype()) ? slack(wanted.dtype(), tolerance) : 0;
  std::int64_t wrong = 0, first = 0;
  disputed = true;
  for (std::int64_t i = got.size(); i-- > 0;) {
    // Networks are computed in float32: a number beyond its range is infinite there.
    if (is_close(got.at(i), as_computed(wanted, i), allowed)) continue;
    disputed = disputed && is_saturated(got, i);
    ++wrong;
    first = i;
  }
  if (wrong == 0) return std::nullopt;
  return fmt::format("{} of {} elements differ, element {} is {} instead of {}", wrong, got.size(),
                     first, got.at(first), wanted.at(first));
}

/// Bfloat16 is stored as its bits by tools that have no such type: the model says what they are.
Tensor of_type(const Tensor& stored, const ::onnx::ModelProto& model, std::string_view kind,
               std::size_t number) {
  const auto& graph = model.graph();
  const auto& values = kind == "input" ? graph.input() : graph.output();
  const auto index = static_cast<int>(number);
  const bool is_bits =
      stored.dtype() == DType::kUint16 && index < values.size() &&
      values[index].type().tensor_type().elem_type() == ::onnx::TensorProto::BFLOAT16;
  if (!is_bits) return stored;
  std::vector<std::byte> bits(stored.data(), stored.data() + stored.bytes());
  return Tensor::from_bytes(DType::kBfloat16, stored.shape(), std::move(bits));
}

/// Cases of the ONNX project whose stored int8 outputs are cut to eight bits where the operator's
/// text says that they saturate: -236 became 20.
bool stores_wrapped(const Case& item) {
  constexpr std::string_view kNames[] = {
      "test_qlinearmatmul_2D_int8_float16", "test_qlinearmatmul_2D_int8_float32",
      "test_qlinearmatmul_3D_int8_float16", "test_qlinearmatmul_3D_int8_float32"};
  const std::string leaf = fs::path(item.name).filename().string();
  return std::ranges::find(kNames, leaf) != std::end(kNames);
}

std::vector<DataSet> data_sets(const fs::path& model, std::string& problem) {
  std::vector<DataSet> sets;
  const fs::path folder = model.parent_path();
  std::vector<fs::path> folders;
  // A file of the same folder says nothing about a model that is not its only one.
  const bool is_alone = model.filename() == "model.onnx";
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (is_alone && entry.is_directory() && name.starts_with("test_data_set_")) {
      folders.push_back(entry.path());
    }
  }
  std::ranges::sort(folders);
  for (const fs::path& path : folders) {
    DataSet data{.name = path.filename().string(), .tensors = {}};
    for (const char* kind : {"input", "output"}) {
      if (auto wrong = read_tensors(path, kind, data)) problem = *wrong;
    }
    sets.push_back(std::move(data));
  }
  if (is_alone && fs::exists(folder / "io.npz")) {
    DataSet data{.name = "io.npz", .tensors = {}};
    if (auto wrong = read_archive(folder / "io.npz", data)) problem = *wrong;
    sets.push_back(std::move(data));
  }
  return sets;
}

/// The operator of the node that a finding names, "" when it names no node.
std::string operator_at(const ::onnx::ModelProto& model, const std::string& node) {
  const auto& nodes = model.graph().node();
  for (int i = 0; i < nodes.size(); ++i) {
    if (from_onnx::name_of(nodes[i], i) == node) return nodes[i].op_type();
  }
  return {};
}

/// A refusal says where: a node, an input or a weight, or the file where it is the whole file.
bool names_a_place(const Diagnostic& finding) {
  if (const auto* node = std::get_if<ModelNode>(&finding.at)) return !node->node.empty();
  if (const auto* file = std::get_if<FilePosition>(&finding.at)) return !file->path.empty();
  return false;
}

Outcome refused(const Case& item, const std::vector<Diagnostic>& findings) {
  Outcome outcome{.verdict = Verdict::kRefused, .code = {}, .op = {}, .detail = {}};
  ::onnx::ModelProto model;
  const auto bytes = read_file(item.model);
  // Only to look up names; what is wrong with the file has been found.
  if (bytes) model.ParseFromString(*bytes);
  for (const Diagnostic& finding : findings) {
    if (finding.severity != Severity::kError) continue;
    if (!names_a_place(finding)) return fails("refused without a place: " + finding.message);
    const auto* node = std::get_if<ModelNode>(&finding.at);
    if (outcome.code.empty()) {
      outcome.code = finding.code;
      if (node) outcome.op = operator_at(model, node->node);
    } else {
      outcome.detail += "; ";
    }
    outcome.detail += node ? fmt::format("'{}': {}", node->node, finding.message) : finding.message;
  }
  if (outcome.code.empty()) return fails("refused without an error");
  return outcome;
}

/// Whether an error of the evaluation is a refusal: something it says it does not compute.
bool is_refusal(const Error& problem) {
  return problem.code == "eval.unsupported" || problem.code == "eval.size" ||
         problem.code == "eval.domain";
}

Outcome compare(const Case& item, const Model& model, const DataSet& data, double tolerance,
                std::size_t& compared) {
  const TensorGraph& graph = model.tensor();
  ::onnx::ModelProto types;
  if (const auto bytes = read_file(item.model)) types.ParseFromString(*bytes);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const Value& value = graph[graph.inputs[i]];
    const Tensor* given = find(data, "input", value.name, i);
    // Only outputs are stored: nothing to compare.
    if (!given) return {.verdict = Verdict::kLoads, .code = {}, .op = {}, .detail = "no inputs"};
    const Tensor stored = of_type(*given, types, "input", i);
    inputs.push_back(
        is_float(stored.dtype()) && is_float(value.dtype) ? stored.converted(value.dtype) : stored);
  }
  const auto outputs = TensorEvaluator(graph).run(inputs);
  if (!outputs) {
    if (is_refusal(outputs.error())) return refused(item, {outputs.error()});
    return fails(
        fmt::format("{}: {}: {}", data.name, outputs.error().code, outputs.error().message));
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const std::string& name = graph[graph.outputs[i]].name;
    const Tensor* wanted = find(data, "output", name, i);
    if (!wanted) continue;
    ++compared;
    bool disputed = false;
    const Tensor stored = of_type(*wanted, types, "output", i);
    if (const auto wrong = difference((*outputs)[i], stored, tolerance, disputed)) {
      if (disputed && stores_wrapped(item)) {
        return {.verdict = Verdict::kDisputed,
                .code = {},
                .op = {},
                .detail = *wrong + ": the stored integer wraps, and the operator saturates"};
      }
      return fails(fmt::format("{}: output '{}': {}", data.name, name, *wrong));
    }
  }
  return {.verdict = Verdict::kMatch, .code = {}, .op = {}, .detail = {}};
}

}  // namespace

Outcome run_case(const Case& item, double tolerance) {
  Diagnostics diagnostics;
  const auto model = load_model(item.model, diagnostics);
  if (!model) return refused(item, diagnostics.all());
  std::string problem;
  const std::vector<DataSet> sets = data_sets(item.model, problem);
  if (!problem.empty()) return fails("stored data: " + problem);
  std::size_t compared = 0;
  for (const DataSet& data : sets) {
    const Outcome outcome = compare(item, *model, data, tolerance, compared);
    if (outcome.verdict != Verdict::kMatch && outcome.verdict != Verdict::kLoads) return outcome;
  }
  return {.verdict = compared > 0 ? Verdict::kMatch : Verdict::kLoads,
          .code = {},
          .op = {},
          .detail = {}};
}

}  // namespace corpus
