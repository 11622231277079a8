// What the HDF5 library does over a damaged file is an error of that file, with its place; what the
// child that reads hands back is the tree, bit for bit, or nothing.
#include "io/hdf5_guard.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/random.hpp"
#include "io/hdf5_tree_bytes.hpp"
#include "io/nir/nir_file.hpp"
#include "support/temp_folder.hpp"

namespace neurotool::hdf5 {
namespace {

using ::testing::HasSubstr;

const GuardedFile kFile{.where = "net.nir", .bytes = 1000};

Item with_value(Value value) { return {.name = "x", .value = std::move(value), .attributes = {}}; }

Tensor large() {
  std::vector<float> values(100'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25F;
  return Tensor::from<float>({1000, 100}, std::move(values));
}

/// Every kind of value, nested.
Item everything() {
  Group inner;
  inner.members = {with_value(Texts{{2}, {"a", std::string("b\0c", 3)}}),
                   with_value(Unreadable{"a compound"}), with_value(large())};
  Group top;
  top.members = {with_value(Tensor::scalar(2.5)), with_value(inner),
                 with_value(Tensor::from<std::int8_t>({0, 3}, {}))};
  Item item = with_value(top);
  item.big_endian = true;
  item.attributes = {{"version", text("1.0")}, {"n", Tensor::scalar(std::int64_t{7})}};
  return item;
}

TEST(Hdf5Guard, CrashIsAnErrorOfTheObjectThatWasRead) {
  const auto found = guarded(kFile, {}, [](SharedValues* shared) -> Result<Item> {
    shared->note("/node/nodes/fc");
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
    return Item{};
  });
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(to_string(found.error()),
            "net.nir: node '/node/nodes/fc': error[hdf5.crash]: the HDF5 library crashed on the "
            "object (SIGSEGV)\n  help: the file is damaged, or made to do so; copy or export it "
            "again\n");
}

TEST(Hdf5Guard, LibraryThatEndsTheProcessIsAnError) {
  const auto found = guarded(kFile, {}, [](SharedValues*) -> Result<Item> { ::_exit(0); });
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, "hdf5.crash");
}

TEST(Hdf5Guard, FilesThatTheLibraryNeverEndsOverAreRefusedInTime) {
  for (const char* name : {"endless_heap", "endless_heap_of_a_virtual_set"}) {
    SCOPED_TRACE(name);
    const auto path = std::filesystem::path(NEUROTOOL_TESTS_DIR) / "io/nir/library" /
                      (std::string(name) + ".nir");
    Diagnostics diagnostics;
    const auto from_disk = nir::read(path, diagnostics, {.limits = {.processor_seconds = 1}});
    ASSERT_FALSE(from_disk.has_value());
    EXPECT_EQ(from_disk.error().code, "hdf5.limit");
    EXPECT_THAT(to_string(from_disk.error()), HasSubstr("took more than 1 s of processor time"));
    const auto from_memory =
        read_tree(test::slurp(path), "memory", {.limits = {.processor_seconds = 1}});
    ASSERT_FALSE(from_memory.has_value());
    EXPECT_EQ(from_memory.error().code, "hdf5.limit");
  }
}

TEST(Hdf5Guard, FileThatCrashesTheLibraryIsRefused) {
  // libhdf5 1.10.8 reads a null pointer there; one that is mended may refuse the file itself.
  const auto path =
      std::filesystem::path(NEUROTOOL_TESTS_DIR) / "io/nir/library/texts_without_bytes.nir";
  Diagnostics diagnostics;
  const auto found = nir::read(path, diagnostics);
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error().code, ::testing::AnyOf("hdf5.crash", "hdf5.format"));
  EXPECT_EQ(found.error().at, Location(ModelNode{path.string(), "/node/edges"}));
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(Hdf5Guard, MemoryOfTheLibraryIsLimited) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer's address space is beyond any limit";
#endif
  const auto found = guarded(kFile, {}, [](SharedValues*) -> Result<Item> {
    const std::string much(std::size_t{2} << 30, 'x');
    return with_value(text(much));
  });
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, "hdf5.limit");
  EXPECT_THAT(found.error().message, HasSubstr("more memory than there is"));
}

TEST(Hdf5Guard, TreeComesBackAsItWas) {
  const auto found = guarded(kFile, {}, [](SharedValues* shared) -> Result<Item> {
    Item item = everything();
    // As the reader does it: large numbers lie in the shared memory.
    auto& inner = std::get<Group>(std::get<Group>(item.value).members[1].value);
    const Tensor values = large();
    std::byte* const place = shared->take(values.bytes());
    std::memcpy(place, values.data(), values.bytes());
    inner.members[2].value = Tensor(values.dtype(), values.shape(),
                                    std::make_shared<const Buffer>(place, values.bytes(), nullptr));
    return item;
  });
  ASSERT_TRUE(found.has_value()) << to_string(found.error());
  EXPECT_TRUE(*found == everything());
  EXPECT_TRUE(found->big_endian);
}

