// The pages of docs/diagnostics, built into the tool by embed_pages.cmake.
#pragma once

#include <span>
#include <string_view>

namespace neurotool::cli {

struct Page {
  std::string_view code, text;
};
/// By code, ascending.
std::span<const Page> diagnostic_pages();

}  // namespace neurotool::cli
