// The host as a plugin under test sees it: an nt_host whose calls are Recorders, whose graphs can
// be made to say things that no graph of today says, and whose tables can be as long as those of an
// old or of a future host. Options are the host's own ConfigView.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "target/abi_values.hpp"
#include "target/graph_view.hpp"

namespace neurotool::conformance {

/// How long the structs are that the host hands out.
enum class Length {
  kToday,   ///< as this host's header says
  kFirst,   ///< as version 0.1 had them, at the very end of readable memory: one byte more faults
  kFuture,  ///< 64 bytes longer, with rubbish behind what is known today
};

struct HostShape {
  Length length = Length::kToday;
  bool has_extensions = true;  ///< false: extension() answers NULL to everything
};

/// Lives until the process ends, as nt_host must.
const nt_host* make_host(HostShape shape = {});

/// A copy of a struct that a plugin is given, as long as `length` says. Lives until the process
/// ends.
const void* placed(const void* today, std::size_t today_size, std::size_t first_size,
                   Length length);
/// `through` is the size of the struct through its last field of version 0.1.
template <class Struct>
const Struct* placed(const Struct& today, std::size_t through, Length length) {
  return static_cast<const Struct*>(
      placed(static_cast<const void*>(&today), sizeof today, through, length));
}

/// What nt_graph points to: a view of the IR, and what a check makes it say instead.
struct GraphFace {
  explicit GraphFace(const SpikeGraph& graph) : view(graph) {}
  const nt_graph* handle() const { return reinterpret_cast<const nt_graph*>(this); }

  struct Extra {
    std::int32_t owner = 0;
    std::uint32_t owner_index = 0;
    std::string name;
  };

  GraphView view;
  std::function<void(nt_graph_info&)> on_info;
  std::function<void(std::uint32_t, nt_population&)> on_population;
  std::function<void(std::uint32_t, nt_projection&)> on_projection;
  std::function<void(std::int32_t, std::uint32_t, nt_parameter&)> on_parameter;
  std::optional<Extra> extra;  ///< a parameter behind the others, int64 of rank 0
};

}  // namespace neurotool::conformance
