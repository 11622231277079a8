#include "io/snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.hpp"
#include "io/hdf5_tree.hpp"
#include "io/snapshot_description.hpp"
#include "ir/print.hpp"
#include "support/graphs.hpp"
#include "support/random_graphs.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

using test::spike_model;
using test::TempFolder;
using test::tensor_model;
using ::testing::HasSubstr;

Model round_trip(const Model& model) {
  const TempFolder folder;
  const auto path = folder / "model.h5";
  const auto written = write_snapshot(model, path);
  EXPECT_TRUE(written.has_value()) << (written ? "" : written.error().message);
  auto back = read_snapshot(path);
  EXPECT_TRUE(back.has_value()) << (back ? "" : to_string(back.error()));
  return back ? *std::move(back) : Model{};
}

/// Everything that the description says, and every tensor bit for bit.
void expect_equal(const Model& a, const Model& b) {
  const SnapshotParts left = describe_snapshot(a), right = describe_snapshot(b);
  EXPECT_EQ(left.description.dump(), right.description.dump());
  EXPECT_EQ(left.tensors, right.tensors);
  EXPECT_EQ(print_json(a), print_json(b));
}

TEST(Snapshot, SpikingGraphsComeBackAsTheyWere) {
  for (const Arithmetic arithmetic : {Arithmetic::kFloat32, Arithmetic::kInteger}) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      const Model model = spike_model(test::random_graph({.seed = seed, .arithmetic = arithmetic}));
      expect_equal(round_trip(model), model);
    }
  }
}

TEST(Snapshot, TombstonesComeBackToo) {
  SpikeGraph graph = test::small_cnn();
  graph.connect({1}, graph.add(build::readout_population("extra", {1})),
                build::dense(1, 8, std::vector<float>(8, 1.0f)));
  graph.remove(graph.find("extra"));
  const Model model = spike_model(graph);
  const Model back = round_trip(model);
  expect_equal(back, model);
  EXPECT_TRUE(back.spike().populations.back().removed);
}

/// One of every operation, with attributes that are not the defaults.
TensorGraph every_operation() {
  TensorGraph graph = test::small_tensor_cnn();
  const ValueId x = graph.inputs[0];
  const ValueId logits = graph.outputs[0];
  const auto add = [&](Op op, std::size_t inputs) {
    const std::string name(op_name(op));
    return graph.add_op(name, std::move(op), std::vector<ValueId>(inputs, x), {"Node " + name});
  };
  add(MatMul{}, 2);
  add(MaxPool{.kernel = {2, 3},
              .strides = {1, 2},
              .dilations = {1, 1},
              .pads = {0, 1, 0, 1},
              .ceil_mode = true},
      1);
  add(AveragePool{.kernel = {2, 2},
                  .strides = {},
                  .dilations = {},
                  .pads = {},
                  .ceil_mode = false,
                  .count_include_pad = true},
      1);
  add(GlobalAveragePool{}, 1);
  for (const UnaryKind kind : {UnaryKind::kAbs, UnaryKind::kTanh}) add(Unary{kind}, 1);
  for (const BinaryKind kind : {BinaryKind::kAdd, BinaryKind::kMax}) add(Binary{kind}, 2);
  graph.add_op("clip", Clip{}, {x, ValueId{}, x});
  add(Softmax{.axis = 2}, 1);
  add(Softmax{.axis = 1, .kind = SoftmaxKind::kLogSoftmax}, 1);
  add(Where{}, 3);
  add(Reshape{.allow_zero = true}, 2);
  add(Transpose{.perm = {0, 2, 1}}, 1);
  add(Squeeze{}, 1);
  add(Unsqueeze{}, 2);
  add(Concat{.axis = 1}, 3);
  add(Slice{}, 3);
  add(Pad{}, 2);
  add(Gather{.axis = 1}, 2);
  add(Reduce{.keep_dims = false}, 1);
  add(Reduce{.kind = ReduceKind::kMin}, 2);
  add(Pad{.mode = PadMode::kReflect}, 2);
  add(Expand{}, 2);
  add(Tile{}, 2);
  add(ArgMax{.axis = 1, .keep_dims = false, .select_last = true}, 1);
  add(NumberRange{}, 3);
  add(Einsum{.equation = "...ij,...jk->...ik"}, 2);
  add(MaxPool{.kernel = {2},
              .strides = {},
              .dilations = {},
              .pads = {},
              .result = PoolResult::kColumnIndex},
      1);
  add(Resize{.mode = ResizeMode::kCubic,
             .coordinates = ResizeCoordinates::kCropAndResize,
             .nearest = ResizeNearest::kCeil,
             .aspect = ResizeAspect::kNotLarger,
             .axes = {2, 3},
             .cubic_a = -0.5f,
             .outside = 7,
             .exclude_outside = true,
             .antialias = true},
      4);
  add(Recurrent{.kind = RecurrentKind::kGru,
                .direction = RecurrentDirection::kBidirectional,
                .result = RecurrentResult::kLastHidden,
                .activations = {Activation::kSigmoid, Activation::kTanh, Activation::kHardSigmoid,
                                Activation::kElu},
                .alpha = {0, 0, 0.25f, 2},
                .beta = {0, 0, 0.5f, 0},
                .clip = 3,
                .linear_before_reset = true,
                .batch_first = true},
      3);
  add(Cast{DType::kBfloat16}, 1);
  add(ShapeOf{.start = 1, .end = 3}, 1);
  add(ShapeOf{}, 1);
  add(ConstantOfShape{.value = Tensor::scalar(std::int64_t{-7})}, 1);
  add(Identity{}, 1);
  add(QuantizedActivation{.low = -7, .high = 8, .rounding = LevelRounding::kHalfEven, .offset = 0},
      2);
  graph[logits].shape.reset();
  return graph;
}

