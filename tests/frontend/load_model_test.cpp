// What a file is, told by its content.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "onnx_model.hpp"
#include "support/test_data.hpp"

namespace neurotool::test {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

Error refusal(const std::string& bytes) {
  const Loaded loaded = load_bytes(bytes);
  EXPECT_FALSE(loaded.model.has_value());
  EXPECT_EQ(loaded.findings.size(), 1u);
  return loaded.model ? Error{} : loaded.model.error();
}

TEST(LoadModel, NamesAFileThatIsNotThere) {
  Diagnostics diagnostics;
  const auto model = load_model("/nowhere/net.onnx", diagnostics);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, "model.missing");
  EXPECT_THAT(to_string(model.error()), HasSubstr("/nowhere/net.onnx"));
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(LoadModel, RefusesAFolder) {
  const TempFolder folder;
  Diagnostics diagnostics;
  const auto model = load_model(folder.path(), diagnostics);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, "model.missing");
}

TEST(LoadModel, RefusesANamedPipeWithoutWaitingForIt) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe.onnx").c_str(), 0600), 0);
  Diagnostics diagnostics;
  EXPECT_FALSE(load_model(folder / "pipe.onnx", diagnostics).has_value());
}

TEST(LoadModel, GivesEachForeignFormatItsOwnSentence) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "the file is empty"},
      {"\x1f\x8b\x08 rest"s, "the file is compressed with gzip"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       "the file is a git-lfs pointer that stands for the model"},
      {"PK\x03\x04 rest"s, "the file is a zip archive, as PyTorch and numpy write them"},
      {"layers: [784, 10]\n", "the file is text, not a model"},
      {"\xff\xfe\xfd\x00\x01"s, "the bytes are in no known format"},
  };
  for (const auto& [bytes, sentence] : cases) {
    const Error problem = refusal(bytes);
    EXPECT_EQ(problem.code, "model.unrecognised");
    EXPECT_EQ(problem.message, sentence);
    EXPECT_NE(problem.help, "") << sentence;
  }
}

TEST(LoadModel, SaysWhereATruncatedModelEnds) {
  OnnxModel model;
  model.input("x", {1, 4}).output("y").node("Relu", {"x"}, {"y"});
  const std::string bytes = model.bytes();
  const Error problem = refusal(bytes.substr(0, bytes.size() - 10));
  EXPECT_EQ(problem.code, "onnx.syntax");
  EXPECT_THAT(problem.message, HasSubstr("claims"));
  EXPECT_THAT(problem.message, HasSubstr("are left"));
}

TEST(LoadModel, RefusesAModelWithoutAGraph) {
  ::onnx::ModelProto proto;
  proto.set_ir_version(8);
  proto.add_opset_import()->set_version(17);
  EXPECT_EQ(refusal(proto.SerializeAsString()).code, "onnx.no-graph");
}

TEST(LoadModel, DoesNotCareAboutTheFileName) {
  OnnxModel model;
  model.input("x", {1, 4}).output("y").node("Relu", {"x"}, {"y"});
  const TempFolder folder;
  Diagnostics diagnostics;
  const auto loaded = load_model(folder.write("network.h5", model.bytes()), diagnostics);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->name, "network");
}

TEST(LoadModel, LavaNetworksAreSpikingModels) {
  const auto file = test_data() / "lava-examples/mnist_mlp/trained_mnist_network.net";
  NT_NEEDS_DATA(file);
  Diagnostics diagnostics;
  const auto model = load_model(file, diagnostics);
  ASSERT_TRUE(model.has_value()) << to_string(model.error());
  ASSERT_EQ(model->level(), Level::kSpike);
  EXPECT_EQ(model->spike().live_populations().size(), 4u);
  EXPECT_EQ(model->name, "trained_mnist_network");
  const auto refused =
      load_model(test_data() / "lava-examples/ntidigits/ntidigits.net", diagnostics);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "netx.unsupported");
}

}  // namespace
}  // namespace neurotool::test
