// Names that every reader keeps apart and takes as they are.
#include <fmt/format.h>

#include <cctype>
#include <set>

#include "frontend/nir/exporter.hpp"

namespace neurotool::to_nir {

std::string Namer::operator()(std::string wanted) {
  static const std::set<std::string, std::less<>> kReserved{"and",      "as",
                                                            "assert",   "async",
                                                            "await",    "break",
                                                            "class",    "continue",
                                                            "def",      "del",
                                                            "elif",     "else",
                                                            "except",   "false",
                                                            "finally",  "for",
                                                            "from",     "global",
                                                            "if",       "import",
                                                            "in",       "is",
                                                            "lambda",   "none",
                                                            "nonlocal", "not",
                                                            "or",       "pass",
                                                            "raise",    "return",
                                                            "true",     "try",
                                                            "while",    "with",
                                                            "yield",    "state",
                                                            "is_none",  "initialized_state"};
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  if (kReserved.contains(lower(wanted))) wanted += "_";
  std::string name = wanted;
  for (int& count = used_[lower(wanted)]; used_[lower(name)] > 0;)
    name = fmt::format("{}_{}", wanted, ++count);
  ++used_[lower(name)];
  return name;
}

}  // namespace neurotool::to_nir
