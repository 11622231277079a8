// NIR between simulators, as a table: what our presets make of the files and inputs that other
// simulators ran, and files of ours for them to run.
//
//   nir_interop           networks of ours in each profile, under the rules of their readers
//   nir_interop FOLDER    the runs of FOLDER/golden/manifest.json (nir-examples), and those
//   nir_interop --runs FILE       a run per line: network simulator dt file input output
//   nir_interop --write FOLDER    networks of ours, with inputs and expected outputs
//
// Ends with 1 where a single spike differs.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "eval/spike_eval.hpp"
#include "frontend/nir/export.hpp"
#include "ir/nir/walk.hpp"
#include "nir_ours.hpp"
#include "support/nir_golden.hpp"
#include "support/nir_networks.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

struct Cell {
  std::string text;
  bool bad = false;
};
using Table = std::map<std::string, std::map<std::string, Cell>>;  ///< network, simulator

Cell judged(const test::GoldenRun& run) {
  const auto found = test::replay(run);
  if (test::is_outdated(run)) return found ? Cell{"read since"} : Cell{"refused", true};
  if (run.output.empty()) return found ? Cell{"not refused", true} : Cell{"refused too"};
  if (!found) return {"refused", true};
  const auto wanted = read_npy(run.output);
  if (!wanted) return {"unreadable", true};
  const std::int64_t wrong = test::mismatches(*found, *wanted);
  return {fmt::format("{}/{}", wrong, wanted->size()), wrong > 0};
}

int print(const std::vector<test::GoldenRun>& runs) {
  Table table;
  std::set<std::string> simulators;
  bool bad = false;
  for (const test::GoldenRun& run : runs) {
    Cell cell = judged(run);
    bad = bad || cell.bad;
    simulators.insert(run.simulator);
    table[run.network][run.simulator] = std::move(cell);
  }
  fmt::print("mismatches of our presets with what the simulators sent\n\n{:<32}", "network");
  for (const std::string& name : simulators) fmt::print("{:>16}", name);
  fmt::print("\n");
  for (const auto& [network, row] : table) {
    fmt::print("{:<32}", network);
    for (const std::string& name : simulators) {
      const auto cell = row.find(name);
      fmt::print("{:>16}", cell == row.end() ? "-" : cell->second.text);
    }
    fmt::print("\n");
  }
  fmt::print("\n{} runs\n", runs.size());
  return bad || runs.empty() ? 1 : 0;
}

std::vector<test::GoldenRun> listed_runs(const fs::path& file) {
  std::vector<test::GoldenRun> runs;
  std::ifstream stream(file);
  std::string network, simulator, model, input, output;
  for (double dt = 0; stream >> network >> simulator >> dt >> model >> input >> output;) {
    test::GoldenRun run{.network = network,
                        .simulator = simulator,
                        .file = file.parent_path() / model,
                        .input = file.parent_path() / input,
                        .output = file.parent_path() / output,
                        .refusal = {},
                        .discretization = test::golden_preset(simulator, network)};
    if (dt > 0) run.discretization.dt = dt;
    runs.push_back(std::move(run));
  }
  return runs;
}

/// The spikes of the output population, [steps, neurons].
Tensor expected_spikes(const SpikeGraph& graph, const Tensor& sample) {
  std::vector<float> row;
  const SpikeEvaluator oracle(graph);
  SpikeState state = oracle.initial_state();
  const Stimulus stimulus{graph.find("image"), sample};
  const auto done =
      oracle.run(state, std::span(&stimulus, 1), graph.steps, [&](const auto& record) {
        if (!graph[record.population].output) return;
        row.insert(row.end(), record.payload_f.begin(), record.payload_f.end());
      });
  const auto steps = static_cast<std::int64_t>(done ? graph.steps : 0);
  const std::int64_t size = steps > 0 ? static_cast<std::int64_t>(row.size()) / steps : 0;
  return Tensor::from<float>({steps, size}, std::move(row));
}

/// One threshold that is a power of two for each layer: what divides by it changes no weight.
SpikeGraph with_powers_of_two(SpikeGraph graph) {
  for (Population& population : graph.populations) {
    Firing* firing = firing_of(population.neuron);
    if (firing == nullptr) continue;
    firing->threshold = Tensor::scalar(1.0F);
    firing->initial_membrane = Tensor::scalar(0.5F);
  }
  for (Projection& projection : graph.projections) {
    auto* one = std::get_if<OneToOne>(&projection.connectivity);
    if (one != nullptr) one->weight = Tensor::scalar(1.0F);
  }
  return graph;
}

/// One network in one profile, with an input and what has to come out; its line for files.txt.
/// Nothing where the readers of the profile are known to run it wrongly.
Result<std::string> write_one(const fs::path& folder, const std::string& network, SpikeGraph graph,
                              to_nir::Profile profile, std::uint32_t seed) {
  if (profile == to_nir::Profile::kPlain) graph = with_powers_of_two(std::move(graph));
  Diagnostics diagnostics;
  NT_TRY(const to_nir::Exported made,
         to_nir::export_graph(graph, {.profile = profile}, diagnostics));
  if (!nir::runs_rightly(made.graph)) return std::string();
  const std::string name = fmt::format("{}{}_{}", network, seed, to_nir::profile_name(profile));
  const Shape& shape = graph[graph.find("image")].shape;
  const Tensor sample =
      test::Numbers(seed + 500).tensor({*element_count(shape)}, 0, 1, test::kGrid);
  const nir::Document document{std::string(nir::kNewestVersion), made.graph};
  NT_TRY_VOID(nir::write(folder / (name + ".nir"), document, diagnostics));
  NT_TRY_VOID(write_file_atomic(folder / (name + ".in.npy"), format_npy(sample.reshaped(shape))));
  NT_TRY_VOID(
      write_file_atomic(folder / (name + ".out.npy"), format_npy(expected_spikes(graph, sample))));
  return fmt::format("{} {} {}\n", name, to_nir::profile_name(profile), graph.steps);
}

int write(const fs::path& folder) {
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  std::string list;
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    for (const auto profile : {to_nir::Profile::kNorse, to_nir::Profile::kPlain}) {
      for (const bool residual : {false, true}) {
        if (!residual && seed >= 4) continue;
        auto line = write_one(folder, residual ? "residual" : "converted",
                              residual ? test::residual(seed, true) : test::converted(seed, true),
                              profile, seed);
        if (!line) return fmt::print(stderr, "{}\n", to_string(line.error())), 1;
        list += *line;
      }
    }
  }
  std::ofstream(folder / "files.txt") << list;
  fmt::print("{}", list);
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return print_ours() ? 0 : 1;
  if (arguments.size() == 1 && !arguments[0].starts_with("--")) {
    const int others = print(test::golden_runs(arguments[0]));
    return print_ours() ? others : 1;
  }
  if (arguments.size() == 2 && arguments[0] == "--runs") return print(listed_runs(arguments[1]));
  if (arguments.size() == 2 && arguments[0] == "--write") return write(arguments[1]);
  fmt::print(stderr, "nir_interop [FOLDER] | --runs FILE | --write FOLDER\n");
  return 2;
}

}  // namespace
}  // namespace neurotool

int main(int count, char** values) {
  return neurotool::run(std::vector<std::string>(values + 1, values + count));
}
