// Any bytes as a SpikeCore program: the loader and the assembler either take them or say what is
// wrong, what they take comes back from bytes and from text, and the machine ends it by itself or
// by a trap. Checksums are made right first, or no mutation would get past them.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "machine/machine.hpp"

namespace {

using namespace neurotool::spikecore;

void must(bool holds, const char* otherwise) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", otherwise);
  std::abort();
}

template <class T>
T number_at(const std::string& bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
template <class T>
void put(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// The header and its table as section 7 of the format says, with the sums that belong there.
std::string with_checksums(std::string bytes) {
  constexpr std::size_t kHeader = 32, kEntry = 32;
  if (bytes.size() < kHeader) return bytes;
  put<std::uint64_t>(bytes, 16, bytes.size());
  const std::uint64_t count = number_at<std::uint32_t>(bytes, 12);
  if (count > (bytes.size() - kHeader) / kEntry) return bytes;
  for (std::size_t at = kHeader; at < kHeader + count * kEntry; at += kEntry) {
    const auto offset = number_at<std::uint64_t>(bytes, at + 8);
    const auto size = number_at<std::uint64_t>(bytes, at + 16);
    if (offset > bytes.size() || size > bytes.size() - offset) continue;
    put(bytes, at + 28, crc32c(std::string_view(bytes).substr(offset, size)));
  }
  put(bytes, 28, crc32c(std::string_view(bytes).substr(kHeader, count * kEntry)));
  return bytes;
}

void run(const Object& object) {
  const Image image(object);
  Machine machine(image, {.steps = 3, .most_records = 2000, .most_cycles = 200'000});
  Host host;
  host.input = [](std::uint32_t, std::uint64_t step, const auto& give) {
    for (std::uint32_t i = 0; i < 8; ++i) {
      give({i, static_cast<std::int8_t>(step + i)});
    }
  };
  try {
    machine.run(host);
  } catch (const Trap&) {
  } catch (const ObjectError&) {
  }
}

void take(const Object& object) {
  must(read_object(write_object(object)) == object, "bytes do not give the object back");
  const Assembly again = assemble(print_object(object));
  for (const TextError& error : again.errors) std::fprintf(stderr, "%s\n", error.message.c_str());
  must(again.errors.empty(), "its text does not assemble");
  must(again.object == object, "its text does not give the object back");
  try {
    run(object);
  } catch (const ObjectError&) {  // input indices beyond what an image takes
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (!looks_like_object(bytes)) {
    const Assembly assembly = assemble(bytes);
    if (assembly.errors.empty()) take(assembly.object);
    return 0;
  }
  for (const std::string& version : {bytes, with_checksums(bytes)}) {
    try {
      take(read_object(version));
    } catch (const ObjectError&) {
    }
  }
  return 0;
}
