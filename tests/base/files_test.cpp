#include "base/files.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using test::slurp;
using test::TempFolder;
using testing::HasSubstr;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(ReadFile, ReturnsEveryByte) {
  const TempFolder folder;
  const std::string content("a\0b\r\n\xff", 6);
  EXPECT_EQ(read_file(folder.write("a.bin", content)).value(), content);
  EXPECT_EQ(read_file(folder.write("empty", "")).value(), "");
}

TEST(ReadFile, ReadsFilesThatDoNotKnowTheirSize) {
  EXPECT_THAT(read_file("/proc/self/status").value(), HasSubstr("Name:"));
}

TEST(ReadFile, NamesWhatIsMissing) {
  const TempFolder folder;
  const auto result = read_file(folder / "none.onnx");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "file.missing");
  EXPECT_THAT(result.error().message, HasSubstr("none.onnx' does not exist"));
  EXPECT_EQ(result.error().at, Location(FilePosition{(folder / "none.onnx").string()}));
}

TEST(ReadFile, RefusesWhatIsNotAFile) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(folder.path()).error().code, "file.not-regular");
  EXPECT_EQ(read_file(folder / "pipe").error().code, "file.not-regular");
  EXPECT_EQ(read_file("/dev/null").error().code, "file.not-regular");
}

TEST(ReadFile, HoldsToTheLimit) {
  const TempFolder folder;
  const fs::path file = folder.write("ten", "0123456789");
  EXPECT_EQ(read_file(file, 10).value().size(), 10u);
  const auto result = read_file(file, 9);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "file.too-large");
  EXPECT_THAT(result.error().message, HasSubstr("holds more than the 9 bytes allowed"));
  EXPECT_EQ(read_file("/proc/self/status", 5).error().code, "file.too-large");
}

TEST(WriteFileAtomic, MakesAndReplaces) {
  const TempFolder folder;
  const fs::path file = folder / "report.json";
  EXPECT_TRUE(write_file_atomic(file, "one"));
  EXPECT_TRUE(write_file_atomic(file, "two"));
  EXPECT_EQ(slurp(file), "two");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(WriteFileAtomic, WritesIntoTheCurrentFolder) {
  const TempFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  EXPECT_TRUE(write_file_atomic("plain.txt", "x"));
  fs::current_path(before);
  EXPECT_EQ(slurp(folder / "plain.txt"), "x");
}

TEST(WriteFileAtomic, LeavesNothingBehindWhenItCannotWrite) {
  const TempFolder folder;
  fs::create_directory(folder / "taken");
  const auto taken = write_file_atomic(folder / "taken", "x");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, "file.not-regular");
  EXPECT_EQ(entries(folder.path()), 1u);

  const auto nowhere = write_file_atomic(folder / "none" / "a.txt", "x");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, "file.unwritable");
  EXPECT_THAT(nowhere.error().message, HasSubstr("no such file or directory"));
}

TEST(WriteFileAtomic, NeverReplacesADevice) {
  EXPECT_EQ(write_file_atomic("/dev/null", "x").error().code, "file.not-regular");
}

TEST(WriteFileAtomic, KeepsPermissionsAndLinks) {
  const TempFolder folder;
  const fs::path file = folder.write("real", "old");
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("real", folder / "link");
  ASSERT_TRUE(write_file_atomic(folder / "link", "new"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(slurp(file), "new");
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace
}  // namespace neurotool
