// Files that others wrote: every dataset against what h5py says of it, and the verdicts of the nir
// package.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "io/nir/nir_file.hpp"
#include "ir/nir/shapes.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"

namespace neurotool::nir {
namespace {

using ::testing::HasSubstr;

std::filesystem::path examples() { return test::test_data() / "nir-examples"; }

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".nir") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::string text_of(const Json* json) {
  const auto* text = json == nullptr ? nullptr : std::get_if<std::string>(&json->value());
  return text == nullptr ? "" : *text;
}

void flatten_numbers(const Json& json, std::vector<double>& into) {
  if (const auto* list = std::get_if<Json::Array>(&json.value())) {
    for (const Json& each : *list) flatten_numbers(each, into);
  } else if (const auto* real = std::get_if<double>(&json.value())) {
    into.push_back(*real);
  } else if (const auto* flag = std::get_if<bool>(&json.value())) {
    into.push_back(*flag ? 1 : 0);
  } else {
    into.push_back(static_cast<double>(std::get<std::int64_t>(json.value())));
  }
}

void flatten_texts(const Json& json, std::vector<std::string>& into) {
  if (const auto* list = std::get_if<Json::Array>(&json.value())) {
    for (const Json& each : *list) flatten_texts(each, into);
  } else {
    into.push_back(text_of(&json));
  }
}

std::string word_of_dtype(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "float32";
    case DType::kFloat64:
      return "float64";
    case DType::kInt64:
      return "int64";
    case DType::kBool:
      return "bool";
    default:
      return std::string(short_name(dtype));
  }
}

void expect_value(const hdf5::Value& value, const Json& expected, const std::string& path) {
  SCOPED_TRACE(path);
  if (const auto* tensor = std::get_if<Tensor>(&value)) {
    EXPECT_EQ(word_of_dtype(tensor->dtype()), text_of(expected.find("dtype")));
    std::vector<double> shape, numbers, own,
        extents(tensor->shape().begin(), tensor->shape().end());
    flatten_numbers(*expected.find("shape"), shape);
    flatten_numbers(*expected.find("value"), numbers);
    for (std::int64_t i = 0; i < tensor->size(); ++i) own.push_back(tensor->at(i));
    EXPECT_EQ(extents, shape);
    EXPECT_EQ(own, numbers);
  } else if (const auto* texts = std::get_if<hdf5::Texts>(&value)) {
    EXPECT_EQ(text_of(expected.find("dtype")), "string");
    std::vector<std::string> words;
    flatten_texts(*expected.find("value"), words);
    EXPECT_EQ(texts->values, words);
  } else {
    ADD_FAILURE() << hdf5::describe(value);
  }
}

/// Every object of a tree against the list, and the list against the tree.
void expect_tree(const hdf5::Group& group, const Json& expected, const std::string& path,
                 std::size_t& seen) {
  for (const hdf5::Item& item : group.members) {
    const std::string inner = path + "/" + item.name;
    const Json* json = expected.find(inner);
    ASSERT_NE(json, nullptr) << inner;
    ++seen;
    if (const auto* deeper = std::get_if<hdf5::Group>(&item.value)) {
      EXPECT_EQ(text_of(json), "group");
      expect_tree(*deeper, expected, inner, seen);
    } else {
      expect_value(item.value, *json, inner);
    }
  }
}

/// The writer leaves them out.
Graph without_zero_resets(Graph graph) {
  for (Node& node : graph.nodes) {
    std::visit(
        [](auto& primitive) {
          if constexpr (requires { primitive.v_reset; }) {
            const Tensor& reset = primitive.v_reset;
            bool zero = true;
            for (std::int64_t i = 0; i < reset.size(); ++i) zero = zero && reset.at(i) == 0;
            if (zero) primitive.v_reset = {};
          } else if constexpr (std::is_same_v<std::decay_t<decltype(primitive)>, Graph>) {
            primitive = without_zero_resets(std::move(primitive));
          }
        },
        node.primitive);
  }
  return graph;
}

TEST(NirFiles, EveryDataSetOfEveryPrimitiveIsWhatWasWritten) {
  for (const char* flavour : {"plain_1.0.7", "gzip_main"}) {
    const auto folder = examples() / "primitives" / flavour;
    NT_NEEDS_DATA(folder);
    const auto json = Json::parse(test::slurp(folder / "expected.json"));
    ASSERT_TRUE(json.has_value());
    const auto& files = std::get<Json::Object>(json->find("files")->value());
    EXPECT_EQ(files.size(), 31u);
    for (const auto& [name, expected] : files) {
      SCOPED_TRACE(std::string(flavour) + "/" + name);
      const auto tree = hdf5::read_tree(folder / (name + ".nir"));
      ASSERT_TRUE(tree.has_value()) << to_string(tree.error());
      std::size_t seen = 0;
      expect_tree(*tree, expected, "", seen);
      EXPECT_EQ(seen, std::get<Json::Object>(expected.value()).size());
    }
  }
}