TEST(Hdf5Guard, ALaterChildCannotWriteToValuesThatWereRead) {
  auto found = guarded(kFile, {}, [](SharedValues* shared) -> Result<Item> {
    const Tensor values = large();
    std::byte* const place = shared->take(values.bytes());
    std::memcpy(place, values.data(), values.bytes());
    return with_value(Tensor(values.dtype(), values.shape(),
                             std::make_shared<const Buffer>(place, values.bytes(), nullptr)));
  });
  ASSERT_TRUE(found.has_value());
  const auto* values = std::get_if<Tensor>(&found->value);
  ASSERT_NE(values, nullptr);
  const auto later = guarded(kFile, {}, [&](SharedValues*) -> Result<Item> {
    ::signal(SIGSEGV, SIG_DFL);
    *const_cast<volatile char*>(reinterpret_cast<const char*>(values->data())) = 'x';
    return Item{};
  });
  ASSERT_FALSE(later.has_value());
  EXPECT_EQ(later.error().code, "hdf5.crash");
  EXPECT_TRUE(*values == large());
}

TEST(Hdf5Guard, ErrorsComeBackWithTheirPlace) {
  for (const Location& at : {Location(FilePosition{.path = "net.nir"}),
                             Location(ModelNode{"net.nir", "/node"}), Location()}) {
    const auto found = guarded(kFile, {}, [&](SharedValues*) -> Result<Item> {
      return error("hdf5.format", at, "the object does not open", "copy it again");
    });
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(to_string(found.error()),
              to_string(error("hdf5.format", at, "the object does not open", "copy it again")));
  }
}

TEST(Hdf5Guard, BytesOfADamagedChildGiveATreeOrNothing) {
  const auto shared = SharedValues::reserve(1 << 20);
  ASSERT_NE(shared, nullptr);
  Item item = everything();
  std::get<Group>(std::get<Group>(item.value).members[1].value).members[2].value =
      Tensor(DType::kFloat32, {100, 200},
             std::make_shared<const Buffer>(shared->take(80'000), 80'000, nullptr));
  const std::string whole = to_bytes(item, *shared);
  ASSERT_TRUE(from_bytes(whole, shared));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(from_bytes(std::string_view(whole).substr(0, size), shared));
  }
  EXPECT_FALSE(from_bytes(whole + "x", shared));
  RandomStream random(5, "damage", "");
  std::size_t refused = 0;
  constexpr std::size_t kRounds = 20'000;
  for (std::size_t round = 0; round < kRounds; ++round) {
    std::string damaged = whole;
    damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    refused += from_bytes(damaged, shared) ? 0 : 1;
  }
  EXPECT_GT(refused, kRounds / 10);
  EXPECT_LT(refused, kRounds);
}

TEST(Hdf5Guard, SharedMemoryIsGivenWithinItsBounds) {
  const auto shared = SharedValues::reserve(1 << 20);
  ASSERT_NE(shared, nullptr);
  EXPECT_EQ(shared->take(2 << 20), nullptr);
  std::byte* const first = shared->take(5000);
  std::byte* const second = shared->take(5000);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(second - first, 8192);
  const auto offset = shared->offset_of(second);
  ASSERT_TRUE(offset.has_value());
  EXPECT_EQ(shared->view(*offset, 5000)->data(), second);
  EXPECT_EQ(shared->view(0, 100), nullptr) << "the note's page";
  EXPECT_EQ(shared->view(*offset + 1, 100), nullptr);
  EXPECT_EQ(shared->view(*offset, 2 << 20), nullptr);
  EXPECT_EQ(shared->view(~std::uint64_t{0} << 12, 8192), nullptr);
  const int elsewhere = 0;
  EXPECT_FALSE(shared->offset_of(reinterpret_cast<const std::byte*>(&elsewhere)));
}

TEST(Hdf5Guard, NoProcessToReadInIsSaid) {
  // In a child, whose limit on processes is lowered for good. Some systems do not keep to it.
  constexpr int kUnlimited = 77;
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NPROC, &none);
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(kUnlimited);
    const pid_t another = ::fork();
    if (another >= 0) ::_exit(kUnlimited);
    const auto found = guarded(kFile, {}, [](SharedValues*) -> Result<Item> { return Item{}; });
    ::_exit(!found && found.error().code == "hdf5.process" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kUnlimited) GTEST_SKIP() << "processes cannot be limited here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace neurotool::hdf5
