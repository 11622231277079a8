// One case of an ONNX corpus: a model, and perhaps stored inputs and outputs beside it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace corpus {

/// Disputed: the stored output contradicts the operator's definition, in a way that is known.
enum class Verdict { kMatch, kLoads, kRefused, kDisputed, kFails };

/// How a case ended. Of a refusal: the first finding's code, the operator it names, and all of
/// them.
struct Outcome {
  Verdict verdict = Verdict::kFails;
  std::string code, op, detail;
};

struct Case {
  std::string name;  ///< the model's path, or its folder's where the model is called model.onnx
  std::filesystem::path model;
  std::string scope;  ///< as the manifest says; "unlisted" without one
};

/// Loads the model and compares it with every data set beside it. Calls nothing that outlives it,
/// but may crash or run long: run it in a process of its own.
Outcome run_case(const Case& item, double tolerance);

}  // namespace corpus
