// Text of the other side: sizes are checked before a byte is looked at.
#include "target/abi_values.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace neurotool {

nt_str str(std::string_view text) { return {text.data(), text.size()}; }

std::optional<std::string> text_of(nt_str text, std::size_t most) {
  if (text.size == 0) return std::string();
  if (text.data == nullptr || text.size > most) return std::nullopt;
  std::string copy(text.data, text.size);
  if (!is_utf8(copy)) return std::nullopt;
  return copy;
}

std::string message_of(nt_str text, std::size_t most) {
  if (text.data == nullptr) return {};
  std::string copy(text.data, std::min(text.size, most));
  // A cut in the middle of a character leaves its first bytes behind; take them away too.
  if (text.size > most) {
    while (!copy.empty() && (static_cast<unsigned char>(copy.back()) & 0xC0) == 0x80) {
      copy.pop_back();
    }
    if (!copy.empty() && (static_cast<unsigned char>(copy.back()) & 0x80) != 0) copy.pop_back();
  }
  return is_utf8(copy) ? copy : escape_control(copy);
}

bool is_dotted_name(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  bool starts_word = true;
  for (const char c : text) {
    const bool inside = (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (c == '.' && starts_word) return false;
    if (c != '.' && !is_letter(c) && !inside) return false;
    starts_word = c == '.';
  }
  return !text.empty() && is_letter(text.front()) && !starts_word;
}

std::string code_text(nt_code code) {
  switch (code) {
    case NT_OK:
      return "ok";
    case NT_CANCELLED:
      return "cancelled";
    case NT_UNSUPPORTED:
      return "unsupported";
    case NT_NO_ROOM:
      return "no room";
    case NT_BAD_ARGUMENT:
      return "bad argument";
    case NT_FAILED:
      return "failed";
    case NT_INTERNAL:
      return "internal";
    default:
      return fmt::format("code {}", code);
  }
}

}  // namespace neurotool
