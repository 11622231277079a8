#include "io/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <limits>
#include <thread>

#include "io/npy.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

using test::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::filesystem::path npz(std::string_view name) {
  return std::filesystem::path(NEUROTOOL_TESTS_DIR) / "data" / "npz" / name;
}

std::string idx_bytes(std::initializer_list<unsigned char> extents, const std::string& content) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(extents.size())};
  for (const unsigned char extent : extents) {
    bytes += std::string(3, '\0') + static_cast<char>(extent);
  }
  return bytes + content;
}

std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(bytes.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Error refused(const DatasetSpec& spec, const Shape& shape) {
  const auto data = open_dataset(spec, shape);
  EXPECT_FALSE(data.has_value());
  return data ? Error{} : data.error();
}

/// Three samples of [2,2]: 0 1 2 3, 4 5 6 7, 8 9 10 11; labels 1 0 2.
struct Small {
  TempFolder folder;
  DatasetSpec spec;
  Small() {
    std::string pixels;
    for (char i = 0; i < 12; ++i) pixels += i;
    spec.images = folder.write("images", idx_bytes({3, 2, 2}, pixels));
    spec.labels = folder.write("labels", idx_bytes({3}, std::string("\x01\x00\x02", 3)));
  }
};

TEST(Dataset, GivesSamplesAndLabels) {
  const Small small;
  const auto data = open_dataset(small.spec, {1, 2, 2});
  ASSERT_TRUE(data.has_value()) << data.error().message;
  EXPECT_EQ((*data)->size(), 3);
  EXPECT_EQ((*data)->name(), "images");
  EXPECT_EQ((*data)->sample_shape(), (Shape{1, 2, 2}));
  EXPECT_THAT((*data)->labels(), ElementsAre(1, 0, 2));
  const auto batch = (*data)->batch(1, 2);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(*batch, Tensor::from<float>({2, 1, 2, 2}, {4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST(Dataset, SelectsFromTheMiddle) {
  Small small;
  small.spec.first = 1;
  small.spec.count = 1;
  const auto data = open_dataset(small.spec, {4});
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ((*data)->size(), 1);
  EXPECT_THAT((*data)->labels(), ElementsAre(0));
  EXPECT_EQ(*(*data)->batch(0, 1), Tensor::from<float>({1, 4}, {4, 5, 6, 7}));
  EXPECT_THROW(static_cast<void>((*data)->batch(0, 2)), InternalError);
}

TEST(Dataset, ReadsGzip) {
  const Small small;
  DatasetSpec spec = small.spec;
  spec.images = small.folder.write("images.gz", gzipped(test::slurp(small.spec.images)));
  spec.labels = small.folder.write("labels.gz", gzipped(test::slurp(*small.spec.labels)));
  const auto data = open_dataset(spec, {2, 2});
  ASSERT_TRUE(data.has_value()) << data.error().message;
  EXPECT_EQ((*data)->size(), 3);
}

TEST(Dataset, PreprocessesInFloat32StepByStep) {
  Small small;
  small.spec.preprocess = {.divide = 255, .mean = {0.1307}, .std = {0.3081}};
  const auto data = open_dataset(small.spec, {4});
  ASSERT_TRUE(data.has_value());
  const Tensor batch = *(*data)->batch(0, 3);
  for (int i = 0; i < 12; ++i) {
    const float divided = static_cast<float>(i) / 255.0f;
    const float centred = divided - 0.1307f;
    EXPECT_EQ(batch.as<float>()[static_cast<std::size_t>(i)], centred / 0.3081f);
  }
}

TEST(Dataset, PreprocessesEachChannel) {
  const TempFolder folder;
  DatasetSpec spec;
  spec.images = folder.write("x.npy", format_npy(Tensor::from<float>({1, 2, 1, 2}, {1, 2, 3, 4})));
  spec.preprocess = {.divide = 1, .mean = {1, 3}, .std = {2, 4}};
  const auto data = open_dataset(spec, {2, 1, 2});
  ASSERT_TRUE(data.has_value()) << data.error().message;
  EXPECT_EQ(*(*data)->batch(0, 1), Tensor::from<float>({1, 2, 1, 2}, {0, 0.5f, 0, 0.25f}));
}

TEST(Dataset, ReadsNpyOfAnyNumberType) {
  const TempFolder folder;
  for (const DType dtype : {DType::kUint8, DType::kInt16, DType::kFloat16, DType::kFloat64}) {
    const Tensor stored = Tensor::from<float>({2, 2}, {1, 2, 3, 4}).converted(dtype);
    const auto data = open_dataset({.images = folder.write("x.npy", format_npy(stored))}, {2});
    ASSERT_TRUE(data.has_value());
    EXPECT_EQ(*(*data)->batch(1, 1), Tensor::from<float>({1, 2}, {3, 4})) << short_name(dtype);
    EXPECT_THAT((*data)->labels(), IsEmpty());
  }
}

TEST(Dataset, ReadsNpzWithItsLabels) {
  const auto data = open_dataset({.images = npz("deflated.npz")}, {2, 3});
  ASSERT_TRUE(data.has_value()) << data.error().message;
  EXPECT_THAT((*data)->labels(), ElementsAre(3, 1, 0, 2));
  EXPECT_EQ((*(*data)->batch(3, 1)).at(0), 18);
}

TEST(Dataset, TakesLabelsFromAnotherFile) {
  const TempFolder folder;
  const auto labels =
      folder.write("y.npy", format_npy(Tensor::from<std::int32_t>({4, 1}, {7, 7, 7, 7})));
  const auto data = open_dataset({.images = npz("stored.npz"), .labels = labels}, {6});
  ASSERT_TRUE(data.has_value()) << data.error().message;
  EXPECT_THAT((*data)->labels(), ElementsAre(7, 7, 7, 7));
}

TEST(Dataset, ReadsCifarRecords) {
  const TempFolder folder;
  std::string bytes;
  for (char label = 0; label < 3; ++label)
    bytes += std::string(1, label) + std::string(3072, label);
  const auto data = open_dataset({.images = folder.write("batch.bin", bytes)}, {3, 32, 32});
  ASSERT_TRUE(data.has_value()) << data.error().message;
  EXPECT_THAT((*data)->labels(), ElementsAre(0, 1, 2));
  EXPECT_EQ((*(*data)->batch(2, 1)).at(3071), 2);
}

TEST(Dataset, FitsShapesThatDifferInOnesOrAreFlat) {
  const TempFolder folder;
  const auto fits = [&](const Shape& stored, const Shape& wanted) {
    Shape shape = stored;
    shape.insert(shape.begin(), 1);
    const Tensor tensor = Tensor::from(
        shape, std::vector<float>(static_cast<std::size_t>(*element_count(shape)), 1.0f));
    const auto data = open_dataset({.images = folder.write("x.npy", format_npy(tensor))}, wanted);
    return data.has_value();
  };
  EXPECT_TRUE(fits({28, 28}, {1, 28, 28}));
  EXPECT_TRUE(fits({28, 28}, {784}));
  EXPECT_TRUE(fits({784}, {1, 28, 28}));
  EXPECT_TRUE(fits({28, 28, 1}, {1, 28, 28}));
  EXPECT_TRUE(fits({3, 4, 4}, {kFreeDim, 4, kFreeDim}));
  EXPECT_FALSE(fits({4, 4, 3}, {3, 4, 4}));
  EXPECT_FALSE(fits({28, 28}, {1, 32, 32}));
  EXPECT_FALSE(fits({2, 8}, {4, 4}));
  EXPECT_FALSE(fits({3, 4}, {kFreeDim, 4, kFreeDim}));
}

TEST(Dataset, SaysWhichShapesDoNotFit) {
  const Small small;
  const Error found = refused(small.spec, {1, 28, 28});
  EXPECT_EQ(found.code, "data.shape");
  EXPECT_EQ(found.message, "the model wants samples of [1,28,28], the file has samples of [2,2]");
  const TempFolder folder;
  const Tensor last = Tensor::from<float>({1, 4, 4, 3}, std::vector<float>(48));
  const Error channels = refused({.images = folder.write("x.npy", format_npy(last))}, {3, 4, 4});
  EXPECT_THAT(channels.help, HasSubstr("channels first"));
  const Error scalar =
      refused({.images = folder.write("s.npy", format_npy(Tensor::scalar(1.0f)))}, {1});
  EXPECT_EQ(scalar.code, "data.shape");
}

TEST(Dataset, SaysWhichSamplesAreNotThere) {
  Small small;
  small.spec.first = 2;
  small.spec.count = 2;
  const Error found = refused(small.spec, {4});
  EXPECT_EQ(found.code, "data.range");
  EXPECT_EQ(found.message, "2 samples from 2 on were asked for, the file has 3");
  small.spec.count = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(refused(small.spec, {4}).code, "data.range");
  small.spec.first = 3;
  small.spec.count = 0;
  EXPECT_EQ(refused(small.spec, {4}).message, "samples from 3 on were asked for, the file has 3");
  small.spec.first = -1;
  EXPECT_EQ(refused(small.spec, {4}).code, "data.range");
}

TEST(Dataset, RefusesConstantsWithoutMeaning) {
  Small small;
  small.spec.preprocess = {.divide = 0, .mean = {}, .std = {}};
  EXPECT_EQ(refused(small.spec, {4}).message, "stored values cannot be divided by 0");
  small.spec.preprocess = {.divide = 1, .mean = {1, 2, 3}, .std = {}};
  EXPECT_EQ(refused(small.spec, {1, 2, 2}).message,
            "mean has 3 values, a sample of [1,2,2] has 1 channels");
  small.spec.preprocess = {.divide = 1, .mean = {}, .std = {0}};
  EXPECT_EQ(refused(small.spec, {4}).code, "data.range");
}

TEST(Dataset, RefusesNumbersThatAreNotFinite) {
  const TempFolder folder;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor stored = Tensor::from<float>({2, 2}, {1, 2, 3, nan});
  const auto data = open_dataset({.images = folder.write("x.npy", format_npy(stored))}, {2});
  ASSERT_TRUE(data.has_value());
  EXPECT_TRUE((*data)->batch(0, 1).has_value());
  const auto batch = (*data)->batch(1, 1);
  ASSERT_FALSE(batch.has_value());
  EXPECT_EQ(batch.error().code, "data.range");
  EXPECT_THAT(batch.error().message, HasSubstr("element 1 of sample 1 is stored as nan"));
}

TEST(DatasetLabels, MustBeOneClassIndexForEachSample) {
  Small small;
  const auto with = [&](const Tensor& labels) {
    DatasetSpec spec = small.spec;
    spec.labels = small.folder.write("y.npy", format_npy(labels));
    return refused(spec, {4});
  };
  EXPECT_EQ(with(Tensor::from<std::int32_t>({2}, {0, 1})).message,
            "there are 2 labels for 3 samples");
  EXPECT_EQ(with(Tensor::from<std::int32_t>({0}, {})).code, "data.labels");
  EXPECT_THAT(with(Tensor::from<std::int32_t>({3}, {0, -1, 1})).message,
              HasSubstr("label 1 is -1, which is no class index"));
  EXPECT_THAT(with(Tensor::from<std::int64_t>({3}, {0, std::int64_t{1} << 31, 1})).code,
              "data.labels");
  EXPECT_THAT(with(Tensor::from<float>({3}, {0, 1, 2})).message, HasSubstr("labels of f32[3]"));
  EXPECT_THAT(with(Tensor::from<std::uint8_t>({3, 2}, std::vector<std::uint8_t>(6))).help,
              HasSubstr("one-hot"));
}

TEST(DatasetFormats, AreToldByContent) {
  const TempFolder folder;
  const Error unknown = refused({.images = folder.write("readme", "not a data set")}, {1});
  EXPECT_EQ(unknown.code, "data.format");
  EXPECT_THAT(unknown.message, HasSubstr("neither idx nor CIFAR-10 records, npy or npz"));
  const Error cut = refused({.images = folder.write("cut", idx_bytes({3, 2, 2}, "abc"))}, {4});
  EXPECT_THAT(cut.message, HasSubstr("u8[3,2,2] takes 12 bytes"));
  const Error other = refused({.images = folder.write("n.npy", format_npy(Tensor::scalar(1.0f))),
                               .format = DataFormat::kIdx},
                              {1});
  EXPECT_THAT(other.message, HasSubstr("first four bytes are not those of an idx file"));
}

TEST(DatasetFormats, ACifarFileThatBeginsLikeIdxIsStillRead) {
  const TempFolder folder;
  std::string bytes = std::string(3073, '\0');
  bytes[2] = '\x08';
  bytes[3] = '\x01';
  const auto data = open_dataset({.images = folder.write("batch", bytes)}, {3, 32, 32});
  EXPECT_TRUE(data.has_value());
}

TEST(DatasetFiles, MissingOnesAreNamed) {
  const Error images = refused({.images = "no/such/file"}, {1});
  EXPECT_EQ(images.code, "data.missing");
  Small small;
  small.spec.labels = "no/labels";
  EXPECT_EQ(refused(small.spec, {4}).code, "data.missing");
  const Error array = refused({.images = npz("stored.npz"), .array = "z"}, {6});
  EXPECT_EQ(array.code, "data.missing");
  EXPECT_EQ(array.message, "there is no array 'z' in the archive");
  EXPECT_FALSE(array.help.empty());
  const Error labels = refused({.images = npz("stored.npz"), .label_array = "target"}, {6});
  EXPECT_THAT(labels.message, HasSubstr("no array 'target'"));
}

TEST(DatasetThreads, MayMakeBatchesAtTheSameTime) {
  const Small small;
  const auto data = open_dataset(small.spec, {4});
  ASSERT_TRUE(data.has_value());
  std::vector<Tensor> found(8);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) found[t] = *(*data)->batch(static_cast<std::int64_t>(t % 3), 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < found.size(); ++t)
    EXPECT_EQ(found[t].at(0), 4.0 * static_cast<double>(t % 3));
}

}  // namespace
}  // namespace neurotool
