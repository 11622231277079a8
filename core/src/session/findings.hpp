// Reporting a finding that may have been reported already: most layers report what they find and
// return the first error too.
#pragma once

#include <algorithm>

#include "base/diagnostic.hpp"

namespace neurotool {

/// Reports `item` unless one of the same code, place and message is there.
inline void report_once(Diagnostics& diagnostics, Diagnostic item) {
  const auto same = [&item](const Diagnostic& other) {
    return other.code == item.code && other.at == item.at && other.message == item.message;
  };
  if (std::ranges::none_of(diagnostics.all(), same)) diagnostics.report(std::move(item));
}

}  // namespace neurotool
