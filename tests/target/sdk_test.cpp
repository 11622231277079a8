// The parts of sdk.hpp that need no host.
#include <neurotool/plugin/sdk.hpp>

#include <gmock/gmock.h>

#include <array>

namespace nt = neurotool::sdk;

namespace {

using ::testing::ElementsAre;

TEST(SdkFormat, FillsInNumbersAndText) {
  EXPECT_EQ(nt::format("{} neurons; a core holds {}", std::uint64_t{312}, 256),
            "312 neurons; a core holds 256");
  EXPECT_EQ(nt::format("{} {} {} {}", std::string("a"), std::string_view("b"), "c", 'd'),
            "a b c d");
  EXPECT_EQ(nt::format("{} {} {}", true, 0.1, -2.5f), "true 0.1 -2.5");
  EXPECT_EQ(nt::format("plain"), "plain");
}

TEST(SdkFormat, NeverLosesANumber) {
  EXPECT_EQ(nt::format("too few", 7), "too few 7");
  EXPECT_EQ(nt::format("{} {}", 1), "1 {}");
}

TEST(SdkTensor, GivesElementsInPlaceOrConverted) {
  const std::array<std::int8_t, 4> data{1, -2, 3, -4};
  const std::array<std::int64_t, 2> shape{2, 2};
  const nt::TensorView tensor(data.data(), shape);
  EXPECT_EQ(tensor.as<std::int8_t>().data(), data.data());
  EXPECT_THAT(tensor.to_vector<double>(), ElementsAre(1, -2, 3, -4));
  EXPECT_THROW(tensor.as<float>(), nt::Failure);
}

TEST(SdkTensor, FollowsStrides) {
  const std::array<float, 6> data{1, 2, 3, 4, 5, 6};
  const std::array<std::int64_t, 2> shape{3, 2}, transposed{1, 3};
  const nt_tensor raw{data.data(), shape.data(), transposed.data(), 2, nt::dtype_of<float>()};
  const nt::TensorView tensor(raw);
  EXPECT_THAT(tensor.to_vector<float>(), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THROW(tensor.as<float>(), nt::Failure);
}

TEST(SdkPerNeuron, IsOneValueOnePerChannelOrOneEach) {
  const std::array<float, 1> one{5};
  const std::array<float, 2> channels{6, 7};
  const std::array<float, 6> all{0, 1, 2, 3, 4, 5};
  EXPECT_EQ(nt::PerNeuron<float>(3, 6)[5], 3);
  EXPECT_EQ(nt::PerNeuron<float>(nt::Span<const float>(one), 6)[5], 5);
  EXPECT_EQ(nt::PerNeuron<float>(nt::Span<const float>(channels), 6)[2], 6);
  EXPECT_EQ(nt::PerNeuron<float>(nt::Span<const float>(channels), 6)[3], 7);
  EXPECT_EQ(nt::PerNeuron<float>(nt::Span<const float>(all), 6)[4], 4);
}

TEST(SdkGuarded, TurnsEveryExceptionIntoACode) {
  const auto code = [](auto&& body) {
    return nt::detail::guarded(nullptr, [&]() -> nt_code {
      body();
      return NT_OK;
    });
  };
  EXPECT_EQ(code([] {}), NT_OK);
  EXPECT_EQ(code([] { throw nt::Failure(NT_NO_ROOM, "a.b", "c"); }), NT_NO_ROOM);
  EXPECT_EQ(code([] { throw std::bad_alloc(); }), NT_NO_ROOM);
  EXPECT_EQ(code([] { throw std::runtime_error("x"); }), NT_INTERNAL);
  EXPECT_EQ(code([] { throw 7; }), NT_INTERNAL);
}

TEST(SdkAnswer, IsTheMostHelpfulOfSeveralErrors) {
  nt::detail::Answer answer;
  EXPECT_EQ(answer.code(), NT_OK);
  answer.add(NT_FAILED);
  answer.add(NT_UNSUPPORTED);
  answer.add(NT_NO_ROOM);
  EXPECT_EQ(answer.code(), NT_UNSUPPORTED);
}

}  // namespace
