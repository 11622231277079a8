// Files that nobody should trust: each gives the error that its name says (tests/fuzz/corpus/nir),
// and damaged ones give some error or some graph, never more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.hpp"
#include "io/nir/nir_file.hpp"
#include "ir/nir/lower.hpp"
#include "support/temp_folder.hpp"

namespace neurotool::nir {
namespace {

std::vector<std::filesystem::path> corpus() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(NEUROTOOL_TESTS_DIR "/fuzz/corpus/nir")) {
    if (entry.path().extension() == ".nir") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

TEST(NirHostile, EveryFileGivesTheErrorOfItsName) {
  const auto files = corpus();
  EXPECT_GT(files.size(), 40u);
  for (const auto& file : files) {
    SCOPED_TRACE(file.filename());
    const std::string name = file.filename().string();
    const std::string expected = name.substr(0, name.find("__"));
    Diagnostics diagnostics;
    const auto from_disk = read(file, diagnostics);
    EXPECT_EQ(from_disk ? "ok" : from_disk.error().code, expected)
        << (from_disk ? "" : to_string(from_disk.error()));
    EXPECT_EQ(from_disk.has_value(), !diagnostics.has_errors());
    Diagnostics again;
    const auto from_memory = read(test::slurp(file), "memory", again);
    EXPECT_EQ(from_memory ? "ok" : from_memory.error().code, expected);
    if (from_memory && from_disk) {
      EXPECT_TRUE(from_memory->graph == from_disk->graph);
    }
  }
}

TEST(NirHostile, MessagesNameTheFileAndThePathAndNothingRaw) {
  Diagnostics diagnostics;
  const std::filesystem::path file =
      std::filesystem::path(NEUROTOOL_TESTS_DIR) / "fuzz/corpus/nir/hdf5.link__external.nir";
  const auto document = read(file, diagnostics);
  ASSERT_FALSE(document.has_value());
  EXPECT_THAT(to_string(document.error()),
              ::testing::HasSubstr(
                  "hdf5.link__external.nir: node '/node/nodes/fc/weight': error[hdf5.link]"));
  for (const auto& each : corpus()) {
    Diagnostics all;
    (void)read(each, all);
    for (const Diagnostic& one : all.all()) {
      EXPECT_EQ(to_string(one).find('\x1b'), std::string::npos) << each;
    }
  }
}

TEST(NirHostile, PipesAndFoldersAreRefusedAtOnce) {
  Diagnostics diagnostics;
  const auto folder = read(std::filesystem::path("/"), diagnostics);
  EXPECT_FALSE(folder.has_value());
  const auto device = read(std::filesystem::path("/dev/zero"), diagnostics);
  EXPECT_FALSE(device.has_value());
  const auto missing = read(std::filesystem::path("/nowhere/net.nir"), diagnostics);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, "file.missing");
}

TEST(NirHostile, LimitsOfTheCallerHold) {
  const std::filesystem::path file =
      std::filesystem::path(NEUROTOOL_TESTS_DIR) / "fuzz/corpus/nir/ok__plain.nir";
  Diagnostics diagnostics;
  const auto bytes = read(file, diagnostics,
                          {.strictness = Strictness::kLenient,
                           .limits = {.max_bytes = 100, .max_objects = 200'000, .max_depth = 64}});
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().code, "hdf5.limit");
  const auto objects = read(file, diagnostics,
                            {.strictness = Strictness::kLenient,
                             .limits = {.max_bytes = 0, .max_objects = 10, .max_depth = 64}});
  ASSERT_FALSE(objects.has_value());
  EXPECT_EQ(objects.error().code, "hdf5.limit");
}

/// Everything that the tool does with a file of anybody's.
void use(const std::string& bytes) {
  Diagnostics diagnostics;
  auto document = read(bytes, "damaged", diagnostics);
  if (document.has_value() == diagnostics.has_errors()) std::_Exit(3);
  if (!document) return;
  (void)make_portable(document->graph, diagnostics);
  (void)write(*document, diagnostics);
}

/// Runs in a process of its own, with 512 MiB and ten seconds: a crash is the child's.
int in_child(const std::string& bytes) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit seconds{10, 10};
    ::setrlimit(RLIMIT_CPU, &seconds);
    use(bytes);
    std::_Exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(NirHostile, DamagedBytesNeverCrash) {
  const auto files = corpus();
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    RandomStream random(seed, "damage", "");
    const auto& file = files[random.below(files.size())];
    std::string bytes = test::slurp(file);
    for (std::uint64_t n = 1 + random.below(4); n > 0 && !bytes.empty(); --n) {
      const std::size_t at = random.below(bytes.size());
      bytes[at] = random.below(2) == 0 ? static_cast<char>(random.below(256))
                                       : static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    }
    const int status = in_child(bytes);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "seed " << seed << ", " << file.filename() << ": status " << status;
  }
}

}  // namespace
}  // namespace neurotool::nir
