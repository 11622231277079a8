// Spikes that the user gives to a program of SpikeCore, as text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "isa/object.hpp"
#include "machine/machine.hpp"

namespace neurotool::cli {

/// Spikes by step, as indices of input map 0. Spikes that name an axon of a core get wires of
/// their own in the object.
struct GivenSpikes {
  std::vector<spikecore::InputSpike> always;
  std::map<std::uint64_t, std::vector<spikecore::InputSpike>> by_step;
  std::size_t count = 0;
};

/// "0:3", "0:3=-5" or "*:c0.k1.s7=12": step, index of input map 0 or chip, core and axon, payload.
/// `where` names the text in messages.
Result<> add_spike(std::string_view text, const Location& where, spikecore::Object& object,
                   GivenSpikes& spikes);

/// Words between blanks; '#' and ';' begin comments.
Result<> add_spike_file(const std::string& path, spikecore::Object& object, GivenSpikes& spikes);

}  // namespace neurotool::cli
