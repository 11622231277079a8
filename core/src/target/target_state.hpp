// What Target and Program hold; seen by the files of this layer only.
#pragma once

#include <memory>

#include "target/graph_view.hpp"
#include "target/opened.hpp"

namespace neurotool {

struct Target::State {
  std::shared_ptr<OpenedTarget> opened;
};

struct Program::State {
  State(std::shared_ptr<OpenedTarget> target, std::shared_ptr<const SpikeGraph> from)
      : opened(std::move(target)), graph(std::move(from)), view(*graph) {}
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::shared_ptr<OpenedTarget> opened;
  std::shared_ptr<const SpikeGraph> graph;
  GraphView view;
  nt_program* handle = nullptr;
  CompileResult compiled;
};

}  // namespace neurotool