TEST(NirFiles, EveryPrimitiveReadsInBothModesAndIsWrittenTheSameAgain) {
  for (const char* flavour : {"plain_1.0.7", "gzip_main"}) {
    const auto folder = examples() / "primitives" / flavour;
    NT_NEEDS_DATA(folder);
    for (const auto& file : files_in(folder)) {
      SCOPED_TRACE(file);
      for (const Strictness mode : {Strictness::kLenient, Strictness::kReference}) {
        Diagnostics diagnostics;
        const auto document = read(file, diagnostics, {.strictness = mode});
        ASSERT_TRUE(document.has_value()) << to_string(document.error());
        ASSERT_TRUE(infer_shapes(document->graph, diagnostics).has_value());
        EXPECT_TRUE(diagnostics.all().empty()) << to_string(diagnostics.all().front());
        const auto bytes = write(*document, diagnostics);
        ASSERT_TRUE(bytes.has_value()) << to_string(bytes.error());
        const auto again = read(*bytes, "again", diagnostics);
        ASSERT_TRUE(again.has_value());
        EXPECT_TRUE(again->graph == without_zero_resets(document->graph));
      }
    }
  }
}

TEST(NirFiles, StrictModeGivesTheVerdictOfTheReference) {
  const auto folder = examples() / "tolerance";
  NT_NEEDS_DATA(folder);
  const auto verdicts = Json::parse(test::slurp(folder / "verdicts.json"));
  ASSERT_TRUE(verdicts.has_value());
  for (const auto& [name, verdict] : std::get<Json::Object>(verdicts->value())) {
    const std::string expected = text_of(verdict.find("main"));
    Diagnostics diagnostics;
    const auto document = read(folder / name, diagnostics, {.strictness = Strictness::kReference});
    EXPECT_EQ(document.has_value(), expected == "ok")
        << name << ": the package says " << expected << ", we say "
        << (document ? "ok" : to_string(document.error()));
  }
}

TEST(NirFiles, LenientModeTakesWhatAnyVersionTook) {
  const auto folder = examples() / "tolerance";
  NT_NEEDS_DATA(folder);
  const auto verdicts = Json::parse(test::slurp(folder / "verdicts.json"));
  ASSERT_TRUE(verdicts.has_value());
  for (const auto& [name, verdict] : std::get<Json::Object>(verdicts->value())) {
    bool any = false;
    for (const char* version : {"v1.0", "v1.0.2", "v1.0.5", "v1.0.7", "main"}) {
      any = any || text_of(verdict.find(version)) == "ok";
    }
    Diagnostics diagnostics;
    const auto document = read(folder / name, diagnostics);
    EXPECT_EQ(document.has_value(), any)
        << name << ": " << (document ? "read" : to_string(document.error()));
    EXPECT_EQ(document.has_value(), !diagnostics.has_errors()) << name;
  }
}

TEST(NirFiles, RealFilesReadAndHaveShapes) {
  std::size_t count = 0;
  for (const char* folder :
       {"nir-paper/01_lif", "nir-paper/02_cnn", "nir-paper/03_rnn", "nirtorch", "spyx", "golden"}) {
    NT_NEEDS_DATA(examples() / folder);
    for (const auto& file : files_in(examples() / folder)) {
      SCOPED_TRACE(file);
      Diagnostics diagnostics;
      const auto document = read(file, diagnostics);
      ASSERT_TRUE(document.has_value()) << to_string(document.error());
      const auto shapes = infer_shapes(document->graph, diagnostics, file.string());
      EXPECT_TRUE(shapes.has_value()) << to_string(shapes.error());
      ++count;
    }
  }
  EXPECT_GT(count, 15u);
}

TEST(NirFiles, BrokenFilesOfThePaperAreNamed) {
  const auto file = examples() / "nir-paper/03_rnn/braille_noDelay_bias_zero_subgraph.nir";
  NT_NEEDS_DATA(file);
  Diagnostics lenient, strict;
  ASSERT_TRUE(read(file, lenient).has_value());
  ASSERT_FALSE(lenient.all().empty());
  for (const Diagnostic& each : lenient.all()) {
    EXPECT_EQ(each.code, "nir.edge") << to_string(each);
    EXPECT_THAT(each.message, HasSubstr("names 'lif', and there is no such node"));
  }
  EXPECT_FALSE(read(file, strict, {.strictness = Strictness::kReference}).has_value());
}

}  // namespace
}  // namespace neurotool::nir
