// How text looks in YAML and in messages. Private to the config layer.
#pragma once

#include <string>
#include <string_view>

#include "config/yaml.hpp"

namespace neurotool::yaml {

/// True if `text` needs no quotes as a value of a block mapping or list, and reads back as the same
/// text on one line. Numbers, true and false are plain; what YAML reads as null is not.
bool fits_plain(std::string_view text);
/// The same inside [ ] and { }.
bool fits_plain_in_brackets(std::string_view text);
/// "…" with escapes.
std::string double_quoted(std::string_view text);

/// 'text' for messages, cut after 60 bytes.
std::string quote(std::string_view text);
/// A node as the subject of a message: "'5'", "the text '5' in quotes", "a list", "nothing".
std::string describe(const Node& node);

}  // namespace neurotool::yaml
