// The heuristics of reading NIR, one function each, each with its sentence for the report.
#include "frontend/nir/choose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace neurotool::from_nir {
namespace {

using namespace nir;

template <class E, std::size_t N>
Result<E> word_of(std::string_view what, const std::string& word,
                  const std::array<std::pair<std::string_view, E>, N>& words) {
  std::string known;
  for (const auto& [name, value] : words) {
    if (name == word) return value;
    known += fmt::format("{}'{}'", known.empty() ? "" : ", ", name);
  }
  return error("nir.option", {}, fmt::format("{} is '{}'", what, word),
               fmt::format("known words are {}", known));
}

/// Every node, those of nested graphs too.
template <class F>
void each_node(const Graph& graph, F&& f) {
  for (const Node& node : graph.nodes) {
    if (const auto* inner = std::get_if<Graph>(&node.primitive)) {
      each_node(*inner, f);
    } else {
      f(node);
    }
  }
}

struct Constants {
  std::vector<double> taus;    ///< of membranes; the others are no larger in practice
  std::vector<double> ratios;  ///< r / tau of leaky neurons: 1 / dt where inputs are not scaled
  std::vector<double> synapses;
  std::vector<double> integrator_r;
};

void append(std::vector<double>& values, const Tensor& tensor) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) values.push_back(tensor.at(i));
}

Constants constants_of(const Graph& graph) {
  Constants all;
  const auto ratio = [&](const Tensor& r, const Tensor& tau) {
    if (!r.defined() || !tau.defined() || r.size() != tau.size()) return;
    for (std::int64_t i = 0; i < r.size(); ++i) all.ratios.push_back(r.at(i) / tau.at(i));
  };
  each_node(graph, [&](const Node& node) {
    std::visit(
        [&](const auto& p) {
          using T = std::decay_t<decltype(p)>;
          if constexpr (requires { p.tau_mem; }) {
            append(all.taus, p.tau_mem);
            append(all.synapses, p.tau_syn);
            ratio(p.r, p.tau_mem);
          } else if constexpr (requires { p.tau; }) {
            append(all.taus, p.tau);
            ratio(p.r, p.tau);
          } else if constexpr (std::is_same_v<T, IF> || std::is_same_v<T, I>) {
            append(all.integrator_r, p.r);
          }
        },
        node.primitive);
  });
  return all;
}

bool all_near(const std::vector<double>& values, double wanted) {
  return !values.empty() && std::ranges::all_of(values, [&](double value) {
    return std::abs(value - wanted) <= 1e-3 * std::abs(wanted);
  });
}

/// True for versions before 1.0.6, and where the file does not say: they meant v - v_threshold.
bool is_before_v_reset(const std::string& version) {
  std::array<long, 3> parts{};
  const char* at = version.c_str();
  for (long& part : parts) {
    char* end = nullptr;
    part = std::strtol(at, &end, 10);
    if (end == at) break;
    at = *end == '.' ? end + 1 : end;
  }
  return parts < std::array<long, 3>{1, 0, 6};
}

bool has_reset_values(const Graph& graph) {
  bool found = false;
  each_node(graph, [&](const Node& node) {
    std::visit(
        [&](const auto& p) {
          if constexpr (requires { p.v_reset; }) found = found || p.v_reset.defined();
        },
        node.primitive);
  });
  return found;
}

class Chooser {
 public:
  Chooser(const Document& document, const NirReading& reading)
      : document_(document),
        reading_(reading),
        own_(own_metadata(document.graph)),
        constants_(constants_of(document.graph)) {}

  Result<Choice> choose() {
    Choice choice;
    Discretization& d = choice.discretization;
    if (!reading_.preset.empty()) {
      const auto known = preset(reading_.preset);
      if (!known) return unknown_preset();
      d = *known;
      reasons_.push_back("as asked");
    } else {
      d = *preset("neurotool");
      NT_TRY_VOID(read_values(d));
    }
    NT_TRY(d, apply_reading(std::move(d), reading_));
    choice.held_input = reading_.input.empty() ? own_.input == "held" : reading_.input == "held";
    choice.steps = own_.steps;
    return choice;
  }

  std::string reasons() const { return fmt::format("{}", fmt::join(reasons_, "; ")); }

 private:
  Error unknown_preset() const {
    std::string names;
    for (const Preset& known : presets())
      names += fmt::format("{}'{}'", names.empty() ? "" : ", ", known.name);
    return error("nir.option", reading_.at, fmt::format("there is no preset '{}'", reading_.preset),
                 "the presets are " + names);
  }

