// Converts nodes in order, and goes into what stands for other nodes: the branch of an If whose
// condition is known, and the body of a function that the file defines.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/load_options.hpp"
#include "frontend/onnx/builder.hpp"
#include "frontend/onnx/convert.hpp"
#include "frontend/onnx/external_data.hpp"
#include "frontend/onnx/functions.hpp"
#include "frontend/onnx/known_values.hpp"
#include "frontend/onnx/order.hpp"
#include "frontend/onnx/report.hpp"
#include "frontend/onnx/scope.hpp"

namespace neurotool::from_onnx {

class Walk {
 public:
  /// `record` may be null.
  Walk(const Functions& functions_of_file, const ExternalFolder& folder, Report& report,
       GraphBuilder& builder, ImportRecord* record)
      : functions_(functions_of_file),
        folder_(folder),
        report_(report),
        builder_(builder),
        known_(builder),
        record_(record) {}

  /// Converts the nodes of the main graph. Inputs and initializers are bound in `scope` already;
  /// what the nodes make is, afterwards.
  void main_graph(const Body& body, Scope& scope, const Opsets& opsets);

 private:
  /// What nodes of one body have in common.
  struct Frame {
    Scope& scope;
    const Opsets& opsets;
    const Actuals* actuals = nullptr;  ///< of the call whose body this is
  };
  /// One node on its way.
  struct Site {
    const ::onnx::NodeProto& proto;
    std::string name;
    int opset = 0;  ///< of the node's domain; 0 when the file names none
    const NodeOrder& order;
    const Frame& frame;
  };
  using Made = std::vector<ValueId>;

  void body(const Body& body, const Frame& frame);
  void node(const Body& body, int index, const NodeOrder& order, const Frame& frame);
  Made convert_node(const Site& site);
  Made operator_node(const Site& site, const Operator& op);
  Made if_node(const Site& site);
  Made branch(const Site& site, const ::onnx::GraphProto& graph, std::string_view which);
  Made call(const Site& site, const Function& function);
  bool may_call(const Site& site, const Function& function);
  std::optional<bool> condition(const Site& site);

  const Operator* operator_of(const Site& site);
  bool is_for_inference(const Site& site);
  std::vector<ValueId> inputs_of(const Site& site);
  /// The value under the name that the caller gives it.
  ValueId under_name(ValueId id, const std::string& value_name, const std::string& node_name);
  std::string value_name(const Site& site, int output) const;
  void refuse(const Site& site, std::string_view code, std::string message, std::string help);

  const Functions& functions_;
  const ExternalFolder& folder_;
  Report& report_;
  GraphBuilder& builder_;
  KnownValues known_;
  ImportRecord* record_;
  Expansions expansions_;
  std::vector<const Function*> calls_;  ///< that we are in, the outermost first
  bool exhausted_ = false;
};

}  // namespace neurotool::from_onnx
