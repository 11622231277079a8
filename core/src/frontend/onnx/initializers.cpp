// One tensor after the other; what is wrong with one says nothing about the next.
#include "frontend/onnx/initializers.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <utility>

#include "frontend/onnx/sparse.hpp"
#include "frontend/onnx/tensors.hpp"

namespace neurotool::from_onnx {
namespace {

class Binder {
 public:
  Binder(Scope& scope, GraphBuilder& builder, Report& report)
      : scope_(scope), builder_(builder), report_(report) {}

  void bind(const std::string& name, Result<Tensor> tensor) {
    const std::string shown = scope_.value_name(name);
    if (tensor) {
      scope_.bind(name, builder_.add_constant(shown, *std::move(tensor)));
      return;
    }
    Error problem = std::move(tensor).error();
    problem.at = report_.node(shown);
    problem.message = fmt::format("initializer '{}': {}", name, problem.message);
    report_.add(std::move(problem));
    scope_.bind(name, builder_.add_broken(shown));
  }

 private:
  Scope& scope_;
  GraphBuilder& builder_;
  Report& report_;
};

void bind_sparse(const ::onnx::GraphProto& graph, const ExternalFolder& folder, Binder& binder) {
  for (const auto& sparse : graph.sparse_initializer()) {
    binder.bind(sparse.values().name(), read_sparse(sparse, folder));
  }
}

}  // namespace

void add_initializers(const ::onnx::GraphProto& graph, Scope& scope, const ExternalFolder& folder,
                      GraphBuilder& builder, Report& report) {
  Binder binder(scope, builder, report);
  bind_sparse(graph, folder, binder);
  for (const auto& tensor : graph.initializer()) {
    binder.bind(tensor.name(), read_tensor(tensor, folder));
  }
}

void take_initializers(::onnx::GraphProto& graph, Scope& scope, const ExternalFolder& folder,
                       GraphBuilder& builder, Report& report) {
  Binder binder(scope, builder, report);
  bind_sparse(graph, folder, binder);
  for (auto& tensor : *graph.mutable_initializer()) {
    binder.bind(tensor.name(), take_tensor(tensor, folder));
  }
}

}  // namespace neurotool::from_onnx
