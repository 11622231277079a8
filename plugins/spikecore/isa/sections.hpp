// Numbers and names of the .sco format that its reader and its writer share.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "object.hpp"

namespace neurotool::spikecore {

using Tag = std::array<char, 4>;

inline constexpr std::string_view kMagic = "SPKC";
inline constexpr std::uint16_t kVersion = 1;
inline constexpr std::size_t kHeaderBytes = 32, kTableEntryBytes = 32;
inline constexpr std::uint16_t kNone = 0xffff;

inline constexpr Tag kCode{'C', 'O', 'D', 'E'}, kEntr{'E', 'N', 'T', 'R'},
    kWpag{'W', 'P', 'A', 'G'}, kRout{'R', 'O', 'U', 'T'}, kInit{'I', 'N', 'I', 'T'},
    kPlan{'P', 'L', 'A', 'N'}, kStrs{'S', 'T', 'R', 'S'}, kMeta{'M', 'E', 'T', 'A'},
    // Ours: the tables behind the ids of INPUT, OUT and conditional LOADW records.
    kImap{'I', 'M', 'A', 'P'}, kOmap{'O', 'M', 'A', 'P'}, kArng{'A', 'R', 'N', 'G'};

/// The 64-bit word of the specification.
std::uint64_t pack(const Route& route);
/// Header flags: bits 4..0 are log2(axons) + 1 and bits 9..5 log2(words) + 1; 0 is the default.
std::uint16_t pack_flags(const Object& object);

}  // namespace neurotool::spikecore
