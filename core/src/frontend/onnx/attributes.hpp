// Typed access to a node's attributes. Whatever a converter has not asked for is an error in the
// end: an attribute that is ignored in silence changes what a network computes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/onnx/external_data.hpp"
#include "frontend/onnx/report.hpp"
#include "ir/tensor.hpp"

namespace onnx {
class AttributeProto;
class NodeProto;
}  // namespace onnx

namespace neurotool::from_onnx {

class Attributes {
 public:
  /// Reports attributes that are given twice (onnx.attribute). The node must outlive this object.
  Attributes(const ::onnx::NodeProto& node, const ExternalFolder& folder, Report& report,
             std::string node_name);

  bool has(std::string_view name) const;

  /// The value, or the fallback when the attribute is absent. Of the wrong type: reported
  /// (onnx.attribute), and the fallback.
  std::int64_t integer(std::string_view name, std::int64_t fallback);
  float real(std::string_view name, float fallback);
  std::string text(std::string_view name, std::string fallback);
  /// 0 or 1.
  bool flag(std::string_view name, bool fallback);
  std::optional<std::vector<std::int64_t>> integers(std::string_view name);
  std::optional<std::vector<float>> reals(std::string_view name);
  std::optional<std::vector<std::string>> texts(std::string_view name);
  std::optional<Tensor> tensor(std::string_view name);

  /// Attributes without meaning for inference.
  void ignore(std::initializer_list<std::string_view> names);
  /// Reports every attribute that was neither read nor ignored.
  void finish(std::string_view op, int opset);

 private:
  /// The attribute, marked as read, or nullptr when absent or not of `type` (reported).
  const ::onnx::AttributeProto* take(std::string_view name, int type);
  void report(std::string message, std::string help = {});

  const ::onnx::NodeProto& node_;
  const ExternalFolder& folder_;
  Report& report_;
  std::string node_name_;
  std::vector<std::string_view> read_;
};

}  // namespace neurotool::from_onnx
