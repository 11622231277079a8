// Trees to bytes and back, whatever they hold; what the formats make of them is tested with each.
#include "io/hdf5_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace neurotool::hdf5 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Item item(std::string name, Value value) {
  return {.name = std::move(name), .value = std::move(value), .attributes = {}};
}

Group group(std::vector<Item> members) { return {.members = std::move(members)}; }

/// What a file with these members holds, read again from its bytes.
Group reopened(std::vector<Item> members, const WriteOptions& options = {}) {
  const auto bytes = write_tree(group(std::move(members)), options);
  EXPECT_TRUE(bytes.has_value()) << (bytes ? "" : bytes.error().message);
  auto again = read_tree(*bytes, "again");
  EXPECT_TRUE(again.has_value()) << (again ? "" : again.error().message);
  return again ? *std::move(again) : Group{};
}

TEST(Hdf5Tree, TensorsOfEveryTypeComeBack) {
  for (int i = 0; i <= static_cast<int>(DType::kFloat64); ++i) {
    const auto dtype = static_cast<DType>(i);
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 1, 2}, Shape{0, 4}, Shape{50'000}}) {
      std::vector<float> values(static_cast<std::size_t>(*element_count(shape)), 1.0f);
      const Tensor tensor = Tensor::from(shape, std::move(values)).converted(dtype);
      for (const bool compress : {false, true}) {
        const Group back =
            reopened({item("a", group({item("b", tensor)}))}, {.compress = compress});
        EXPECT_EQ(back, group({item("a", group({item("b", tensor)}))}))
            << short_name(dtype) << to_string(shape);
      }
    }
  }
}

TEST(Hdf5Tree, TextsComeBack) {
  const std::string large(200000, 'x');
  const Group file =
      reopened({item("empty", text("")), item("large", text(large)), item("words", text("Grüße"))});
  EXPECT_EQ(*text_of(file.find("empty")->value), "");
  EXPECT_EQ(*text_of(file.find("words")->value), "Grüße");
  EXPECT_EQ(*text_of(file.find("large")->value), large);
}

TEST(Hdf5Tree, MembersAreInTheOrderOfTheirNames) {
  const Group file = reopened(
      {item("group", group({item("z", text("1")), item("a", text("1"))})), item("b", text("1"))});
  std::vector<std::string> names;
  for (const Item& member : file.members) names.push_back(member.name);
  for (const Item& member : std::get<Group>(file.find("group")->value).members) {
    names.push_back(member.name);
  }
  EXPECT_THAT(names, ElementsAre("b", "group", "a", "z"));
  EXPECT_EQ(file.find("nothing"), nullptr);
}

TEST(Hdf5Tree, EqualContentGivesEqualBytes) {
  const auto bytes = [] {
    return *write_tree(
        group({item("d", text("text")), item("t", Tensor::from<float>({2}, {1, 2}))}));
  };
  EXPECT_EQ(bytes(), bytes());
}

TEST(Hdf5Tree, RefusesBytesThatAreNoHdf5File) {
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(5000, '\0')}) {
    const auto file = read_tree(bytes, "x.h5");
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code, "hdf5.format");
    EXPECT_THAT(file.error().message, HasSubstr("no HDF5 file"));
  }
}

TEST(Hdf5Tree, PrintsNothingItself) {
  testing::internal::CaptureStderr();
  EXPECT_FALSE(read_tree("hello", "x.h5").has_value());
  EXPECT_FALSE(read_tree("hello", "x.h5", {.limits = {.own_process = false}}).has_value());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Hdf5Tree, MayBeUsedFromSeveralThreads) {
  std::vector<std::string> found(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&found, t] {
      for (int i = 0; i < 20; ++i) {
        const auto bytes = write_tree(group({item("who", text(std::to_string(t)))}));
        if (!bytes) return;
        const auto file = read_tree(*bytes, "thread");
        if (file) found[t] = *text_of(file->find("who")->value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(found, ElementsAre("0", "1", "2", "3"));
}

}  // namespace
}  // namespace neurotool::hdf5
