// Which file is loaded, and why not.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/hash.hpp"
#include "target/bench.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using test::Bench;
using test::fixtures;
using test::TempFolder;
using ::testing::HasSubstr;

const Location kPlace = FilePosition{"p.yaml", 12, 9};

TargetRequest request(std::string name) {
  return {.name = std::move(name), .at = kPlace, .version = {}, .sha256 = {}};
}

TEST(Registry, DescribesATargetWithoutOpeningIt) {
  Bench bench;
  const auto target = bench.registry.describe(request("demo"));
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->name, "demo");
  EXPECT_EQ(target->plugin_version, "1.2.3-beta");
  EXPECT_EQ(target->vendor, "Example");
  EXPECT_EQ(target->license, "Apache-2.0");
  EXPECT_EQ(target->tolerance, 0.25);
  EXPECT_THAT(target->models, ::testing::ElementsAre("input", "if", "li"));
  EXPECT_THAT(target->extensions,
              ::testing::ElementsAre("nt.simulate/1", "nt.codegen/1", "nt.resources/1"));
  EXPECT_THAT(target->codegen_formats, ::testing::ElementsAre("asm", "bin"));
  EXPECT_EQ(target->file, fs::canonical(fixtures() / "neurotool_demo.so"));
  EXPECT_EQ(target->file_sha256, test::must(sha256_file(target->file)));
}

TEST(Registry, OptionsComeFromTheMembersOfAStruct) {
  Bench bench;
  const TargetDescription target = test::must(bench.registry.describe(request("demo")));
  std::string text;
  for (const OptionInfo& row : target.options) {
    text += row.key + " " + std::string(type_name(row.type)) + " " + value_text(row.fallback);
    if (row.key != "act") text += " [" + describe_range(row) + "]";
    text += row.unit + "\n";
  }
  EXPECT_EQ(text,
            "act choice plain\n"
            "core.size int 128 [1 to 4096]\n"
            "gain real 0.5 [0 to 1]V\n"
            "strict bool true []\n"
            "label text none []\n"
            "grid int list [2, 3] [1 to 16]\n"
            "bits int 8 [0 to 255]\n");
}

TEST(Registry, SuggestsTheNearestNameAndSaysWhereItLooked) {
  Bench bench;
  const auto target = bench.registry.describe(request("demu"));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, "target.missing");
  EXPECT_EQ(target.error().at, kPlace);
  EXPECT_EQ(target.error().message, "no plugin offers target 'demu'");
  EXPECT_THAT(target.error().help, HasSubstr("did you mean 'demo'?"));
  EXPECT_THAT(target.error().help, HasSubstr(fixtures().string()));
}

TEST(Registry, AVariantThatIsNotThereIsMissingToo) {
  Bench bench;
  const auto target = bench.registry.describe(request("demo.fast"));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, "target.missing");
  EXPECT_THAT(target.error().message, HasSubstr("does not offer target 'demo.fast'"));
}

TEST(Registry, VersionAndHashNarrowTheChoice) {
  Bench bench;
  TargetRequest wanted = request("demo");
  wanted.version = ">=2";
  EXPECT_EQ(bench.registry.describe(wanted).error().code, "target.version");
  wanted.version = ">=1.2";
  EXPECT_TRUE(bench.registry.describe(wanted));
  wanted.sha256 = std::string(64, '0');
  const auto refused = bench.registry.describe(wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "target.hash");
  EXPECT_EQ(refused.error().at, kPlace);
}

TEST(Registry, AFileThatOthersCanWriteIsNotLoaded) {
  const TempFolder folder;
  const fs::path file = folder / "neurotool_demo.so";
  fs::copy_file(fixtures() / "neurotool_demo.so", file);
  ASSERT_EQ(chmod(file.c_str(), 0666), 0);
  TargetRegistry registry({.files = {}, .folders = {folder.path(), fixtures()}});
  const auto target = registry.describe(request("demo"));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, "target.untrusted");
  EXPECT_EQ(target.error().at, kPlace);
  EXPECT_THAT(target.error().help, HasSubstr("chmod go-w"));
}

TEST(Registry, ListsCandidatesWithTheReasonAgainstThem) {
  const TempFolder folder;
  const fs::path shadowed = folder / "neurotool_demo.so";
  fs::copy_file(fixtures() / "neurotool_demo.so", shadowed);
  const fs::path open = folder.write("neurotool_open.so", "");
  ASSERT_EQ(chmod(open.c_str(), 0666), 0);
  const fs::path odd = folder.write("odd.so", "");
  const TargetRegistry registry({.files = {odd}, .folders = {fixtures(), folder.path()}});
  std::map<fs::path, std::string> refusals;
  for (const auto& candidate : registry.candidates()) refusals[candidate.file] = candidate.refusal;
  EXPECT_EQ(refusals.at(fixtures() / "neurotool_demo.so"), "");
  EXPECT_EQ(refusals.at(shadowed),
            "'" + (fixtures() / "neurotool_demo.so").string() + "' comes first");
  EXPECT_THAT(refusals.at(open), HasSubstr("writable by everybody"));
  EXPECT_THAT(refusals.at(odd), HasSubstr("neurotool_<target>.so"));
}

TEST(Registry, TellsWhichFoldersExist) {
  const TargetRegistry registry({.files = {}, .folders = {fixtures(), "/no/such/folder"}});
  const auto folders = registry.search_folders();
  ASSERT_GE(folders.size(), 2u);
  EXPECT_EQ(folders[0], std::pair(fixtures(), true));
  EXPECT_EQ(folders[1], std::pair(fs::path("/no/such/folder"), false));
}

TEST(Registry, ChecksOptionsBeforeTheTargetIsOpened) {
  Bench bench;
  const auto target = bench.open("demo", "core: {size: 5000}\nlabal: x\n");
  ASSERT_FALSE(target);
  EXPECT_EQ(bench.diagnostics.error_count(), 2u);
  EXPECT_THAT(bench.findings(), HasSubstr("error[config.range]"));
  EXPECT_THAT(bench.findings(), HasSubstr("options.yaml:2:1: error[config.unknown-key]"));
  EXPECT_THAT(bench.findings(), HasSubstr("neurotool targets demo"));
}

TEST(Registry, KeepsEveryOptionForTheLockFile) {
  Bench bench;
  const Target target = test::must(bench.open("demo", "gain: 0.25"));
  ASSERT_EQ(target.options().size(), 7u);
  EXPECT_EQ(target.options()[2].key, "gain");
  EXPECT_EQ(target.options()[2].value, OptionValue(0.25));
}

TEST(Registry, APluginMayRefuseItsOptions) {
  Bench bench;
  const auto target = bench.open("demo", "act: bad_option\ncore: {size: 100}");
  ASSERT_FALSE(target);
  EXPECT_EQ(to_string(target.error()),
            "options.yaml:2:14: error[demo.core-size]: 100 is not a power of two\n");
  EXPECT_EQ(bench.diagnostics.error_count(), 1u);
}

TEST(Registry, APluginStartsAgainAfterItWasShutDown) {
  for (int life = 0; life < 3; ++life) {
    Bench bench;
    EXPECT_TRUE(bench.open("demo"));
    bench.registry.shutdown();
    EXPECT_TRUE(bench.open("demo"));
  }
}

TEST(Registry, ATargetOutlivesItsRegistry) {
  auto bench = std::make_unique<Bench>();
  std::optional<Target> target(test::must(bench->open("demo")));
  bench.reset();
  EXPECT_EQ(target->description().name, "demo");
  target.reset();
}

}  // namespace
}  // namespace neurotool
