#include "target/trust.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

TEST(Trust, AcceptsAFileThatOnlyTheUserCanChange) {
  const TempFolder folder;
  EXPECT_TRUE(check_trust(folder.write("neurotool_x.so", "")));
}

TEST(Trust, RefusesAFileThatOthersCanWrite) {
  const TempFolder folder;
  const fs::path file = folder.write("neurotool_x.so", "");
  ASSERT_EQ(chmod(file.c_str(), 0646), 0);
  const auto result = check_trust(file);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "target.untrusted");
  EXPECT_EQ(result.error().message, "'" + file.string() +
                                        "' is writable by everybody (mode 646), who could put any "
                                        "code there");
  EXPECT_EQ(result.error().help, "chmod go-w '" + file.string() + "'");
}

TEST(Trust, RefusesAFolderThatOthersCanWrite) {
  const TempFolder folder;
  const fs::path file = folder.write("neurotool_x.so", "");
  ASSERT_EQ(chmod(folder.path().c_str(), 0777), 0);
  const auto result = check_trust(file);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("'" + folder.path().string() + "' is writable"),
            std::string::npos);
}

TEST(Trust, RefusesAFileThatAGroupOfSeveralCanWrite) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a file to another group";
  const TempFolder folder;
  const fs::path file = folder.write("neurotool_x.so", "");
  ASSERT_EQ(chown(file.c_str(), 0, 12345), 0);
  ASSERT_EQ(chmod(file.c_str(), 0664), 0);
  const auto result = check_trust(file);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("writable by its group"), std::string::npos);
}

TEST(Trust, RefusesAFileOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  const TempFolder folder;
  const fs::path file = folder.write("neurotool_x.so", "");
  ASSERT_EQ(chown(file.c_str(), 12345, 0), 0);
  const auto result = check_trust(file);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("belongs to user 12345"), std::string::npos);
}

TEST(Trust, RefusesWhatIsNoFile) {
  const TempFolder folder;
  fs::create_directory(folder / "neurotool_x.so");
  EXPECT_NE(check_trust(folder / "neurotool_x.so").error().message.find("not a regular file"),
            std::string::npos);
  EXPECT_EQ(check_trust(folder / "none.so").error().code, "target.untrusted");
}

}  // namespace
}  // namespace neurotool
