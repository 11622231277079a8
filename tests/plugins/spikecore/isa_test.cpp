// The instruction set: words and text, both ways, and what is said about text that is wrong.
#include <gtest/gtest.h>

#include <random>

#include "isa/object.hpp"

namespace neurotool::spikecore {
namespace {

std::uint64_t word_of(std::string_view text) {
  TextError error;
  const auto word = assemble_word(text, error);
  EXPECT_TRUE(word.has_value()) << text << ": " << error.column << ": " << error.message;
  return word.value_or(0);
}

TextError error_of(std::string_view text) {
  TextError error;
  EXPECT_FALSE(assemble_word(text, error).has_value()) << text;
  return error;
}

TEST(Isa, EncodesTheWordsOfTheSpecification) {
  EXPECT_EQ(word_of("ACC a0, w[0:3], s[0:3]"), 0x0100000002000000u);
  EXPECT_EQ(word_of("ACC a1, w[3:6], s[0:3]"), 0x0100010302000000u);
  EXPECT_EQ(word_of("FIRE.s a0, th=10, sc=1"), 0x020100010000000au);
  EXPECT_EQ(word_of("FIRE a1, th=8, sc=0"), 0x0200010000000008u);
  EXPECT_EQ(word_of("LEAK a0..a1, d=0xc000"), 0x030000010000c000u);
  EXPECT_EQ(word_of("HALT"), 0x0400000000000000u);
  EXPECT_EQ(word_of("ACC.g a1, w[0:2], s[0:2]"), 0x0101010001000000u);
}

TEST(Isa, ReadsTextInAnyCaseAndSpacing) {
  EXPECT_EQ(word_of("  acc.G A7 ,W[ 0x10 : 18 ],S[5:7] ; a comment"),
            word_of("ACC.g a7, w[16:18], s[5:7]"));
  EXPECT_EQ(word_of("rep 4, ds=-1, body=2"), word_of("REP 4, body=2, dn=0, dw=0, ds=-1"));
  EXPECT_EQ(disassemble(word_of("adda a1,a2,n=1")), "ADDA a1, a2");
}

TEST(Isa, TextOfAnyWordGivesTheWordBack) {
  std::mt19937_64 random(1);
  std::size_t spelled = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    std::uint64_t word = random();
    // Most random words are illegal; make many of them nearly or wholly legal.
    if (i % 10 != 0) {
      const auto& info = instruction_set()[random() % instruction_set().size()];
      word = (word & ~(std::uint64_t{0xff} << 56)) | static_cast<std::uint64_t>(info.opcode) << 56;
    }
    if (i % 3 != 0) word &= ~(std::uint64_t{0xfe} << 48);
    if (i % 2 == 0) {
      const auto mask = [](const InstructionInfo& info) {
        std::uint64_t bits = std::uint64_t{0xff} << 56;
        for (const Field& f : info.fields) {
          bits |= ((std::uint64_t{1} << f.bits) - 1) << f.shift;
        }
        return bits;
      };
      if (const auto* info = find_opcode(static_cast<std::uint8_t>(word >> 56)))
        word &= mask(*info);
    }
    const std::string text = disassemble(word);
    TextError error;
    const auto back = assemble_word(text, error);
    ASSERT_TRUE(back.has_value()) << text << ": " << error.message;
    ASSERT_EQ(*back, word) << text;
    ASSERT_EQ(disassemble(*back), text);
    spelled += text.front() != '.';
  }
  EXPECT_GT(spelled, 250'000u);
}

TEST(Isa, DecodedWordsEncodeToThemselves) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t word = (random() >> 8) | (random() % 0x14) << 56;
    if (const auto instruction = decode(word)) {
      ASSERT_EQ(encode(*instruction), word);
    }
  }
}

