// What a compiled network answers to the host.
#include "program.hpp"

#include "codegen.hpp"
#include "run_batch.hpp"

namespace neurotool::spikecore {

namespace nt = neurotool::sdk;

void SpikecoreProgram::simulate(nt::Call call, const nt::Run& run) const {
  run_batch(call, run, *deployment_, energy_);
}

void SpikecoreProgram::emit(nt::Call call, nt::Graph, std::string_view format) {
  const auto write = [&](std::string_view name, std::string_view type, std::string_view text) {
    nt::Artifact artifact = call.artifact(name, type);
    artifact.write(text);
    artifact.close();
  };
  if (format == "sco") {
    write("program.sco", "application/octet-stream", write_object(deployment_->image().object()));
  } else if (format == "asm") {
    write("program.s", "text/plain", annotated_listing(*deployment_));
  } else {
    write("layers.yaml", "application/yaml", layer_map(*deployment_));
  }
}

}  // namespace neurotool::spikecore
