// The central directory at the end of the archive says where members are, how large and how stored;
// numpy's local headers leave the sizes out. Every number is checked against the file before it is
// used, and a size that no deflate stream of its length can make is refused before memory is taken.
#include "io/zip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "io/bytes.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kEndSize = 22, kEntrySize = 46, kLocalSize = 30;
constexpr std::uint32_t kEndMark = 0x06054b50, kEntryMark = 0x02014b50, kLocalMark = 0x04034b50;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kEncrypted = 1;
/// Deflate cannot do better than 1032 to 1.
constexpr std::uint64_t kBestRatio = 1032;

struct Entry {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t checksum = 0;
  std::uint64_t packed = 0, size = 0, local = 0;
};

class Archive {
 public:
  Archive(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  Result<std::vector<Entry>> entries() const {
    NT_TRY(const std::size_t end, find_end());
    const std::size_t count = u16(end + 10), size = u32(end + 12), begin = u32(end + 16);
    if (count == 0xFFFF || size == 0xFFFFFFFF || begin == 0xFFFFFFFF) {
      return bad_format(where_, "the archive is a zip64, made for more than 4 GiB or 65,535 arrays",
                        "split it into smaller npz files");
    }
    if (begin > end || size > end - begin) {
      return bad_format(where_, fmt::format("the archive's directory of {} bytes at byte {} does "
                                            "not end before byte {}",
                                            size, begin, end));
    }
    std::vector<Entry> found;
    std::size_t at = begin;
    for (std::size_t i = 0; i < count; ++i) {
      NT_TRY(Entry entry, read_entry(at, begin + size));
      found.push_back(std::move(entry));
    }
    return found;
  }

  Result<std::string> content(const Entry& entry) const {
    if ((entry.flags & kEncrypted) != 0) {
      return bad_format(where_, fmt::format("'{}' is encrypted", entry.name));
    }
    NT_TRY(const std::string_view packed, packed_bytes(entry));
    NT_TRY(std::string content, unpack(entry, packed));
    const auto checksum = crc(content);
    if (checksum != entry.checksum) {
      return bad_format(where_,
                        fmt::format("the checksum of '{}' is {:08x}, not {:08x}", entry.name,
                                    checksum, entry.checksum),
                        "the file is damaged; fetch it again");
    }
    return content;
  }

 private:
  std::uint16_t u16(std::size_t at) const {
    return read_number<std::uint16_t>(bytes_, at, ByteOrder::kLittle);
  }
  std::uint32_t u32(std::size_t at) const {
    return read_number<std::uint32_t>(bytes_, at, ByteOrder::kLittle);
  }

  /// The end record is the last thing but for a comment of at most 65,535 bytes.
  Result<std::size_t> find_end() const {
    for (std::size_t comment = 0; comment <= 0xFFFF && comment + kEndSize <= bytes_.size();
         ++comment) {
      const std::size_t at = bytes_.size() - kEndSize - comment;
      if (u32(at) == kEndMark && u16(at + 20) == comment) return at;
    }
    return bad_format(where_,
                      fmt::format("{} bytes do not end as a zip archive does", bytes_.size()),
                      "the file is cut off, or it is no npz file");
  }

  /// Reads the entry at `at` and moves `at` behind it.
  Result<Entry> read_entry(std::size_t& at, std::size_t end) const {
    if (end - at < kEntrySize || u32(at) != kEntryMark) {
      return bad_format(where_, fmt::format("there is no archive entry at byte {}", at));
    }
    Entry entry{.name = {},
                .flags = u16(at + 8),
                .method = u16(at + 10),
                .checksum = u32(at + 16),
                .packed = u32(at + 20),
                .size = u32(at + 24),
                .local = u32(at + 42)};
    const std::size_t name = u16(at + 28), rest = std::size_t{u16(at + 30)} + u16(at + 32);
    if (end - at - kEntrySize < name + rest) {
      return bad_format(where_, fmt::format("the archive entry at byte {} has no end", at));
    }
    entry.name = bytes_.substr(at + kEntrySize, name);
    constexpr std::uint64_t kZip64 = 0xFFFFFFFF;
    if (entry.packed == kZip64 || entry.size == kZip64 || entry.local == kZip64) {
      return bad_format(where_, fmt::format("'{}' is a zip64 member of 4 GiB or more", entry.name),
                        "split it into smaller arrays");
    }
    at += kEntrySize + name + rest;
    return entry;
  }

  Result<std::string_view> packed_bytes(const Entry& entry) const {
    const auto outside = [&] {
      return bad_format(where_, fmt::format("the {} bytes of '{}' at byte {} are not inside the "
                                            "file of {}",
                                            entry.packed, entry.name, entry.local, bytes_.size()));
    };
    if (bytes_.size() < kLocalSize || entry.local > bytes_.size() - kLocalSize) return outside();
    const std::size_t local = entry.local;
    if (u32(local) != kLocalMark) return outside();
    const std::size_t begin = local + kLocalSize + u16(local + 26) + u16(local + 28);
    if (begin > bytes_.size() || entry.packed > bytes_.size() - begin) return outside();
    return bytes_.substr(begin, entry.packed);
  }

  Result<std::string> unpack(const Entry& entry, std::string_view packed) const {
    if (entry.method == kStored) {
      if (packed.size() == entry.size) return std::string(packed);
      return bad_format(where_, fmt::format("'{}' is stored in {} bytes but has {}", entry.name,
                                            packed.size(), entry.size));
    }
    if (entry.method != kDeflated) {
      return bad_format(where_,
                        fmt::format("'{}' is packed by method {}, not stored or deflated",
                                    entry.name, entry.method),
                        "write it with numpy's savez or savez_compressed");
    }
    if (entry.size > (packed.size() + 1) * kBestRatio) {
      return bad_format(where_,
                        fmt::format("{} deflated bytes cannot be the {} that '{}' announces",
                                    packed.size(), entry.size, entry.name));
    }
    return inflate_raw(entry, packed);
  }

  Result<std::string> inflate_raw(const Entry& entry, std::string_view packed) const {
    std::string content(entry.size, '\0');
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
      return bad_format(where_,
                        fmt::format("'{}' cannot be inflated for want of memory", entry.name));
    }
    // zlib counts in 32 bits, and so do the sizes of an archive that is no zip64.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(content.data());
    stream.avail_out = static_cast<uInt>(content.size());
    const int code = inflate(&stream, Z_FINISH);
    const std::uint64_t made = stream.total_out;
    inflateEnd(&stream);
    if (code == Z_STREAM_END && made == entry.size) return content;
    return bad_format(where_,
                      fmt::format("'{}' inflates to {} bytes that make sense, not {}", entry.name,
                                  made, entry.size),
                      "the file is damaged; fetch it again");
  }

  static std::uint32_t crc(std::string_view content) {
    const auto* data = reinterpret_cast<const Bytef*>(content.data());
    return static_cast<std::uint32_t>(crc32_z(0, data, content.size()));
  }

  std::string_view bytes_, where_;
};

}  // namespace

Result<std::vector<ZipMember>> read_zip(std::string_view bytes, std::string_view where,
                                        std::uint64_t max_bytes) {
  const Archive archive(bytes, where);
  NT_TRY(const std::vector<Entry> entries, archive.entries());
  std::uint64_t total = 0;
  for (const Entry& entry : entries) total += entry.size;  // at most 2^16 sizes of 32 bits
  if (total > max_bytes) {
    return bad_format(
        where,
        fmt::format("the archive unpacks to {} bytes, more than the {} allowed", total, max_bytes));
  }
  std::vector<ZipMember> members;
  for (const Entry& entry : entries) {
    NT_TRY(std::string content, archive.content(entry));
    members.push_back({entry.name, std::move(content)});
  }
  return members;
}

}  // namespace neurotool
