// The walk over the wire format (wire.cpp) finds out what is wrong with a file and where, which
// tells a truncated download from a foreign file; protobuf only says that a message did not parse.
#include "frontend/onnx/parse.hpp"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <exception>

#include "frontend/onnx/wire.hpp"

namespace neurotool::from_onnx {
namespace {

Result<std::shared_ptr<::onnx::ModelProto>> parse(InputFile& file) {
  NT_TRY(Skeleton skeleton, read_skeleton(file));
  // protobuf would report to stderr.
  const google::protobuf::LogSilencer silence;
  auto model = std::make_shared<::onnx::ModelProto>();
  std::string reason = "a field inside the graph is damaged";
  bool parsed = false;
  try {
    parsed = model->ParseFromArray(skeleton.bytes.data(), static_cast<int>(skeleton.bytes.size()));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    reason = exception.what();
  }
  if (!parsed) return error("onnx.syntax", {}, std::move(reason));
  std::string().swap(skeleton.bytes);
  NT_TRY_VOID(fill_tensors(*model, skeleton, file));
  return model;
}

}  // namespace

bool looks_like_onnx(std::string_view head) {
  if (head.empty()) return false;
  // The tag of one of ModelProto's first fields: ir_version, producer, domain, …, opset_import.
  const auto tag = static_cast<unsigned char>(head.front());
  const unsigned field = tag >> 3, wire = tag & 7;
  const bool is_number = field == 1 || field == 5;
  return field >= 1 && field <= 14 && (field <= 8 || field == 14) && wire == (is_number ? 0u : 2u);
}

Result<std::shared_ptr<::onnx::ModelProto>> parse_model(InputFile& file, const std::string& path) {
  auto model = parse(file);
  if (model || model.error().code != "onnx.syntax") return model;
  return error("onnx.syntax", FilePosition{.path = path},
               fmt::format("the ONNX file cannot be read: {}", model.error().message),
               "the file is cut short or damaged: copy or export it again");
}

}  // namespace neurotool::from_onnx
