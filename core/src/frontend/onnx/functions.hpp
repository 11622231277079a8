// The functions that a model file defines (IR version 8 and newer), and what a call makes of their
// bodies: attributes that refer to the call's are replaced by its values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frontend/onnx/order.hpp"
#include "frontend/onnx/report.hpp"

namespace onnx {
class AttributeProto;
class FunctionProto;
class ModelProto;
class NodeProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// Domain to version; ONNX's own domain is "".
using Opsets = std::map<std::string, std::int64_t>;

bool is_onnx_domain(std::string_view domain);

/// Attributes of a call by name, defaults included.
using Actuals = std::map<std::string, const ::onnx::AttributeProto*>;

struct Function {
  const ::onnx::FunctionProto* proto = nullptr;
  std::string title;  ///< "local.Block", for messages
  Opsets opsets;
  std::size_t size = 0;  ///< bytes of the body
  /// Default values of attributes; the packaged library does not know the field that holds them.
  std::vector<std::shared_ptr<const ::onnx::AttributeProto>> defaults;
};

class Functions {
 public:
  /// Reports functions that are defined twice (onnx.function). The model must outlive this object.
  Functions(const ::onnx::ModelProto& model, Report& report);
  ~Functions();

  /// The function that the node calls, or nullptr.
  const Function* called_by(const ::onnx::NodeProto& node) const;

 private:
  std::unordered_map<std::string, Function> functions_;
};

/// How much of them may be written out: a short file of functions that each call the next one twice
/// would otherwise be a long program.
class Expansions {
 public:
  /// Whether the body is within bounds once more, for a call of so many bytes, which its nodes may
  /// repeat. Once false, always false.
  bool spend(const Function& function, std::size_t call_bytes);

 private:
  std::size_t nodes_ = 0, bytes_ = 0;
};

Actuals actuals_of(const Function& function, const ::onnx::NodeProto& call);

/// Whether an attribute of the node, or of a node in its subgraphs, refers to one of a call.
bool has_references(const ::onnx::NodeProto& node);
/// Puts the call's attributes in the place of references, in subgraphs too. What the call does not
/// give is left out.
void resolve_references(::onnx::NodeProto& node, const Actuals& actuals);

}  // namespace neurotool::from_onnx