  Result<> read_values(Discretization& d) {
    if (own_.present) return read_metadata(d);
    choose_reset(d);
    choose_dt(d);
    const bool soft = d.reset == ResetRule::kSubtract && reading_.reset.empty();
    d.compare = soft || reading_.reset == "subtract" ? Compare::kAtLeast : Compare::kAbove;
    reasons_.push_back(d.compare == Compare::kAbove
                           ? "v > threshold, as NIR defines"
                           : "v >= threshold, as converted networks that subtract need it");
    if (reading_.time_unit.empty() && reading_.dt_seconds == 0) NT_TRY_VOID(check_unit(d));
    return {};
  }

  Result<> read_metadata(Discretization& d) {
    reasons_.push_back("as the file's metadata say");
    if (own_.dt_seconds > 0) d.dt = own_.dt_seconds;
    if (!own_.time_unit.empty()) {
      NT_TRY(d.time_unit, Words::time_unit(own_.time_unit));
    }
    if (!own_.reset.empty()) {
      NT_TRY(d.reset, Words::reset(own_.reset));
    }
    if (!own_.compare.empty()) {
      NT_TRY(d.compare, Words::compare(own_.compare));
    }
    if (!own_.v_init.empty()) {
      d.v_init = InitialPotential::kByNode;
      d.v_init_by_node = own_.v_init;
    }
    return {};
  }

  void choose_reset(Discretization& d) {
    if (has_reset_values(document_.graph) || !is_before_v_reset(document_.version)) {
      d.reset = ResetRule::kValue;
      reasons_.push_back(fmt::format("reset to v_reset, as NIR {} defines",
                                     document_.version.empty() ? "1.0.6" : document_.version));
      return;
    }
    d.reset = ResetRule::kSubtract;
    reasons_.push_back(
        document_.version.empty()
            ? "reset by subtraction, because the file names no version"
            : fmt::format("reset by subtraction, as NIR {} defined", document_.version));
  }

  void choose_dt(Discretization& d) {
    if (is_norse_encoding()) {
      d.dt = constants_.synapses.front();
      d.reset = ResetRule::kSubtract;
      reasons_.push_back(
          fmt::format("dt {} s, which is tau_syn of every CubaLIF, and tau_mem so "
                      "long that nothing leaks",
                      number_text(d.dt)));
      return;
    }
    if (!constants_.taus.empty() && all_near(constants_.ratios, constants_.ratios.front()) &&
        constants_.ratios.front() > 100) {
      d.dt = 1 / constants_.ratios.front();
      reasons_.push_back(fmt::format("dt {} s, because r is tau / dt", number_text(d.dt)));
    } else if (!constants_.integrator_r.empty() && constants_.integrator_r.front() > 1 &&
               all_near(constants_.integrator_r, constants_.integrator_r.front())) {
      d.dt = 1 / constants_.integrator_r.front();
      reasons_.push_back(fmt::format("dt {} s, because r is 1 / dt", number_text(d.dt)));
    } else {
      reasons_.push_back("dt 0.0001 s, which most exporters use");
    }
  }

  /// The encoding of neurons without leak that norse runs exactly: tau_syn = dt, tau_mem = 2^30 dt.
  bool is_norse_encoding() const {
    if (constants_.synapses.empty() || constants_.synapses.size() != constants_.taus.size())
      return false;
    const double dt = constants_.synapses.front();
    return all_near(constants_.synapses, dt) && std::ranges::all_of(constants_.taus, [&](double t) {
             return t >= dt * std::ldexp(1.0, 24);
           });
  }

  Result<> check_unit(const Discretization& d) const {
    const bool long_times =
        !constants_.taus.empty() &&
        std::ranges::all_of(constants_.taus, [](double tau) { return tau >= 0.1; }) &&
        !is_norse_encoding();
    // A neuron that does not leak over any run looks long in every unit.
    const bool no_leak = std::ranges::all_of(
        constants_.taus, [&](double tau) { return tau >= d.dt * std::ldexp(1.0, 24); });
    if (!long_times || no_leak) return {};
    return error("nir.time-unit", reading_.at,
                 fmt::format("every time constant is {} or more, so they are hardly seconds",
                             number_text(*std::ranges::min_element(constants_.taus))),
                 "say which: model: { nir: { time_unit: ms } }, 'step' or 's'");
  }

  const Document& document_;
  const NirReading& reading_;
  const OwnMetadata own_;
  const Constants constants_;
  std::vector<std::string> reasons_;
};

}  // namespace

