// What the text and dot printers share: the words for one population, projection or operation.
#pragma once

#include <string>
#include <vector>

#include "ir/model.hpp"

namespace neurotool::printing {

/// "input[1,28,28]", "if[128]".
std::string model_and_shape(const Population& population);
/// "threshold=per-neuron(0.5..1.2) reset=subtract output": what differs from the defaults.
std::string population_words(const Population& population);
/// "dense[128,784]", "sum_pool2d", "conv2d[16,1,3,3]".
std::string kind_and_shape(const Projection& projection);
/// "i8 scale=0.0039 delay=1".
std::string projection_words(const Projection& projection);
/// "strides=[2,2] group=4": what differs from the defaults.
std::string op_words(const Op& op);
/// "f32[?,10]", or "f32" while the shape is not known.
std::string type_and_shape(const Value& value);
/// "0.5", "per-channel(0.5..1.25)", "per-neuron(3)".
std::string summary(const Tensor& tensor);

/// One element, in the fewest digits that read back as the same number.
std::string element_text(const Tensor& tensor, std::int64_t index);

std::string joined(const std::vector<std::string>& words, std::string_view between);

}  // namespace neurotool::printing
