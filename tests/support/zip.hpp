// A zip archive of files that are stored, not deflated, as numpy writes an .npz.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace neurotool::test {

inline std::uint32_t crc32_of(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

inline void put_little(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFFu));
}

/// Names and contents.
inline std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string out, directory;
  for (const auto& [name, content] : files) {
    const auto size = static_cast<std::uint32_t>(content.size());
    const auto offset = static_cast<std::uint32_t>(out.size());
    std::string about;
    put_little(about, 20, 2);                             // version
    for (int i = 0; i < 4; ++i) put_little(about, 0, 2);  // flags, stored, time, date
    put_little(about, crc32_of(content), 4);
    put_little(about, size, 4);
    put_little(about, size, 4);
    put_little(about, static_cast<std::uint32_t>(name.size()), 2);
    put_little(about, 0, 2);  // extra
    out += "PK\x03\x04" + about + name + content;
    directory += "PK\x01\x02";
    put_little(directory, 20, 2);
    directory += about;
    for (const int width : {2, 2, 2, 4}) put_little(directory, 0, width);
    put_little(directory, offset, 4);
    directory += name;
  }
  const auto count = static_cast<std::uint32_t>(files.size());
  const auto begin = static_cast<std::uint32_t>(out.size());
  out += directory + "PK\x05\x06";
  for (const std::uint32_t value : {0u, 0u, count, count}) put_little(out, value, 2);
  put_little(out, static_cast<std::uint32_t>(directory.size()), 4);
  put_little(out, begin, 4);
  put_little(out, 0, 2);
  return out;
}

}  // namespace neurotool::test
