// Files that are no plugin, or one of another age: each failure says what to do.
#include "target/library.hpp"

#include <gmock/gmock.h>

#include "target/bench.hpp"

namespace neurotool {
namespace {

using test::fixtures;
using ::testing::HasSubstr;

Error load_error(const std::string& name) {
  auto library =
      Library::load(std::filesystem::canonical(fixtures() / ("neurotool_" + name + ".so")));
  if (library) throw std::runtime_error(name + " loads");
  return library.error();
}

TEST(AbiRefusal, WhileTheAbiIsADraftMinorsMustBeEqual) {
  EXPECT_EQ(abi_refusal({0, 1}, {0, 1}).message, "");
  EXPECT_THAT(abi_refusal({0, 2}, {0, 1}).message,
              HasSubstr("was built for plugin ABI 0.2, newer than the 0.1 of this neurotool"));
  EXPECT_THAT(abi_refusal({0, 1}, {0, 2}).message, HasSubstr("older than the 0.2"));
}

TEST(AbiRefusal, FromOneOnOnlyTheMajorCounts) {
  EXPECT_EQ(abi_refusal({1, 4}, {1, 1}).message, "");
  EXPECT_EQ(abi_refusal({1, 0}, {1, 4}).message, "");
  EXPECT_THAT(abi_refusal({2, 0}, {1, 4}).message, HasSubstr("newer than the 1.4"));
  EXPECT_THAT(abi_refusal({0, 9}, {1, 0}).message, HasSubstr("older than the 1.0"));
}

TEST(Library, SaysThatAnAbiIsOlderOrNewerAndWhatToDo) {
  const Error older = load_error("older_abi");
  EXPECT_EQ(older.code, "target.abi");
  EXPECT_THAT(older.message,
              HasSubstr("neurotool_older_abi.so' was built for plugin ABI 0.0, older"));
  EXPECT_THAT(older.help, HasSubstr("newer version of the plugin"));
  const Error newer = load_error("newer_abi");
  EXPECT_EQ(newer.code, "target.abi");
  EXPECT_THAT(newer.message, HasSubstr("plugin ABI 0.2, newer than the 0.1"));
  EXPECT_THAT(newer.help, HasSubstr("update neurotool"));
}

TEST(Library, NamesTheMajorOfAPluginFromTheFuture) {
  EXPECT_THAT(load_error("newer_major").message, HasSubstr("plugin ABI 1.4, newer"));
}

TEST(Library, SaysThatTheEntryAnswersNull) {
  const Error refusal = load_error("null_entry");
  EXPECT_EQ(refusal.code, "target.abi");
  EXPECT_THAT(refusal.message, HasSubstr("answers NULL when asked for plugin ABI 0"));
}

TEST(Library, SaysThatThereIsNoEntry) {
  const Error refusal = load_error("no_entry");
  EXPECT_EQ(refusal.code, "target.load");
  EXPECT_THAT(refusal.message, HasSubstr("does not export 'neurotool_plugin_entry'"));
}

TEST(Library, FailsAtOnceWhereAFunctionIsMissing) {
  const Error refusal = load_error("unresolved");
  EXPECT_EQ(refusal.code, "target.load");
  EXPECT_THAT(refusal.message, HasSubstr("function_that_nobody_has"));
}

TEST(Library, SaysThatAFileIsNoLibrary) {
  const test::TempFolder folder;
  const auto library = Library::load(folder.write("neurotool_x.so", "not a library"));
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, "target.load");
  EXPECT_THAT(library.error().message, HasSubstr("neurotool_x.so"));
}

TEST(Library, TellsAPluginsAuthorWhatIsWrongWithTheTables) {
  const Error name = load_error("other_name");
  EXPECT_EQ(name.code, "target.describe");
  EXPECT_THAT(name.message, HasSubstr("offers target 'elsewhere'"));
  const Error option = load_error("bad_option");
  EXPECT_THAT(option.message,
              HasSubstr("target 'bad_option': the default of option 'level' is '12'"));
}

TEST(Library, ReadsTablesLongerThanItKnows) {
  const auto library =
      Library::load(std::filesystem::canonical(fixtures() / "neurotool_longer.so"));
  ASSERT_TRUE(library) << library.error().message;
  EXPECT_NE((*library)->find("longer"), nullptr);
}

TEST(Library, IsLoadedOnce) {
  const auto file = std::filesystem::canonical(fixtures() / "neurotool_demo.so");
  EXPECT_EQ(*Library::load(file), *Library::load(file));
}

TEST(Library, PassesOnThatInitRefuses) {
  const auto library =
      Library::load(std::filesystem::canonical(fixtures() / "neurotool_refuses_init.so"));
  ASSERT_TRUE(library);
  const auto running = Library::start(*library);
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().code, "target.load");
  EXPECT_THAT(running.error().message, HasSubstr("init() answers 'unsupported'"));
}

}  // namespace
}  // namespace neurotool