Result<TimeUnit> Words::time_unit(const std::string& word) {
  return word_of<TimeUnit, 3>(
      "time_unit", word,
      {{{"s", TimeUnit::kSeconds}, {"ms", TimeUnit::kMilliseconds}, {"step", TimeUnit::kSteps}}});
}
Result<Integrator> Words::integrator(const std::string& word) {
  return word_of<Integrator, 4>("integrator", word,
                                {{{"euler", Integrator::kEuler},
                                  {"exact", Integrator::kExact},
                                  {"norm_free", Integrator::kNormFree},
                                  {"decay", Integrator::kDecay}}});
}
Result<Compare> Words::compare(const std::string& word) {
  return word_of<Compare, 2>("compare", word,
                             {{{"gt", Compare::kAbove}, {"ge", Compare::kAtLeast}}});
}
Result<ResetRule> Words::reset(const std::string& word) {
  return word_of<ResetRule, 3>("reset", word,
                               {{{"zero", ResetRule::kZero},
                                 {"value", ResetRule::kValue},
                                 {"subtract", ResetRule::kSubtract}}});
}
Result<InitialPotential> Words::v_init(const std::string& word) {
  return word_of<InitialPotential, 3>("v_init", word,
                                      {{{"zero", InitialPotential::kZero},
                                        {"v_leak", InitialPotential::kLeak},
                                        {"v_reset", InitialPotential::kReset}}});
}

OwnMetadata own_metadata(const Graph& graph) {
  OwnMetadata own;
  const MetadataEntry* entry = graph.metadata.find("neurotool");
  const auto* tree = entry ? std::get_if<Metadata>(&entry->value) : nullptr;
  if (tree == nullptr) return own;
  own.present = true;
  const auto text = [&](std::string_view key) {
    const MetadataEntry* found = tree->find(key);
    const auto* value = found ? std::get_if<std::string>(&found->value) : nullptr;
    return value ? *value : std::string();
  };
  const auto number = [&](std::string_view key) {
    const MetadataEntry* found = tree->find(key);
    const auto* value = found ? std::get_if<Tensor>(&found->value) : nullptr;
    return value && value->size() == 1 ? value->at(0) : 0.0;
  };
  const auto by_node = [&](std::string_view key, auto& into) {
    const MetadataEntry* found = tree->find(key);
    const auto* values = found ? std::get_if<Metadata>(&found->value) : nullptr;
    if (values == nullptr) return;
    for (const MetadataEntry& item : values->entries) {
      if (const auto* tensor = std::get_if<Tensor>(&item.value)) into.emplace(item.key, *tensor);
    }
  };
  own.dt_seconds = number("dt");
  own.time_unit = text("time_unit");
  own.reset = text("reset");
  own.compare = text("compare");
  own.profile = text("profile");
  own.input = text("input");
  if (const MetadataEntry* unit = tree->find("input_unit")) {
    const auto* value = std::get_if<Tensor>(&unit->value);
    if (value && value->size() > 0 && value->at(0) > 0) own.input_unit = value->at(0);
  }
  const double steps = number("T");
  if (steps >= 1 && steps <= 1e6) own.steps = static_cast<std::uint32_t>(steps);
  by_node("v_init", own.v_init);
  by_node("theta", own.theta);
  return own;
}

Result<Discretization> apply_reading(Discretization d, const NirReading& reading) {
  const auto placed = [&](Error found) {
    found.at = reading.at;
    return found;
  };
  const auto take = [&](const std::string& word, auto parse, auto& into) -> Result<> {
    if (word.empty()) return {};
    auto value = parse(word);
    if (!value) return placed(std::move(value).error());
    into = *value;
    return {};
  };
  NT_TRY_VOID(take(reading.time_unit, Words::time_unit, d.time_unit));
  NT_TRY_VOID(take(reading.integrator, Words::integrator, d.integrator));
  NT_TRY_VOID(take(reading.compare, Words::compare, d.compare));
  NT_TRY_VOID(take(reading.reset, Words::reset, d.reset));
  NT_TRY_VOID(take(reading.v_init, Words::v_init, d.v_init));
  if (reading.dt_seconds > 0) d.dt = reading.dt_seconds;
  return d;
}

Result<Choice> choose(const Document& document, const std::string& path, const NirReading& reading,
                      Diagnostics& diagnostics) {
  Chooser chooser(document, reading);
  NT_TRY(Choice choice, chooser.choose());
  diagnostics.report(
      note("nir.discretization", FilePosition{.path = path},
           fmt::format("read with {} ({})", describe(choice.discretization), chooser.reasons()),
           "model.nir of a pipeline sets each of them, see docs/pipeline.md"));
  if (const double unit = own_metadata(document.graph).input_unit; unit != 1) {
    diagnostics.report(warning(
        "nir.input-unit", FilePosition{.path = path},
        fmt::format("the network was made for samples divided by {} and rounded, and samples are "
                    "shown as they are",
                    number_text(unit)),
        "choose data.preprocess so that samples are whole numbers of that unit"));
  }
  return choice;
}

}  // namespace neurotool::from_nir
