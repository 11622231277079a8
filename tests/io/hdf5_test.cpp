#include "io/hdf5.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace neurotool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Hdf5File new_file() {
  auto file = Hdf5File::create("memory");
  EXPECT_TRUE(file.has_value());
  return *std::move(file);
}

/// What a file written by `write` holds, opened again from its bytes.
template <class F>
Hdf5File reopened(F&& write) {
  Hdf5File file = new_file();
  write(file);
  const auto bytes = file.bytes();
  EXPECT_TRUE(bytes.has_value());
  auto again = Hdf5File::open(*bytes, "again");
  EXPECT_TRUE(again.has_value()) << (again ? "" : again.error().message);
  return *std::move(again);
}

TEST(Hdf5, TensorsOfEveryTypeComeBack) {
  for (int i = 0; i <= static_cast<int>(DType::kFloat64); ++i) {
    const auto dtype = static_cast<DType>(i);
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 1, 2}, Shape{0, 4}}) {
      std::vector<float> values(static_cast<std::size_t>(*element_count(shape)), 1.0f);
      const Tensor tensor = Tensor::from(shape, std::move(values)).converted(dtype);
      const Hdf5File file =
          reopened([&](Hdf5File& f) { EXPECT_TRUE(f.write_tensor("a/b", tensor).has_value()); });
      const auto back = file.read_tensor("a/b", dtype);
      ASSERT_TRUE(back.has_value()) << back.error().message;
      EXPECT_EQ(*back, tensor) << short_name(dtype) << to_string(shape);
    }
  }
}

TEST(Hdf5, TextComesBack) {
  const std::string large(200000, 'x');
  const Hdf5File file = reopened([&](Hdf5File& f) {
    EXPECT_TRUE(f.write_text("empty", "").has_value());
    EXPECT_TRUE(f.write_text("words", "Grüße").has_value());
    EXPECT_TRUE(f.write_text("large", large).has_value());
  });
  EXPECT_EQ(*file.read_text("empty"), "");
  EXPECT_EQ(*file.read_text("words"), "Grüße");
  EXPECT_EQ(*file.read_text("large"), large);
}

TEST(Hdf5, ListsNamesInOrder) {
  const Hdf5File file = reopened([](Hdf5File& f) {
    EXPECT_TRUE(f.write_text("b", "1").has_value());
    EXPECT_TRUE(f.write_text("group/z", "1").has_value());
    EXPECT_TRUE(f.write_text("group/a", "1").has_value());
  });
  EXPECT_THAT(*file.names("/"), ElementsAre("b", "group"));
  EXPECT_THAT(*file.names("group"), ElementsAre("a", "z"));
  EXPECT_FALSE(file.names("nothing").has_value());
}

TEST(Hdf5, EqualContentGivesEqualBytes) {
  const auto bytes = [] {
    Hdf5File file = new_file();
    EXPECT_TRUE(file.write_tensor("t", Tensor::from<float>({2}, {1, 2})).has_value());
    EXPECT_TRUE(file.write_text("d", "text").has_value());
    return *file.bytes();
  };
  EXPECT_EQ(bytes(), bytes());
}

TEST(Hdf5, TwoFilesDoNotMix) {
  Hdf5File first = new_file(), second = new_file();
  EXPECT_TRUE(first.write_text("a", "first").has_value());
  EXPECT_TRUE(second.write_text("a", "second").has_value());
  const Hdf5File one = *Hdf5File::open(*first.bytes(), "one");
  const Hdf5File two = *Hdf5File::open(*second.bytes(), "two");
  EXPECT_EQ(*one.read_text("a"), "first");
  EXPECT_EQ(*two.read_text("a"), "second");
}

TEST(Hdf5, SaysWhatItDoesNotFind) {
  const Hdf5File file = reopened([](Hdf5File& f) {
    EXPECT_TRUE(f.write_tensor("t", Tensor::scalar(std::int32_t{1})).has_value());
    EXPECT_TRUE(f.write_text("d", "text").has_value());
  });
  const auto missing = file.read_tensor("nothing", DType::kInt32);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, "data.format");
  EXPECT_EQ(missing.error().message, "there is no 'nothing' in the file");
  EXPECT_EQ(file.read_tensor("t", DType::kFloat32).error().message,
            "'t' does not hold elements of f32");
  EXPECT_FALSE(file.read_tensor("t", DType::kUint32).has_value());
  EXPECT_FALSE(file.read_tensor("t", DType::kInt64).has_value());
  EXPECT_FALSE(file.read_tensor("d", DType::kInt8).has_value());
  EXPECT_FALSE(file.read_text("t").has_value());
  EXPECT_FALSE(file.read_text("/").has_value());
}

TEST(Hdf5, RefusesBytesThatAreNoHdf5File) {
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(5000, '\0')}) {
    const auto file = Hdf5File::open(bytes, "x.h5");
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code, "data.format");
    EXPECT_THAT(file.error().message, HasSubstr("no HDF5 file"));
  }
}

TEST(Hdf5, PrintsNothingItself) {
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Hdf5File::open("hello", "x.h5").has_value());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Hdf5, MayBeUsedFromSeveralThreads) {
  std::vector<std::string> found(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&found, t] {
      for (int i = 0; i < 20; ++i) {
        Hdf5File file = *Hdf5File::create("thread");
        if (!file.write_text("who", std::to_string(t))) return;
        found[t] = *Hdf5File::open(*file.bytes(), "thread")->read_text("who");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(found, ElementsAre("0", "1", "2", "3"));
}

}  // namespace
}  // namespace neurotool