TEST(Isa, WordsWithoutALegalSpellingPrintAsThemselves) {
  EXPECT_EQ(disassemble(0x0500000000000000u), ".word 0x0500000000000000");  // unknown opcode
  EXPECT_EQ(disassemble(0x0000010000000000u), ".word 0x0000010000000000");  // NOP with a slot
  EXPECT_EQ(disassemble(0x0203000000000000u), ".word 0x0203000000000000");  // .s and .k
  EXPECT_EQ(disassemble(0x010000ff01000000u), ".word 0x010000ff01000000");  // w[255:257]
  EXPECT_EQ(disassemble(0x0300ff0100000000u), ".word 0x0300ff0100000000");  // a255..a256
  EXPECT_EQ(disassemble(0x1300000000000000u), ".word 0x1300000000000000");  // body of 0 words
}

TEST(Isa, StrictHasTheFiveOriginalInstructionsOnSlotZero) {
  const auto strict = [](std::string_view text) { return is_strict(*decode(word_of(text))); };
  EXPECT_TRUE(strict("ACC a0, w[0:3], s[0:3]"));
  EXPECT_TRUE(strict("ACC.g a0, w[0:3], s[0:3]"));
  EXPECT_TRUE(strict("FIRE a0, th=1, sc=0"));
  EXPECT_TRUE(strict("LEAK a0, d=0x0000"));
  EXPECT_TRUE(strict("NOP"));
  EXPECT_TRUE(strict("HALT"));
  EXPECT_FALSE(strict("FIRE.s a0, th=1, sc=0"));
  EXPECT_FALSE(strict("ACC a1, w[0:3], s[0:3]"));
  EXPECT_FALSE(strict("LEAK a0..a1, d=0x0000"));
  EXPECT_FALSE(strict("BIAS a0, 1"));
}

TEST(IsaMessages, NameWhatWasFoundAndWhatComesNearest) {
  EXPECT_EQ(error_of("ACK a0, w[0:3], s[0:3]").message, "'ACK' is not an instruction");
  EXPECT_EQ(error_of("ACK a0, w[0:3], s[0:3]").help, "did you mean 'ACC'?");
  const TextError bracket = error_of("ACC a0, w[0:3, s[0:3]");
  EXPECT_EQ(bracket.column, 14u);
  EXPECT_EQ(bracket.message, "expected ']', found ','");
  EXPECT_EQ(bracket.help, "as in: ACC[.g] a0, w[0:4], s[0:4]");
  EXPECT_EQ(error_of("FIRE a0").message, "expected ',', found the end of the line");
  EXPECT_EQ(error_of("HALT now").message, "expected the end of the line, found 'now'");
}

TEST(IsaMessages, NameTheNumbersThatDoNotFit) {
  EXPECT_EQ(error_of("BIAS a256, 1").message, "slot a256 does not exist; a core has a0 to a255");
  EXPECT_EQ(error_of("FIRE a0, th=1, sc=32").message, "sc is 32, outside 0 to 31");
  EXPECT_EQ(error_of("ACC a0, w[0:3], s[0:4]").message, "3 weights for 4 axons");
  EXPECT_EQ(error_of("ACC a0, w[3:3], s[0:4]").message,
            "w[3:3] holds 0 items; 1 to 256 can be summed");
  EXPECT_EQ(error_of("BIAS a0, 99999999999999999999").message,
            "the value is 99999999999999999999, outside -2147483648 to 2147483647");
  EXPECT_EQ(error_of("LEAK a3..a1, d=0").message, "the slots run backwards, from a3 to a1");
  EXPECT_EQ(error_of("FIRE.x a0, th=1").message, "'FIRE' has no form '.x'");
  EXPECT_EQ(error_of("FIRE.s.k a0, th=1").message, "the forms of 'FIRE.s.k' exclude each other");
  EXPECT_EQ(error_of("REP 3, dn=1").message, "expected ', body=', found the end of the line");
}

TEST(IsaMessages, AnyBytesAreRefusedOrTaken) {
  std::mt19937 random(3);
  const std::string_view letters = "ACFIRELKBPSUMadw[]:,.=0123456789x-; \t\"\\\x80";
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 24; n > 0; --n) text += letters[random() % letters.size()];
    TextError error;
    if (!assemble_word(text, error)) {
      ASSERT_FALSE(error.message.empty()) << text;
      ASSERT_LE(error.column, text.size() + 1) << text;
    }
  }
}

}  // namespace
}  // namespace neurotool::spikecore
