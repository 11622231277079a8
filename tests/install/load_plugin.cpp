// load_plugin FILE TARGET: opens the target with a core of 256 neurons, compiles a small graph for
// it, and prints its metrics.
#include <iostream>

#include "ir/builder.hpp"
#include "target/target.hpp"

namespace {

using namespace neurotool;

SpikeGraph small_graph() {
  SpikeGraph graph;
  graph.name = "small";
  const PopulationId in = graph.add(build::input_population("in", {128}));
  const PopulationId out = graph.add(build::if_population("out", {46}, 1.0f));
  graph.connect(in, out, build::dense(46, 128, std::vector<float>(46 * 128)));
  return graph;
}

Result<> run(const std::filesystem::path& file, const std::string& name) {
  Diagnostics diagnostics;
  NoProgress progress;
  const PluginCall call{diagnostics, progress, {}};
  TargetRegistry registry({.files = {file}, .folders = {}});
  NT_TRY(const yaml::Node options, yaml::parse("core_size: 256", "options", diagnostics));
  NT_TRY(Target target, registry.open({.name = name, .at = {}, .version = {}, .sha256 = {}},
                                      options, "target.options", call));
  const auto graph = std::make_shared<const SpikeGraph>(small_graph());
  NT_TRY_VOID(target.check(*graph, call));
  NT_TRY(const Program program, target.compile(graph, call));
  for (const Metric& metric : program.compiled().metrics) {
    std::cout << metric.name << " = " << metric.value << " of " << metric.limit << " ("
              << origin_name(metric.origin) << ")\n";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto result = run(argv[1], argv[2]);
  if (!result) std::cerr << to_string(result.error());
  return result ? 0 : 1;
}
