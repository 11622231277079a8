// `neurotool version`: the five versions that can change apart from each other.
#include <fmt/format.h>

#include <memory>

#include "cli.hpp"
#include "config/pipeline.hpp"
#include "io/snapshot.hpp"
#include "session/report.hpp"
#include "target/target.hpp"
#include "train/engine.hpp"

namespace neurotool::cli {

void add_version(CommandLine& line) {
  auto json = std::make_shared<bool>(false);
  Command& command = line.add(line.root(), "version", "Print the five versions.");
  command.details =
      "The tool follows semantic versioning; plugins must match the plugin ABI; 'pipeline', "
      "'report' "
      "and 'snapshot' are the versions of the file formats; 'trainer' says whether passes that "
      "train can "
      "run.";
  command.examples = {{"neurotool version --json", "For scripts."}};
  command.app->add_flag("--json", *json, "Print a JSON object.");
  command.action = [json](Terminal& terminal) {
    const std::string abi = fmt::format("{}.{}", abi_version().major, abi_version().minor);
    const Json versions =
        Json::Object{{"neurotool", NEUROTOOL_VERSION}, {"plugin_abi", abi},
                     {"pipeline", kPipelineVersion},   {"report", kReportSchema},
                     {"snapshot", kSnapshotVersion},   {"trainer", train::has_trainer()}};
    terminal.out().write(*json
                             ? versions.dump() + "\n"
                             : fmt::format("neurotool {}\nplugin abi {}\npipeline {}\nreport {}\n"
                                           "snapshot {}\ntrainer {}\n",
                                           NEUROTOOL_VERSION, abi, kPipelineVersion, kReportSchema,
                                           kSnapshotVersion, train::has_trainer() ? "yes" : "no"));
    return kExitDone;
  };
}

}  // namespace neurotool::cli
