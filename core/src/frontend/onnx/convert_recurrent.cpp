// RNN, GRU and LSTM. Each of their results that somebody reads becomes an op of its own.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {
namespace {

/// An activation as ONNX names it, with its usual parameters.
struct Named {
  std::string_view name;
  Activation kind;
  float alpha, beta;
};

constexpr std::array kActivations{
    Named{"affine", Activation::kAffine, 1, 0},
    Named{"elu", Activation::kElu, 1, 0},
    Named{"hardsigmoid", Activation::kHardSigmoid, 0.2f, 0.5f},
    Named{"leakyrelu", Activation::kLeakyRelu, 0.01f, 0},
    Named{"relu", Activation::kRelu, 0, 0},
    Named{"scaledtanh", Activation::kScaledTanh, 1, 1},
    Named{"sigmoid", Activation::kSigmoid, 0, 0},
    Named{"softplus", Activation::kSoftplus, 0, 0},
    Named{"softsign", Activation::kSoftsign, 0, 0},
    Named{"tanh", Activation::kTanh, 0, 0},
    Named{"thresholdedrelu", Activation::kThresholdedRelu, 1, 0},
};

/// Whether the activation reads alpha, and beta: the lists of parameters skip those that do not.
bool reads_alpha(Activation kind) {
  return kind == Activation::kAffine || kind == Activation::kElu ||
         kind == Activation::kHardSigmoid || kind == Activation::kLeakyRelu ||
         kind == Activation::kScaledTanh || kind == Activation::kThresholdedRelu;
}
bool reads_beta(Activation kind) {
  return kind == Activation::kAffine || kind == Activation::kHardSigmoid ||
         kind == Activation::kScaledTanh;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

std::vector<std::string> usual_activations(RecurrentKind kind) {
  if (kind == RecurrentKind::kRnn) return {"tanh"};
  if (kind == RecurrentKind::kGru) return {"sigmoid", "tanh"};
  return {"sigmoid", "tanh", "tanh"};
}

/// Fills in the activations with their parameters; false when one is not known.
bool read_activations(Node& node, std::size_t directions, Recurrent& op) {
  const auto usual = usual_activations(op.kind);
  std::vector<std::string> names = node.attributes.texts("activations").value_or(usual);
  const auto alphas = node.attributes.reals("activation_alpha").value_or(std::vector<float>{});
  const auto betas = node.attributes.reals("activation_beta").value_or(std::vector<float>{});
  if (names.size() == usual.size() && directions == 2) {
    names.insert(names.end(), names.begin(), names.begin() + std::ssize(usual));
  }
  if (names.size() != usual.size() * directions) {
    node.refuse("onnx.attribute", fmt::format("activations names {} functions, {} needed",
                                              names.size(), usual.size() * directions));
    return false;
  }
  // An empty name stands for the usual function.
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) names[i] = usual[i % usual.size()];
  }
  std::size_t next_alpha = 0, next_beta = 0;
  for (const std::string& name : names) {
    const auto* found = std::ranges::find(kActivations, lower(name), &Named::name);
    if (found == kActivations.end()) {
      node.refuse("onnx.attribute", fmt::format("activation '{}' is not known", name));
      return false;
    }
    op.activations.push_back(found->kind);
    const bool has_alpha = reads_alpha(found->kind) && next_alpha < alphas.size();
    const bool has_beta = reads_beta(found->kind) && next_beta < betas.size();
    op.alpha.push_back(has_alpha ? alphas[next_alpha++] : found->alpha);
    op.beta.push_back(has_beta ? betas[next_beta++] : found->beta);
  }
  return true;
}

bool read_direction(Node& node, Recurrent& op) {
  const std::string word = node.attributes.text("direction", "forward");
  if (word == "reverse") op.direction = RecurrentDirection::kReverse;
  if (word == "bidirectional") op.direction = RecurrentDirection::kBidirectional;
  if (word == "forward" || op.direction != RecurrentDirection::kForward) return true;
  node.refuse("onnx.attribute",
              fmt::format("direction = '{}' is none of forward, reverse, bidirectional", word));
  return false;
}

void convert_recurrent(Node& node, RecurrentKind kind) {
  Recurrent op{.kind = kind};
  node.attributes.ignore({"hidden_size", "output_sequence"});
  if (!read_direction(node, op)) return;
  const std::size_t directions = op.direction == RecurrentDirection::kBidirectional ? 2 : 1;
  if (!read_activations(node, directions, op)) return;
  op.clip = node.attributes.real("clip", 0);
  op.batch_first = node.opset() >= 14 && node.attributes.flag("layout", false);
  if (kind == RecurrentKind::kGru) {
    op.linear_before_reset = node.attributes.flag("linear_before_reset", false);
  }
  if (kind == RecurrentKind::kLstm) op.input_forget = node.attributes.flag("input_forget", false);
  constexpr RecurrentResult kResults[] = {RecurrentResult::kAll, RecurrentResult::kLastHidden,
                                          RecurrentResult::kLastCell};
  for (std::size_t i = 0; i < std::min<std::size_t>(node.output_count(), 3); ++i) {
    if (!node.wants(i)) continue;
    op.result = kResults[i];
    node.finish_output(i, op, node.inputs());
  }
}

}  // namespace

void convert_gru(Node& node) { convert_recurrent(node, RecurrentKind::kGru); }
void convert_lstm(Node& node) { convert_recurrent(node, RecurrentKind::kLstm); }
void convert_rnn(Node& node) { convert_recurrent(node, RecurrentKind::kRnn); }

}  // namespace neurotool::from_onnx
