#include <gtest/gtest.h>

#include "config/pipeline.hpp"
#include "config/sample_options.hpp"
#include "config/support.hpp"
#include "support/golden.hpp"

namespace neurotool {
namespace {

std::vector<OptionInfo> rows() {
  const auto infos = test::sample_table().infos();
  return {infos.begin(), infos.end()};
}

const Json& at(const Json& schema, std::initializer_list<std::string_view> path) {
  const Json* node = &schema;
  for (const std::string_view key : path) {
    node = node->find(key);
    if (!node) {
      ADD_FAILURE() << "no member " << key;
      return schema;
    }
  }
  return *node;
}

TEST(JsonSchema, OfASectionReadsWell) {
  test::expect_golden("config", "section_schema", json_schema(rows()).dump() + '\n');
}

TEST(JsonSchema, OfThePipelineReadsWell) {
  const std::vector<NamedRows> passes{{"fold_batch_norm", "Folds.", {}},
                                      {"quantize", "Rounds weights.", rows()}};
  const std::vector<NamedRows> targets{{"cpu", "Runs here.", rows()}};
  test::expect_golden("config", "pipeline_schema",
                      pipeline_json_schema(passes, targets).dump() + '\n');
}

TEST(JsonSchema, NestsDottedKeys) {
  const Json schema = json_schema(rows());
  EXPECT_EQ(at(schema, {"properties", "noc", "properties", "link", "properties", "width", "type"}),
            Json("integer"));
}

TEST(JsonSchema, HasEachPassByNameAndWithOptions) {
  const Json schema = pipeline_json_schema({{"quantize", "Q.", rows()}}, {});
  const auto& forms =
      std::get<Json::Array>(at(schema, {"properties", "passes", "items", "anyOf"}).value());
  ASSERT_EQ(forms.size(), 2u);
  EXPECT_EQ(at(forms[0], {"enum"}), Json(Json::Array{"quantize"}));
  EXPECT_EQ(at(forms[1], {"maxProperties"}), Json(1));
  EXPECT_EQ(at(forms[1], {"properties", "quantize", "properties", "weight_bits", "maximum"}),
            Json(16));
}

TEST(JsonSchema, SaysNothingAboutPassesItDoesNotKnow) {
  const Json schema = pipeline_json_schema({}, {});
  EXPECT_EQ(at(schema, {"properties", "passes"}).find("items"), nullptr);
}

TEST(JsonSchema, CoversEverySectionAndRow) {
  const Json schema = pipeline_json_schema({}, {});
  for (const SectionInfo& section : pipeline_sections()) {
    const Json* node = &schema;
    std::string_view path = section.path;
    while (!path.empty() && node) {
      // The short form of a section stands beside the full one.
      if (const Json* forms = node->find("anyOf")) {
        node = &std::get<Json::Array>(forms->value()).back();
      }
      const auto dot = path.find('.');
      node = node->find("properties");
      if (node) node = node->find(path.substr(0, dot));
      path = dot == path.npos ? std::string_view() : path.substr(dot + 1);
    }
    ASSERT_NE(node, nullptr) << section.path;
    if (const Json* forms = node->find("anyOf")) {
      node = &std::get<Json::Array>(forms->value()).back();
    }
    for (const OptionInfo& row : section.rows) {
      EXPECT_NE(at(*node, {"properties"}).find(row.key), nullptr) << section.path << row.key;
    }
  }
}

}  // namespace
}  // namespace neurotool