TEST(Snapshot, EveryOperationComesBackAsItWas) {
  Model model = tensor_model(every_operation());
  model.path = "some/net.onnx";
  ASSERT_EQ(test::violations(model), std::vector<std::string>{});
  const Model back = round_trip(model);
  expect_equal(back, model);
  EXPECT_EQ(back.path, "some/net.onnx");
}

TEST(Snapshot, EqualModelsGiveEqualFiles) {
  const TempFolder folder;
  const Model model = spike_model(test::small_cnn());
  ASSERT_TRUE(write_snapshot(model, folder / "a.h5").has_value());
  ASSERT_TRUE(write_snapshot(model, folder / "b.h5").has_value());
  EXPECT_EQ(test::slurp(folder / "a.h5"), test::slurp(folder / "b.h5"));
}

TEST(Snapshot, BeginsAsAnHdf5FileDoes) {
  const TempFolder folder;
  ASSERT_TRUE(write_snapshot(spike_model(test::small_mlp()), folder / "a.h5").has_value());
  const std::string bytes = test::slurp(folder / "a.h5");
  EXPECT_TRUE(bytes.starts_with("\x89HDF\r\n\x1a\n"));
  EXPECT_TRUE(hdf5::read_tree(bytes, "with its seal").has_value());
}

Error refused(const std::string& bytes) {
  const TempFolder folder;
  const auto model = read_snapshot(folder.write("x.h5", bytes));
  EXPECT_FALSE(model.has_value());
  return model ? Error{} : model.error();
}

std::string small_snapshot() {
  const TempFolder folder;
  EXPECT_TRUE(write_snapshot(spike_model(test::small_mlp()), folder / "a.h5").has_value());
  return test::slurp(folder / "a.h5");
}

/// A file with a good seal around whatever content.
std::string sealed(const std::string& content, int version = kSnapshotVersion) {
  std::string seal =
      "neurotool snapshot " + std::to_string(version) + "\nsha256 " + sha256_hex(content) + "\n";
  seal.resize(128, '\n');
  return content + seal;
}

hdf5::Item item(std::string name, hdf5::Value value) {
  return {.name = std::move(name), .value = std::move(value), .attributes = {}};
}

/// A snapshot of small_mlp with its description changed before it was sealed.
Error refused_with(const std::function<void(std::string&)>& change) {
  const SnapshotParts parts = describe_snapshot(spike_model(test::small_mlp()));
  std::string description = parts.description.dump();
  const std::string before = description;
  change(description);
  EXPECT_NE(description, before);
  hdf5::Group tensors, file;
  for (std::size_t i = 0; i < parts.tensors.size(); ++i) {
    tensors.members.push_back(item(std::to_string(i), parts.tensors[i]));
  }
  file.members = {item("description", hdf5::text(description)), item("tensors", tensors)};
  return refused(sealed(*hdf5::write_tree(file)));
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

TEST(SnapshotFile, EveryTruncationIsRefused) {
  const std::string whole = small_snapshot();
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    EXPECT_EQ(refused(whole.substr(0, size)).code, "snapshot.format") << size;
  }
}

TEST(SnapshotFile, EveryFlippedBitIsRefused) {
  const std::string whole = small_snapshot();
  for (std::size_t at = 0; at < whole.size(); at += 61) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ (1 << (at % 8)));
    const Error found = refused(broken);
    EXPECT_TRUE(found.code == "snapshot.format" || found.code == "snapshot.version") << at;
  }
}

TEST(SnapshotFile, OfAnotherVersionIsRefused) {
  const std::string whole = small_snapshot();
  const Error found = refused(sealed(whole.substr(0, whole.size() - 128), 99));
  EXPECT_EQ(found.code, "snapshot.version");
  EXPECT_EQ(found.message, "the snapshot has version 99, this tool reads version 2");
}

