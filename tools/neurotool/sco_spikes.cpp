// Reads spikes for run-sco.
#include "sco_spikes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/files.hpp"

namespace neurotool::cli {
namespace {

constexpr std::string_view kShape = "write STEP:INDEX, STEP:INDEX=PAYLOAD or STEP:c0.k1.s7=PAYLOAD";

/// Takes a number from the front; false where there is none or it is out of range.
template <class T>
bool take_number(std::string_view& text, T least, T most, T& value) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || value < least || value > most) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_text(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

/// "c0.k1.s7": a wire for it, and its index.
bool take_axon(std::string_view& text, spikecore::Object& object, std::uint32_t& index) {
  std::uint32_t chip = 0, core = 0, axon = 0;
  if (!take_text(text, "c") || !take_number(text, 0u, object.chips - 1u, chip) ||
      !take_text(text, ".k") || !take_number(text, 0u, 127u, core) || !take_text(text, ".s") ||
      !take_number(text, 0u, object.axons - 1, axon)) {
    return false;
  }
  std::uint32_t next = 0;
  for (const spikecore::InputWire& wire : object.inputs) {
    if (wire.map == 0) next = std::max(next, wire.index + 1);
  }
  const auto narrow = [](std::uint32_t value) { return static_cast<std::uint16_t>(value); };
  object.inputs.push_back({0, narrow(chip), narrow(core), narrow(core), next, narrow(axon)});
  index = next;
  return true;
}

}  // namespace

Result<> add_spike(std::string_view text, const Location& where, spikecore::Object& object,
                   GivenSpikes& spikes) {
  const std::string whole(text);
  const auto refuse_spike = [&] {
    return error("spikecore.spike", where,
                 fmt::format("'{}' is no spike for a program of {} chips with {} axons per core",
                             whole, object.chips, object.axons),
                 std::string(kShape));
  };
  std::uint64_t step = 0;
  const bool always = take_text(text, "*");
  constexpr std::uint64_t kMostSteps = 0xffffffff;
  if (!always && !take_number<std::uint64_t>(text, 0, kMostSteps, step)) return refuse_spike();
  if (!take_text(text, ":")) return refuse_spike();
  std::uint32_t index = 0;
  const bool named = !text.empty() && text.front() == 'c';
  if (named ? !take_axon(text, object, index) : !take_number(text, 0u, (1u << 24) - 1, index)) {
    return refuse_spike();
  }
  int payload = 1;
  if (take_text(text, "=") && !take_number(text, -128, 127, payload)) return refuse_spike();
  if (!text.empty()) return refuse_spike();
  auto& list = always ? spikes.always : spikes.by_step[step];
  list.push_back({index, static_cast<std::int8_t>(payload)});
  ++spikes.count;
  return {};
}

Result<> add_spike_file(const std::string& path, spikecore::Object& object, GivenSpikes& spikes) {
  const Result<std::string> text = read_file(path, std::uint64_t{1} << 28);
  if (!text) return text.error();
  std::uint32_t line = 1, column = 1;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const char c = rest.front();
    if (c == '#' || c == ';') {
      rest.remove_prefix(std::min(rest.find('\n'), rest.size()));
    } else if (c == '\n') {
      ++line;
      column = 1;
      rest.remove_prefix(1);
    } else if (c == ' ' || c == '\t' || c == '\r' || c == ',') {
      ++column;
      rest.remove_prefix(1);
    } else {
      const std::size_t size = std::min(rest.find_first_of(" \t\r\n,#;"), rest.size());
      NT_TRY_VOID(
          add_spike(rest.substr(0, size), FilePosition{path, line, column}, object, spikes));
      column += static_cast<std::uint32_t>(size);
      rest.remove_prefix(size);
    }
  }
  return {};
}

}  // namespace neurotool::cli
