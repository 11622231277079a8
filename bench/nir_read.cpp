// How fast a large NIR file reads, and with how much memory: bench/nir_read [MB]
//
// Writes a file of dense layers of 64 MB each, then, in processes of their own, reads it as a NIR
// graph and copies its bytes with read(2) into memory that is used again, which is less than
// `h5dump -o` does. Prints both times, and the memory as a share of the file. h5dump is timed as
// well where it is installed.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <vector>

#include "io/nir/nir_file.hpp"

namespace {

using namespace neurotool;

nir::Document large(std::int64_t megabytes) {
  constexpr std::int64_t kSide = 4096, kLayerMegabytes = 64;
  nir::Document document{std::string(nir::kNewestVersion), {}};
  add(document.graph, "input", nir::Input{nir::shape_tensor({kSide})});
  std::string last = "input";
  for (std::int64_t i = 0; i < std::max<std::int64_t>(1, megabytes / kLayerMegabytes); ++i) {
    const std::string name = fmt::format("fc_{}", i);
    add(document.graph, name,
        nir::Affine{nir::filled({kSide, kSide}, static_cast<float>(i + 1)),
                    nir::filled({kSide}, 0)});
    connect(document.graph, last, name);
    last = name;
  }
  add(document.graph, "output", nir::Output{nir::shape_tensor({kSide})});
  connect(document.graph, last, "output");
  return document;
}

struct Cost {
  double seconds = 0, megabytes = 0;
  bool done = false;
};

/// Runs `work` in a process of its own; what the process takes for nothing is not counted.
Cost measured(const std::function<bool()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    const auto start = std::chrono::steady_clock::now();
    Cost cost;
    cost.done = work();
    cost.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ::getrusage(RUSAGE_SELF, &after);
    cost.megabytes = static_cast<double>(after.ru_maxrss - before.ru_maxrss) / 1024;
    const bool told = ::write(ends[1], &cost, sizeof(cost)) == sizeof(cost);
    std::_Exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  Cost cost;
  if (::read(ends[0], &cost, sizeof(cost)) != sizeof(cost)) cost = {};
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return cost;
}

bool copy_bytes(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<char> buffer(std::size_t{1} << 20);
  ssize_t count = 0;
  while ((count = ::read(file, buffer.data(), buffer.size())) > 0) {
  }
  ::close(file);
  return count == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t megabytes = argc > 1 ? std::atoll(argv[1]) : 256;
  std::string folder = (std::filesystem::temp_directory_path() / "nir_read-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const std::string path = folder + "/large.nir";
  // Written in a process of its own too, so that its memory is not inherited.
  const Cost wrote = measured([&] {
    Diagnostics diagnostics;
    return nir::write(path, large(megabytes), diagnostics,
                      {.max_nir_version = "1.0.8", .compress = false})
        .has_value();
  });
  int code = wrote.done ? 0 : 1;
  if (wrote.done) {
    const double size = static_cast<double>(std::filesystem::file_size(path)) / (1 << 20);
    const Cost copied = measured([&] { return copy_bytes(path); });
    const Cost read = measured([&] {
      Diagnostics diagnostics;
      return nir::read(path, diagnostics).has_value();
    });
    fmt::print("file            {:8.1f} MB\n", size);
    fmt::print("read(2), reused {:8.3f} s  {:8.0f} MB/s\n", copied.seconds, size / copied.seconds);
    fmt::print("nir::read       {:8.3f} s  {:8.0f} MB/s  memory {:.2f} of the file\n", read.seconds,
               size / read.seconds, read.megabytes / size);
    const Cost dumped = measured([&] {
      const std::string call = "h5dump -d /node/nodes/fc_0/weight -b LE -o " + folder + "/dump " +
                               path + " > /dev/null 2>&1";
      return std::system(call.c_str()) == 0;
    });
    if (dumped.done) {
      const double part = std::min(size, 64.0);
      fmt::print("h5dump -o       {:8.3f} s  {:8.0f} MB/s  (one layer)\n", dumped.seconds,
                 part / dumped.seconds);
    } else {
      fmt::print("h5dump          not installed\n");
    }
    if (!read.done || read.megabytes > 1.3 * size) code = 1;
  }
  std::filesystem::remove_all(folder);
  return code;
}
