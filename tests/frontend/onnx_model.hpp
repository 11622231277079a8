// Small ONNX files for tests, written through the protobuf classes: valid ones in few lines, and
// proto() for whatever should be wrong with them.
#pragma once

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/tensor_eval.hpp"
#include "frontend/frontend.hpp"
#include "support/temp_folder.hpp"

namespace neurotool::test {

class OnnxModel {
 public:
  explicit OnnxModel(int opset = 17, int ir_version = 8) {
    proto_.set_ir_version(ir_version);
    proto_.mutable_graph()->set_name("test");
    proto_.add_opset_import()->set_version(opset);
  }

  ::onnx::ModelProto& proto() { return proto_; }
  ::onnx::GraphProto& graph() { return *proto_.mutable_graph(); }

  /// -1 becomes a symbolic extent.
  OnnxModel& input(const std::string& name, const Shape& shape,
                   int type = ::onnx::TensorProto::FLOAT) {
    declare(*graph().add_input(), name, shape, type);
    return *this;
  }
  OnnxModel& output(const std::string& name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  OnnxModel& weight(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    fill(tensor, shape, values);
    return *this;
  }
  OnnxModel& integers(const std::string& name, const std::vector<std::int64_t>& values) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(::onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) tensor.add_int64_data(value);
    return *this;
  }

  /// The node is called after its operator and number, in lower case if `name` is not given.
  ::onnx::NodeProto& node(const std::string& type, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& outputs, const std::string& name = {}) {
    auto& node = *graph().add_node();
    node.set_op_type(type);
    node.set_name(name);
    for (const std::string& input : inputs) node.add_input(input);
    for (const std::string& output : outputs) node.add_output(output);
    return node;
  }

  static void fill(::onnx::TensorProto& tensor, const Shape& shape,
                   const std::vector<float>& values) {
    tensor.set_data_type(::onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : shape) tensor.add_dims(extent);
    for (const float value : values) tensor.add_float_data(value);
  }

  std::string bytes() const { return proto_.SerializeAsString(); }

 private:
  static void declare(::onnx::ValueInfoProto& value, const std::string& name, const Shape& shape,
                      int type) {
    value.set_name(name);
    auto& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (const std::int64_t extent : shape) {
      auto& dim = *tensor.mutable_shape()->add_dim();
      if (extent < 0) dim.set_dim_param("N");
      if (extent >= 0) dim.set_dim_value(extent);
    }
  }

  ::onnx::ModelProto proto_;
};

inline void set(::onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::INT);
  attribute.set_i(value);
}
inline void set(::onnx::NodeProto& node, const std::string& name, int value) {
  set(node, name, std::int64_t{value});
}
inline void set(::onnx::NodeProto& node, const std::string& name, float value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}
inline void set(::onnx::NodeProto& node, const std::string& name, const std::string& value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::STRING);
  attribute.set_s(value);
}
inline void set(::onnx::NodeProto& node, const std::string& name,
                const std::vector<std::int64_t>& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

/// A loaded model with what was reported on the way.
struct Loaded {
  Result<Model> model;
  std::vector<Diagnostic> findings;

  /// "code: message" of each finding, one a line; warnings start with "warning ".
  std::string text() const {
    std::string all;
    for (const Diagnostic& finding : findings) {
      if (finding.severity == Severity::kWarning) all += "warning ";
      all += finding.code + ": " + finding.message + "\n";
    }
    return all;
  }
};

inline Loaded load_bytes(const std::string& bytes) {
  const TempFolder folder;
  Diagnostics diagnostics;
  auto model = load_model(folder.write("net.onnx", bytes), diagnostics);
  return {std::move(model), diagnostics.all()};
}

inline Loaded load(const OnnxModel& model) { return load_bytes(model.bytes()); }

/// Loads the model, runs it on `inputs`, and returns the first output. Fails the test otherwise.
inline Tensor run(const OnnxModel& model, const std::vector<Tensor>& inputs) {
  const Loaded loaded = load(model);
  if (!loaded.model) {
    ADD_FAILURE() << loaded.text();
    return {};
  }
  const TensorEvaluator evaluator(loaded.model->tensor());
  const auto outputs = evaluator.run(inputs);
  if (!outputs) {
    ADD_FAILURE() << to_string(outputs.error());
    return {};
  }
  return (*outputs)[0];
}

inline std::vector<float> floats(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  const Tensor numbers = tensor.converted(DType::kFloat32);
  const auto values = numbers.as<float>();
  return {values.begin(), values.end()};
}

}  // namespace neurotool::test
