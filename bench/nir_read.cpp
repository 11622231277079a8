// How fast a large NIR file reads, and with how much memory: bench/nir_read [MB [ROUNDS]]
//
// Writes a file with one dense layer of that size (1024 MB). Then, in rounds of processes of their
// own, one after the other: reads it as a NIR graph; lets `h5dump -b LE -o` copy the layer to a
// file, and to /dev/null, which is only reading; and copies the bytes with read(2) into memory that
// is used again. Prints medians, the ratios of speeds within a round, and the memory as a share of
// the file. Ends with 1 where that is more than 1.3, or where the median ratio to h5dump is below
// 0.8.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/nir/nir_file.hpp"

namespace {

using namespace neurotool;

constexpr std::int64_t kColumns = 4096;

nir::Document large(std::int64_t megabytes) {
  const auto rows = std::max<std::int64_t>(1, megabytes * (1 << 20) / 4 / kColumns);
  std::vector<float> weights(static_cast<std::size_t>(rows * kColumns));
  std::uint32_t state = 1;
  for (float& weight : weights) {  // numbers as in trained layers: nothing repeats
    state = state * 1664525U + 1013904223U;
    weight = static_cast<float>(state >> 8) * 0x1p-25F - 0.25F;
  }
  nir::Document document{std::string(nir::kNewestVersion), {}};
  add(document.graph, "input", nir::Input{nir::shape_tensor({kColumns})});
  add(document.graph, "fc",
      nir::Affine{Tensor::from<float>({rows, kColumns}, std::move(weights)),
                  nir::filled({rows}, 0)});
  add(document.graph, "output", nir::Output{nir::shape_tensor({rows})});
  connect(document.graph, std::vector<std::string>{"input", "fc", "output"});
  return document;
}

struct Cost {
  double seconds = 0, megabytes = 0;
  bool done = false;
};

/// Runs `work` in a process of its own; what the process takes for nothing is not counted. The
/// memory is that of the process and of the largest of its children.
Cost measured(const std::function<bool()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    rusage before{}, after{}, children{};
    ::getrusage(RUSAGE_SELF, &before);
    const auto start = std::chrono::steady_clock::now();
    Cost cost;
    cost.done = work();
    cost.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ::getrusage(RUSAGE_SELF, &after);
    ::getrusage(RUSAGE_CHILDREN, &children);
    // At most: pages that it shares with a child count in each of them that touched them.
    cost.megabytes = static_cast<double>(after.ru_maxrss - before.ru_maxrss +
                                         std::max(0L, children.ru_maxrss - before.ru_maxrss)) /
                     1024;
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

/// Copies the layer; false where h5dump is not installed or does not work.
bool dump_layer(const std::string& path, const std::string& to) {
  const std::string call =
      "h5dump -d /node/nodes/fc/weight -b LE -o " + to + " " + path + " > /dev/null 2>&1";
  return std::system(call.c_str()) == 0;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

struct Row {
  std::string_view name;
  std::function<bool()> work;
  std::vector<double> seconds = {}, ratios = {};  ///< speed of nir::read as a share of this one
  double megabytes = 0;
  bool done = true;
};

void print(const Row& row, double size) {
  if (!row.done) {
    fmt::print("{:<16} not here\n", row.name);
    return;
  }
  const double seconds = median(row.seconds);
  fmt::print("{:<16} {:7.3f} s {:6.0f} MB/s", row.name, seconds, size / seconds);
  if (!row.ratios.empty()) {
    fmt::print("   nir::read has {:.2f} of its speed ({:.2f} to {:.2f})", median(row.ratios),
               std::ranges::min(row.ratios), std::ranges::max(row.ratios));
  }
  fmt::print("\n");
}

/// All rows once, several times over; the first row is the one that the others are compared with.
void run_rounds(std::vector<Row>& rows, std::int64_t rounds) {
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (Row& row : rows) {
      if (!row.done) continue;
      const Cost cost = measured(row.work);
      row.done = cost.done;
      row.megabytes = std::max(row.megabytes, cost.megabytes);
      row.seconds.push_back(cost.seconds);
      if (&row != &rows.front()) row.ratios.push_back(cost.seconds / rows.front().seconds.back());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t megabytes = argc > 1 ? std::atoll(argv[1]) : 1024;
  const std::int64_t rounds = argc > 2 ? std::max(1LL, std::atoll(argv[2])) : 5;
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
  bool good = wrote.done;
  if (good) {
    const double size = static_cast<double>(std::filesystem::file_size(path)) / (1 << 20);
    std::vector<Row> rows;
    rows.push_back({"nir::read", [&] {
                      Diagnostics diagnostics;
                      return nir::read(path, diagnostics).has_value();
                    }});
    rows.push_back({"h5dump -o FILE", [&] { return dump_layer(path, folder + "/dump"); }});
    rows.push_back({"h5dump -o null", [&] { return dump_layer(path, "/dev/null"); }});
    rows.push_back({"read(2), reused", [&] { return copy_bytes(path); }});
    run_rounds(rows, rounds);
    fmt::print("file of {:.1f} MB, medians of {} rounds\n", size, rounds);
    for (const Row& row : rows) print(row, size);
    const double memory = rows.front().megabytes / size;
    fmt::print("memory {:.2f} of the file\n", memory);
    good = rows.front().done && memory <= 1.3 && (!rows[1].done || median(rows[1].ratios) >= 0.8);
  }
  std::filesystem::remove_all(folder);
  return good ? 0 : 1;
}
