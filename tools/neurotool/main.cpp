// Parse, dispatch, exit code. Everything that can go wrong below ends as a value; what still
// escapes is a bug and says so.
#include <exception>
#include <string>

#include "cli.hpp"
#include "render.hpp"

int main(int argc, char** argv) {
  using namespace neurotool;
  constexpr int kExitBug = 5;
  cli::Terminal terminal;
  try {
    cli::CommandLine line;
    return line.run(argc, argv, terminal);
  } catch (const std::exception& bug) {
    cli::show(error("internal.exception", {}, std::string("unexpected exception: ") + bug.what(),
                    "this is a bug in neurotool: please send us the command line"),
              terminal);
    return kExitBug;
  }
}
