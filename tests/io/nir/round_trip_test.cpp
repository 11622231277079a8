#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "io/nir/nir_file.hpp"
#include "ir/nir/lower.hpp"
#include "ir/nir/reference.hpp"
#include "ir/nir/shapes.hpp"
#include "support/random_nir.hpp"
#include "support/temp_folder.hpp"

namespace neurotool::nir {
namespace {

using ::testing::HasSubstr;

std::string written(const Document& document, const WriteOptions& options = {}) {
  Diagnostics diagnostics;
  const auto bytes = write(document, diagnostics, options);
  EXPECT_TRUE(bytes.has_value()) << (bytes ? "" : to_string(bytes.error()));
  return bytes ? *bytes : "";
}

Document read_back(const std::string& bytes) {
  Diagnostics diagnostics;
  const auto document = read(bytes, "again", diagnostics);
  EXPECT_TRUE(document.has_value()) << (document ? "" : to_string(document.error()));
  EXPECT_TRUE(diagnostics.all().empty()) << to_string(diagnostics.all().front());
  return document ? *document : Document{};
}

/// What the random graphs have between them.
struct Seen {
  std::set<std::string_view> types;
  std::set<DType> numbers;
  std::size_t metadata_texts = 0, metadata_trees = 0, nested = 0, of_graphs = 0;

  void take(const Graph& graph) {
    of_graphs += graph.metadata.empty() ? 0 : 1;
    take(graph.metadata);
    for (const Node& node : graph.nodes) {
      types.insert(type_name(node.primitive));
      take(node.metadata);
      std::visit(
          [&](const auto& primitive) {
            if constexpr (std::is_same_v<std::decay_t<decltype(primitive)>, Graph>) {
              ++nested;
              take(primitive);
            } else {
              each_parameter(primitive, [&](std::string_view, const auto& field, Presence) {
                if constexpr (std::is_same_v<std::decay_t<decltype(field)>, Tensor>)
                  if (field.defined()) numbers.insert(field.dtype());
              });
            }
          },
          node.primitive);
    }
  }
  void take(const Metadata& tree) {
    for (const MetadataEntry& entry : tree.entries) {
      metadata_texts += std::holds_alternative<std::string>(entry.value) ? 1 : 0;
      metadata_trees += std::holds_alternative<Metadata>(entry.value) ? 1 : 0;
    }
  }
};

TEST(NirRoundTrip, RandomGraphsOfAllTypesComeBackEqual) {
  Seen seen;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Document document = test::random_nir({.seed = seed});
    seen.take(document.graph);
    const std::string bytes = written(document);
    const Document back = read_back(bytes);
    EXPECT_EQ(back.version, document.version);
    ASSERT_TRUE(sorted(back.graph) == sorted(document.graph)) << "seed " << seed;
    if (seed % 10 == 0) {
      ASSERT_EQ(written(document), bytes) << "seed " << seed << ": other bytes the second time";
    }
    ASSERT_EQ(written(back), bytes) << "seed " << seed << ": other bytes from what was read";
  }
  EXPECT_EQ(seen.types.size(), std::variant_size_v<Primitive>);
  EXPECT_GE(seen.numbers.size(), 4U);
  EXPECT_GT(seen.metadata_texts, 100U);
  EXPECT_GT(seen.metadata_trees, 10U);
  EXPECT_GT(seen.of_graphs, 100U);
  EXPECT_GT(seen.nested, 100U);
}

/// Equality of tensors is that of their types too, so an older version changes none of them.
TEST(NirRoundTrip, EveryVersionWritesTheSameBytesTwice) {
  for (const char* version :
       {"1.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5", "1.0.6", "1.0.7", "1.0.8"}) {
    SCOPED_TRACE(version);
    std::size_t documents = 0;
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
      const Document document = test::random_nir({.seed = seed});
      Diagnostics diagnostics;
      const auto bytes = write(document, diagnostics, {.max_nir_version = version});
      if (!bytes) continue;  // has what the version lacks
      ++documents;
      const Document back = read_back(*bytes);
      EXPECT_EQ(back.version, version);
      Diagnostics again;
      const auto twice = write(back, again, {.max_nir_version = version});
      ASSERT_TRUE(twice.has_value()) << to_string(twice.error());
      ASSERT_EQ(*twice, *bytes) << "seed " << seed;
    }
    EXPECT_GT(documents, 2U);
  }
}