TEST(SnapshotFile, OfAnotherProgramIsRefused) {
  hdf5::Group file;
  file.members = {item("something", hdf5::text("else"))};
  const std::string bytes = *hdf5::write_tree(file);
  EXPECT_THAT(refused(bytes).message, HasSubstr("do not end as a snapshot does"));
  EXPECT_EQ(refused(sealed(bytes)).message, "there is no 'description' in the file");
  EXPECT_THAT(refused(sealed("not HDF5 at all")).message, HasSubstr("no HDF5 file"));
}

TEST(SnapshotFile, KeepsBoolsAndHalves) {
  TensorGraph graph = test::small_tensor_cnn();
  const Tensor ones = Tensor::from<float>({3}, {0, 1, 1});
  for (const DType dtype : {DType::kBool, DType::kFloat16, DType::kBfloat16}) {
    graph.add_constant(std::string(short_name(dtype)), ones.converted(dtype));
  }
  const Model model = tensor_model(std::move(graph));
  expect_equal(round_trip(model), model);
}

TEST(SnapshotFile, ThatIsNotThereIsMissing) {
  EXPECT_EQ(read_snapshot("no/such/file.h5").error().code, "file.missing");
}

TEST(SnapshotDescription, NamesThePlaceOfAWrongValue) {
  const auto message = [](const std::string& from, const std::string& to) {
    const Error found = refused_with([&](std::string& text) { replace(text, from, to); });
    EXPECT_EQ(found.code, "snapshot.format") << from << " -> " << to;
    return found.message;
  };
  EXPECT_EQ(message("\"spike\"", "\"spook\""), "'spook' is no level");
  EXPECT_EQ(message("\"arithmetic\"", "\"arithmetik\""), "graph.arithmetic: is missing");
  EXPECT_EQ(message("\"float32\"", "\"float31\""),
            "graph.arithmetic: 'float31' is no word for this");
  EXPECT_EQ(message("\"steps\": 4", "\"steps\": -4"), "graph.steps: -4 is out of range");
  EXPECT_EQ(message("\"steps\": 4", "\"steps\": \"4\""), "graph.steps: is no whole number");
  EXPECT_EQ(message("\"alternative\": \"if\"", "\"alternative\": \"iff\""),
            "graph.populations.1.neuron: 'iff' is none of the kinds");
  EXPECT_EQ(message("\"held\": true", "\"held\": 1"),
            "graph.populations.0.neuron.held: is neither true nor false");
  EXPECT_EQ(message("\"tensor\": 0", "\"tensor\": 77"),
            "graph.populations.1.neuron.threshold: there is no 'tensors/77' in the file");
  EXPECT_EQ(message("\"dtype\": \"f32\"", "\"dtype\": \"i64\""),
            "graph.populations.1.neuron.threshold: 'tensors/0' does not hold elements of i64");
  EXPECT_EQ(message("\"origins\": []", "\"origins\": {}"),
            "graph.populations.0.origins: is no list");
}

TEST(SnapshotDescription, ThatIsNoJsonIsRefused) {
  EXPECT_EQ(refused_with([](std::string& text) { text.resize(text.size() / 2); }).code,
            "snapshot.format");
  EXPECT_EQ(refused_with([](std::string& text) { text = "[]"; }).message, "level: is missing");
}

TEST(SnapshotDescription, ThatBreaksAnInvariantIsRefused) {
  const Error found =
      refused_with([](std::string& text) { replace(text, "\"target\": 1", "\"target\": 41"); });
  EXPECT_EQ(found.code, "snapshot.inconsistent");
  EXPECT_THAT(found.message, HasSubstr("verify.references"));
}

TEST(SnapshotDescription, NoChangedDigitCrashes) {
  const SnapshotParts parts = describe_snapshot(spike_model(test::small_cnn()));
  const TensorSource tensors = [&](std::size_t index, DType dtype) -> Result<Tensor> {
    if (index < parts.tensors.size() && parts.tensors[index].dtype() == dtype) {
      return parts.tensors[index];
    }
    return error("data.format", {}, "not there");
  };
  const std::string text = parts.description.dump();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] < '0' || text[at] > '9') continue;
    for (const std::string digit : {"0", "9", "-1", "99999999999"}) {
      std::string changed = text;
      changed.replace(at, 1, digit);
      const auto json = Json::parse(changed);
      if (!json) continue;
      const auto model = rebuild_snapshot(*json, tensors);
      if (model) {
        EXPECT_EQ(test::violations(*model), std::vector<std::string>{});
      }
    }
  }
}

}  // namespace
}  // namespace neurotool
