// Objects as bytes and as text: round trips, and refusals that name a place.
#include <gtest/gtest.h>

#include <random>

#include "isa/object.hpp"

namespace neurotool::spikecore {
namespace {

constexpr std::string_view kExample = R"(.spikecore 1
.profile v1
.chips 2
.axons 8192
.steps 4
.meta "layers: [one, two]\n"
.meta "digest: \"00ff\"\n"
.range 0 axons 0..255
.input 0 0..2 -> chip 0 cores 0 axon 0
.output 0 0 -> chip 0 core 1 slots a0..a1 accumulators
.output 1 0 -> chip 0 core 0 slots a0 spikes
.core 0
  .entry main
  ACC a0, w[0:3], s[0:3]
  ACC a1, w[3:6], s[0:3]
  .entry "fire and forget"
  FIRE.s a0, th=10, sc=1
  HALT
  .page 0 7 -3 5 2 4 -6
  .page 1 1
  .route a0 -> chip 0 cores 1..3 axon 0
  .route a0 -> chip 1 cores 0 axon 7 delay 2
  .psum a1 -> chip 1 core 9 slot a4
  .init a0 -5
.core 1
  .word 0x0500000000000000
.chip 1
.core 9
.plan
  CLEAR
  LOADW chip 0 cores 0 page 0
  LOADW cores 0..127 page 1 if range 0
  LOOP 0
  INPUT 0
  ENTRY chip 0 cores 0 entry 0
  RUN limit 100
  RUN chip 1
  DELIVER
  OUT 0
  STEP
  .record 132 0 65535 1 0 0
  ENDL
  END
.endplan
)";

Object object_of(std::string_view text) {
  Assembly assembly = assemble(text);
  for (const TextError& error : assembly.errors) {
    ADD_FAILURE() << error.line << ":" << error.column << ": " << error.message;
  }
  return std::move(assembly.object);
}

/// Where and why the bytes are refused, or "".
std::string refusal(std::string_view bytes) {
  try {
    read_object(bytes);
    return {};
  } catch (const ObjectError& error) {
    EXPECT_FALSE(error.place.empty());
    return error.place + ": " + error.what();
  }
}

std::vector<TextError> errors_of(std::string_view text) { return assemble(text).errors; }

TEST(Object, TextRoundTripIsTheSameText) { EXPECT_EQ(print_object(object_of(kExample)), kExample); }

TEST(Object, BytesRoundTripIsTheSameBytes) {
  const Object object = object_of(kExample);
  const std::string bytes = write_object(object);
  const Object back = read_object(bytes);
  EXPECT_EQ(back, object);
  EXPECT_EQ(write_object(back), bytes);
  EXPECT_EQ(print_object(back), kExample);
}

TEST(Object, WordsThatTheProfileLacksAreWrittenAsNumbers) {
  Object object = object_of(".profile strict\n.core 0\nHALT\n");
  object.cores[0].code.push_back(encode(psum(3, 1)));  // no code of strict; it traps if it runs
  const std::string text = print_object(read_object(write_object(object)));
  EXPECT_NE(text.find(".word 0x12"), std::string::npos) << text;
  const Assembly again = assemble(text);
  ASSERT_TRUE(again.errors.empty()) << again.errors.front().message;
  EXPECT_EQ(again.object, object);
}

TEST(Object, EmptyObjectHasAHeaderAlone) {
  const std::string bytes = write_object(Object{});
  EXPECT_EQ(bytes.size(), 32u);
  EXPECT_EQ(read_object(bytes), Object{});
}

TEST(Object, ChecksumIsTheCastagnoliOne) { EXPECT_EQ(crc32c("123456789"), 0xe3069283u); }

TEST(Object, SectionsOfUnknownSmallLetterTagsAreSkipped) {
  Object object = object_of(".core 0\nHALT\n");
  object.meta = "abcd";
  std::string bytes = write_object(object);
  const std::size_t at = bytes.find("META");
  ASSERT_NE(at, bytes.npos);
  const auto with_tag = [&](const char* tag) {
    std::string changed = bytes;
    changed.replace(at, 4, tag);
    const std::uint32_t crc = crc32c(std::string_view(changed).substr(32, 64));
    for (std::size_t i = 0; i < 4; ++i) changed[28 + i] = static_cast<char>(crc >> (8 * i));
    return changed;
  };
  EXPECT_EQ(refusal(with_tag("meTA")), "");
  EXPECT_EQ(read_object(with_tag("meTA")).meta, "");
  EXPECT_EQ(refusal(with_tag("XETA")),
            "section 1 (XETA): the tag is unknown, and its capital says that it matters");
}

TEST(Object, DamageIsFoundAndNamed) {
  const std::string bytes = write_object(object_of(kExample));
  EXPECT_EQ(refusal("ELF"), "bytes 0 to 4: the file does not begin with 'SPKC'");
  EXPECT_EQ(refusal(bytes.substr(0, 20)), "bytes 0 to 32: the file has 20 bytes; a header has 32");
  EXPECT_EQ(refusal(bytes.substr(0, bytes.size() - 1)),
            "bytes 16 to 24: the header says " + std::to_string(bytes.size()) +
                " bytes; the file has " + std::to_string(bytes.size() - 1));
  std::string damaged = bytes;
  damaged[40] ^= 1;
  EXPECT_EQ(refusal(damaged),
            "bytes 28 to 32: the checksum of the section table differs: the file was damaged");
  damaged = bytes;
  damaged.back() ^= 1;
  EXPECT_NE(refusal(damaged).find("the checksum of the content differs"), std::string::npos);
}

/// Bytes that were changed, with checksums that are right again, so that the reader looks inside.
std::string repaired(std::string bytes) {
  const auto load = [&](std::size_t at, int size) {
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i) {
      value |= std::uint64_t{static_cast<std::uint8_t>(bytes[at + static_cast<std::size_t>(i)])}
               << (8 * i);
    }
    return value;
  };
  const auto store = [&](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
  };
  if (bytes.size() < 32) return bytes;
  const std::uint64_t sections = load(12, 4);
  if (sections > (bytes.size() - 32) / 32) return bytes;
  for (std::uint64_t i = 0; i < sections; ++i) {
    const std::size_t at = 32 + i * 32;
    const std::uint64_t offset = load(at + 8, 8), size = load(at + 16, 8);
    if (offset <= bytes.size() && size <= bytes.size() - offset) {
      store(at + 28, crc32c(std::string_view(bytes).substr(offset, size)));
    }
  }
  store(28, crc32c(std::string_view(bytes).substr(32, sections * 32)));
  return bytes;
}

