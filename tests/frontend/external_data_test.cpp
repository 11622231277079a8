// Weights beside the model: read from its own folder and from nowhere else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "onnx_model.hpp"

namespace neurotool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// y = x * w, with the two weights w in a file.
OnnxModel with_external(const std::vector<std::pair<std::string, std::string>>& entries) {
  OnnxModel model;
  model.input("x", {2}).output("y");
  auto& tensor = *model.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(::onnx::TensorProto::FLOAT);
  tensor.add_dims(2);
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  model.node("Mul", {"x", "w"}, {"y"});
  return model;
}

std::string number_bytes(const std::array<float, 3>& numbers) {
  std::string bytes(sizeof numbers, '\0');
  std::memcpy(bytes.data(), numbers.data(), sizeof numbers);
  return bytes;
}

class ExternalData : public ::testing::Test {
 protected:
  Result<Model> load(const std::vector<std::pair<std::string, std::string>>& entries) {
    Diagnostics diagnostics;
    const auto file = folder_.write("model/net.onnx", with_external(entries).bytes());
    return load_model(file, diagnostics);
  }
  std::string refusal(const std::vector<std::pair<std::string, std::string>>& entries) {
    const auto model = load(entries);
    if (model) return "loaded";
    EXPECT_EQ(model.error().code, "onnx.external-data");
    EXPECT_EQ(std::get<ModelNode>(model.error().at).node, "w");
    return model.error().message;
  }

  TempFolder folder_;
};

TEST_F(ExternalData, IsReadAtItsOffset) {
  folder_.write("model/w.bin", number_bytes({1, 2, 3}));
  const auto model = load({{"location", "w.bin"}, {"offset", "4"}, {"length", "8"}});
  ASSERT_TRUE(model.has_value()) << to_string(model.error());
  const TensorEvaluator evaluator(model->tensor());
  const std::vector<Tensor> x{Tensor::from<float>({2}, {1, 10})};
  EXPECT_THAT(floats((*evaluator.run(x))[0]), ElementsAre(2, 30));
}

TEST_F(ExternalData, MayLieInAFolderBelow) {
  folder_.write("model/weights/w.bin", number_bytes({1, 2, 3}));
  EXPECT_TRUE(load({{"location", "weights/w.bin"}}).has_value());
}

TEST_F(ExternalData, MayNotLieOutsideTheFolder) {
  const auto outside = folder_.write("w.bin", number_bytes({1, 2, 3}));
  EXPECT_THAT(refusal({{"location", "../w.bin"}}), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(refusal({{"location", "a/../../w.bin"}}), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(refusal({{"location", outside.string()}}), HasSubstr("is absolute"));
  EXPECT_THAT(refusal({{"location", "/dev/zero"}}), HasSubstr("is absolute"));
}

TEST_F(ExternalData, MayBeALinkInsideTheFolderOnly) {
  folder_.write("model/real.bin", number_bytes({1, 2, 3}));
  folder_.write("secret.bin", number_bytes({1, 2, 3}));
  std::filesystem::create_symlink("real.bin", folder_ / "model/inside.bin");
  std::filesystem::create_symlink("../secret.bin", folder_ / "model/outside.bin");
  EXPECT_TRUE(load({{"location", "inside.bin"}}).has_value());
  EXPECT_THAT(refusal({{"location", "outside.bin"}}), HasSubstr("a link that leaves"));
}

TEST_F(ExternalData, MustBeARegularFile) {
  std::filesystem::create_directories(folder_ / "model/sub");
  ASSERT_EQ(::mkfifo((folder_ / "model/pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal({{"location", "sub"}}), HasSubstr("is not a regular file"));
  EXPECT_THAT(refusal({{"location", "pipe"}}), HasSubstr("is not a regular file"));
  EXPECT_THAT(refusal({{"location", "."}}), HasSubstr("is not a regular file"));
  EXPECT_THAT(refusal({{"location", ""}}), HasSubstr("is empty"));
  EXPECT_THAT(refusal({{"location", "gone.bin"}}), HasSubstr("cannot be found"));
}

TEST_F(ExternalData, MustHoldTheBytesThatTheShapeTakes) {
  folder_.write("model/w.bin", number_bytes({1, 2, 3}));
  EXPECT_EQ(refusal({{"location", "w.bin"}, {"offset", "8"}}),
            "initializer 'w': 8 bytes from byte 8 are wanted, 'w.bin' has 12 bytes");
  EXPECT_EQ(refusal({{"location", "w.bin"}, {"offset", "18446744073709551612"}}),
            "initializer 'w': 8 bytes from byte 18446744073709551612 are wanted, 'w.bin' has 12 "
            "bytes");
  EXPECT_EQ(refusal({{"location", "w.bin"}, {"length", "12"}}),
            "initializer 'w': the shape [2] takes 8 bytes, the external data has 12");
  EXPECT_THAT(refusal({{"location", "w.bin"}, {"offset", "-1"}}),
              HasSubstr("the offset '-1' of the external data is not a whole number"));
}

}  // namespace
}  // namespace neurotool::test
