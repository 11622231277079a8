// A model file without its weights. Read through protobuf, a file of 100 MB takes 200 MB: its bytes
// and the message made of them. Here the wire format is walked first; the raw bytes of every tensor
// stay in the file, and each is read once, straight into the message, when the rest has been
// parsed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/input_file.hpp"
#include "base/result.hpp"

namespace onnx {
class ModelProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// The raw_data of one tensor.
struct LiftedBytes {
  std::uint64_t offset = 0, size = 0;  ///< in the file
  std::string content;                 ///< the bytes themselves, when they are few
};

struct Skeleton {
  /// The model as a message in which raw_data is the number of a LiftedBytes, in 4 bytes.
  std::string bytes;
  std::vector<LiftedBytes> lifted;
};

/// Walks the whole file. What cannot be an ONNX model is refused with the place where its bytes
/// stop making sense, as one sentence without a location (onnx.syntax). What the importer never
/// looks at (training, documentation, the shapes of intermediate values) is left out.
Result<Skeleton> read_skeleton(InputFile& file);

/// Puts the bytes of every tensor back where read_skeleton() took them from. Errors: onnx.syntax.
Result<> fill_tensors(::onnx::ModelProto& model, Skeleton& skeleton, InputFile& file);

}  // namespace neurotool::from_onnx
