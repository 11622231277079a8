#include "base/json.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "base/check.hpp"

namespace neurotool {
namespace {

Json parsed(std::string_view text) { return Json::parse(text).value(); }

std::string refusal(std::string_view text) {
  const auto result = Json::parse(text);
  if (result) return "accepted";
  EXPECT_EQ(result.error().code, "json.syntax");
  return result.error().message;
}

TEST(Json, KeepsTheOrderOfInsertion) {
  Json json = Json::object();
  json["zebra"] = 1;
  json["ant"] = 2;
  json["zebra"] = 3;
  EXPECT_EQ(json.dump(0), R"({"zebra":3,"ant":2})");
}

TEST(Json, IndentsByLevel) {
  Json json = Json::object();
  json["list"] = Json::Array{1, "two", nullptr};
  json["none"] = Json::object();
  json["empty"] = Json::array();
  EXPECT_EQ(json.dump(),
            "{\n  \"list\": [\n    1,\n    \"two\",\n    null\n  ],\n"
            "  \"none\": {},\n  \"empty\": []\n}");
}

TEST(Json, WritesNumbersExactly) {
  EXPECT_EQ(Json(1.0).dump(), "1.0");
  EXPECT_EQ(Json(-0.0).dump(), "-0.0");
  EXPECT_EQ(Json(0.1).dump(), "0.1");
  EXPECT_EQ(Json(1e300).dump(), "1e+300");
  EXPECT_EQ(Json(std::numeric_limits<std::int64_t>::min()).dump(), "-9223372036854775808");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
  EXPECT_EQ(Json(std::numeric_limits<double>::quiet_NaN()).dump(), "null");
}

TEST(Json, NeverWrapsLargeUnsignedNumbers) {
  EXPECT_EQ(Json(std::uint64_t{7}).dump(), "7");
  EXPECT_EQ(Json(~std::uint64_t{0}), Json(18446744073709551615.0));
}

TEST(Json, EscapesText) {
  EXPECT_EQ(Json("a\"\\\n\x01 µ").dump(), R"("a\"\\\n\u0001 µ")");
  EXPECT_EQ(Json("\xff").dump(), "\"\xef\xbf\xbd\"");
}

TEST(Json, FindsMembers) {
  const Json json = parsed(R"({"a": 1})");
  ASSERT_NE(json.find("a"), nullptr);
  EXPECT_EQ(*json.find("a"), Json(1));
  EXPECT_EQ(json.find("b"), nullptr);
  EXPECT_EQ(Json(1).find("a"), nullptr);
}

TEST(Json, ChecksWhatItIsUsedAs) {
  Json number(1);
  EXPECT_THROW(number["a"], InternalError);
  EXPECT_THROW(number.push_back(1), InternalError);
}

TEST(JsonParse, ReadsEveryKind) {
  const Json json = parsed(R"( {"a": [null, true, false, -3, 2.5, "x\u00b5"], "b": {}} )");
  EXPECT_EQ(json.dump(0), R"({"a":[null,true,false,-3,2.5,"xµ"],"b":{}})");
}

TEST(JsonParse, ReadsBackWhatDumpWrote) {
  const std::string text =
      R"({"whole":1.0,"small":1e-09,"long":9223372036854775807,"list":[[],{},""]})";
  EXPECT_EQ(parsed(text).dump(0), text);
  EXPECT_EQ(parsed(parsed(text).dump(4)), parsed(text));
}

TEST(JsonParse, NamesTheByteWhereItStopped) {
  EXPECT_EQ(refusal("{\"a\": 1,}"),
            "the JSON text goes wrong at byte 8, at the end of '{\"a\": 1,}'");
  EXPECT_EQ(refusal("[1] x"), "the JSON text goes wrong at byte 4, at the end of '[1] x'");
  EXPECT_EQ(refusal("nul"), "the JSON text goes wrong at byte 2, at the end of 'nul'");
  EXPECT_EQ(refusal("// no\n1"), "the JSON text goes wrong at byte 0, at the end of '/'");
  EXPECT_EQ(refusal("\"a\nb\""), "the JSON text goes wrong at byte 2, at the end of '\"a\n'");
  EXPECT_EQ(refusal("\"\xff\""), "the JSON text goes wrong at byte 1, at the end of '\"\xff'");
}

TEST(JsonParse, SaysWhenTheTextEndsEarly) {
  EXPECT_EQ(refusal(""), "the JSON text ends early, after 0 bytes");
  EXPECT_EQ(refusal("[1, 2"), "the JSON text ends early, after 5 bytes");
  EXPECT_EQ(refusal("\"abc"), "the JSON text ends early, after 4 bytes");
}

TEST(JsonParse, RefusesNumbersThatNoDoubleHolds) {
  EXPECT_EQ(refusal("[1e999]"), "the number that ends at byte 5 is too large");
}

TEST(JsonParse, ReadsLargeIntegersAsDoubles) {
  EXPECT_EQ(parsed("18446744073709551615"), Json(18446744073709551615.0));
}

TEST(JsonParse, RefusesAZeroByteAndWhatFollows) {
  EXPECT_EQ(refusal(std::string_view("{}\0x", 4)), "the JSON text holds a zero at byte 2");
}

TEST(JsonParse, RefusesAKeyThatAppearsTwice) {
  EXPECT_EQ(refusal(R"({"a": 1, "b": {"a": 1}, "a": 2})"),
            "the key 'a' appears twice in one object");
}

TEST(JsonParse, LimitsDepth) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(Json::parse(nested(200)));
  EXPECT_EQ(refusal(nested(201)), "the JSON text nests deeper than 200 levels");
  EXPECT_EQ(refusal(std::string(1'000'000, '[')), "the JSON text nests deeper than 200 levels");
}

}  // namespace
}  // namespace neurotool