TEST(NirRoundTrip, ReferenceTakesWhatItDoesNotMisread) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Document document = test::random_nir({.seed = seed, .allow_what_nir_misreads = false});
    const auto verdict = reference_verdict(sorted(document.graph));
    ASSERT_TRUE(verdict.has_value()) << "seed " << seed << ": " << to_string(verdict.error());
  }
}

TEST(NirRoundTrip, ShapesOfRandomGraphsAreInferredWithoutComplaint) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Diagnostics diagnostics;
    const Document document = test::random_nir({.seed = seed});
    const auto shapes = infer_shapes(document.graph, diagnostics);
    ASSERT_TRUE(shapes.has_value()) << "seed " << seed << ": " << to_string(shapes.error());
    ASSERT_TRUE(diagnostics.all().empty());
    for (const Node& node : document.graph.nodes) {
      const auto* output = std::get_if<Output>(&node.primitive);
      if (output != nullptr) {
        EXPECT_EQ(shapes->nodes.at(node.name).in, shape_value(output->shape));
      }
    }
  }
}

TEST(NirRoundTrip, LargeArraysArePackedAndComeBack) {
  Document document;
  add(document.graph, "input", Input{shape_tensor({3, 700, 700})});
  add(document.graph, "neurons", IF{filled({3, 700, 700}, 1), filled({3, 700, 700}, 2), {}});
  add(document.graph, "output", Output{shape_tensor({3, 700, 700})});
  connect(document.graph, "input", "neurons");
  connect(document.graph, "neurons", "output");
  const std::string bytes = written(document);
  EXPECT_LT(bytes.size(), 100'000u);
  EXPECT_TRUE(sorted(read_back(bytes).graph) == sorted(document.graph));
}

Document chain(Primitive primitive, const Shape& in, const Shape& out) {
  Document document;
  add(document.graph, "input", Input{shape_tensor(in)});
  add(document.graph, "node", std::move(primitive));
  add(document.graph, "output", Output{shape_tensor(out)});
  connect(document.graph, std::vector<std::string>{"input", "node", "output"});
  return document;
}

std::string refusal(const Document& document, const WriteOptions& options = {}) {
  Diagnostics diagnostics;
  const auto bytes = write(document, diagnostics, options);
  return bytes ? "written" : to_string(bytes.error());
}

TEST(NirWrite, LeavesOutAResetOfZero) {
  const Document document = chain(IF{filled({2}, 1), filled({2}, 1), filled({2}, 0)}, {2}, {2});
  const Document back = read_back(written(document, {.max_nir_version = "1.0"}));
  EXPECT_FALSE(std::get<IF>(back.graph.find("node")->primitive).v_reset.defined());
  EXPECT_EQ(back.version, "1.0");
}

TEST(NirWrite, TheOldestReadersGetAWeightOfTheInput) {
  const Tensor one = filled({2}, 1);
  const Document document = chain(CubaLIF{one, one, one, one, one, {}, {}}, {2}, {2});
  const auto w_in = [&](const char* version) {
    const Document back = read_back(written(document, {.max_nir_version = version}));
    return std::get<CubaLIF>(back.graph.find("node")->primitive).w_in;
  };
  EXPECT_EQ(w_in("1.0"), one);
  EXPECT_FALSE(w_in("1.0.3").defined());
}

TEST(NirWrite, OldReadersGetNoResetThatIsNotZero) {
  const Document document = chain(IF{filled({2}, 1), filled({2}, 1), filled({2}, -1)}, {2}, {2});
  EXPECT_EQ(refusal(document), "written");
  EXPECT_THAT(refusal(document, {.max_nir_version = "1.0.5"}),
              HasSubstr("node '/node/nodes/node': error[nir.version]"));
}

TEST(NirWrite, OldReadersGetNoMetadataWhereItHasNoPlace) {
  Document document = chain(Linear{filled({2, 2}, 1)}, {2}, {2});
  set(document.graph.find("node")->metadata, "note", std::string("x"));
  set(document.graph.metadata, "note", std::string("y"));
  const Document old = read_back(written(document, {.max_nir_version = "1.0.2"}));
  EXPECT_TRUE(old.graph.find("node")->metadata.empty());
  EXPECT_FALSE(old.graph.metadata.empty());
  EXPECT_TRUE(read_back(written(document, {.max_nir_version = "1.0.1"})).graph.metadata.empty());
  EXPECT_FALSE(read_back(written(document)).graph.find("node")->metadata.empty());
}

TEST(NirWrite, RefusesWhatTheFormatHasNoPlaceFor) {
  Document slash;
  add(slash.graph, "a/b", Input{shape_tensor({1})});
  EXPECT_THAT(refusal(slash), HasSubstr("error[nir.name]: 'a/b' is no name for a node"));
  EXPECT_THAT(refusal(chain(Affine{filled({2, 2}, 1), {}}, {2}, {2})),
              HasSubstr("error[nir.parameter]: a Affine needs 'bias'"));
  EXPECT_THAT(refusal({}, {.max_nir_version = "0.9"}), HasSubstr("error[nir.version]"));
  EXPECT_THAT(refusal({}, {.max_nir_version = "1.x"}), HasSubstr("expected 1.0 to 1.0.8"));
}

TEST(NirWrite, WritesAFileThatReadsBack) {
  const test::TempFolder folder;
  Diagnostics diagnostics;
  const Document document = test::random_nir({.seed = 7});
  ASSERT_TRUE(write(folder / "net.nir", document, diagnostics).has_value());
  EXPECT_EQ(test::slurp(folder / "net.nir"), written(document));
  const auto back = read(folder / "net.nir", diagnostics);
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(sorted(back->graph) == sorted(document.graph));
}

/// For tests/interop/run_nir_versions: graphs that the package of each version must load.
TEST(NirInterop, WritesFilesForThePackage) {
  const char* folder = std::getenv("NEUROTOOL_NIR_FILES");
  if (folder == nullptr) GTEST_SKIP() << "NEUROTOOL_NIR_FILES names no folder";
  for (const std::string version : {"1.0", "1.0.3", "1.0.4", "1.0.5", "1.0.6", "1.0.7", "1.0.8"}) {
    int files = 0;
    Seen seen;
    for (std::uint64_t seed = 0; files < 60 && seed < 1000; ++seed) {
      Document document = test::random_nir({.seed = seed, .allow_widths = seed % 2 == 0});
      Diagnostics diagnostics;
      ASSERT_TRUE(make_portable(document.graph, diagnostics).has_value());
      if (!reference_verdict(sorted(document.graph))) continue;  // kernels of even and odd sides
      const auto bytes = write(document, diagnostics, {.max_nir_version = version});
      if (!bytes || !diagnostics.all().empty()) continue;  // has what the version lacks
      std::filesystem::create_directories(std::filesystem::path(folder) / version);
      std::ofstream(std::filesystem::path(folder) / version / (std::to_string(seed) + ".nir"),
                    std::ios::binary)
          << *bytes;
      seen.take(document.graph);
      ++files;
    }
    EXPECT_EQ(files, 60) << version;
    // AvgPool2d came with 1.0.2, CubaLI with 1.0.5, which reads no pooling; a Linear is written as
    // an Affine.
    const std::size_t missing = 1U + (version == "1.0" ? 1U : 0U) + (version < "1.0.5" ? 1U : 0U) +
                                (version == "1.0.5" ? 2U : 0U);
    EXPECT_EQ(seen.types.size() + missing, std::variant_size_v<Primitive>) << version;
  }
}

}  // namespace
}  // namespace neurotool::nir