TEST(Object, MutatedFilesAreRefusedOrReadAndNeverCrash) {
  const std::string bytes = write_object(object_of(kExample));
  std::mt19937 random(4);
  int read = 0, refused = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string changed = bytes;
    for (std::size_t n = 1 + random() % 4; n > 0; --n) {
      const std::size_t at = random() % changed.size();
      switch (random() % 4) {
        case 0:
          changed[at] = static_cast<char>(random());
          break;
        case 1:
          changed[at] ^= static_cast<char>(1 << random() % 8);
          break;
        case 2:
          changed.erase(at, random() % 16);
          break;
        case 3:
          changed.insert(at, random() % 16, static_cast<char>(random()));
          break;
      }
    }
    const std::string candidate = i % 2 == 0 ? repaired(changed) : changed;
    try {
      const Object object = read_object(candidate);
      // What was read can be written and printed.
      ASSERT_EQ(read_object(write_object(object)), object);
      const Assembly again = assemble(print_object(object));
      ASSERT_TRUE(again.errors.empty()) << again.errors.front().message;
      ASSERT_EQ(write_object(again.object), write_object(object));
      ++read;
    } catch (const ObjectError& error) {
      ASSERT_FALSE(error.place.empty());
      ASSERT_FALSE(std::string(error.what()).empty());
      ++refused;
    }
  }
  EXPECT_GT(read, 1000);
  EXPECT_GT(refused, 10'000);
}

TEST(Assembler, ReportsEveryWrongLineWithItsPlace) {
  const auto errors = errors_of(".core 0\n  ACK a0\n  HALT\n.core 128\n.foo\n  BIAS a0 5\n");
  ASSERT_EQ(errors.size(), 4u);
  EXPECT_EQ(errors[0].line, 2u);
  EXPECT_EQ(errors[0].column, 3u);
  EXPECT_EQ(errors[1].message, "the core is 128, outside 0 to 127");
  EXPECT_EQ(errors[2].line, 5u);
  EXPECT_EQ(errors[2].message, "'.foo' is not a directive");
  EXPECT_EQ(errors[3].message, "expected ',', found '5'");
}

TEST(Assembler, NamesOfEntriesHoldNoZeroByte) {
  const auto errors = errors_of(".core 0\n.entry \"ab\\x00c\"\nHALT\n");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].message.find("the name of entry 'ab' goes on behind a zero byte"),
            std::string::npos)
      << errors[0].message;
}

TEST(Assembler, StopsAtTwentyErrors) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "WRONG\n";
  EXPECT_EQ(errors_of(text).size(), 20u);
}

TEST(Assembler, EntriesGoToTheLabelOfTheirName) {
  const Object object = object_of(".entry late\nNOP\nlate: HALT\nhere:\n");
  ASSERT_EQ(object.cores.size(), 1u);
  EXPECT_EQ(object.cores[0].entries, (std::vector<Entry>{{1, "late"}}));
}

TEST(Assembler, StrictRefusesExtensions) {
  const auto errors = errors_of(
      ".profile strict\nBIAS a0, 1\n.route a0 -> chip 0 cores 0 axon 0 "
      "delay 1\nACC a0, w[0:1], s[0:1]\n");
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].message, "'BIAS' in this form is not in profile strict");
  EXPECT_EQ(errors[1].message, "profile strict has no route delay");
}

TEST(Assembler, PlansNameEntriesAndMustEnd) {
  const Object object =
      object_of(".entry a\nHALT\n.entry b\nHALT\n.plan\nENTRY cores 0 entry b\nRUN\n.endplan\n");
  EXPECT_EQ(object.plan[0].b, 1u);
  EXPECT_EQ(errors_of(".plan\nRUN\n").front().message, "the plan has no end");
  const auto errors = errors_of(".entry main\nHALT\n.plan\nENTRY cores 0 entry mian\n.endplan\n");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].help, "did you mean 'main'?");
  EXPECT_EQ(errors_of(".plan\nENDL\n.endplan\n").front().message,
            "plan record 0: ENDL without a LOOP before it");
}

TEST(Assembler, RefusesPagesOutOfOrder) {
  EXPECT_EQ(errors_of(".page 1 5\n").front().message,
            "page 1 stands where page 0 of this core comes");
  EXPECT_EQ(errors_of(".page 0 200\n").front().message, "the weight is 200, outside -128 to 127");
}

}  // namespace
}  // namespace neurotool::spikecore
