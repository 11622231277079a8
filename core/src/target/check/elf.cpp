// The section table leads to .dynsym and .dynamic, and each of them to its strings. Every offset is
// checked against the file before it is used.

#include "target/check/elf.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/files.hpp"

namespace neurotool::conformance {
namespace {

class Reader {
 public:
  Reader(std::string_view bytes, std::string path) : bytes_(bytes), path_(std::move(path)) {}

  Result<DynamicView> read() {
    NT_TRY(const Elf64_Ehdr header, at<Elf64_Ehdr>(0));
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_type != ET_DYN) {
      return broken("this is not a 64-bit little-endian shared library");
    }
    for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
      NT_TRY(const Elf64_Shdr section, at<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr)));
      sections_.push_back(section);
    }
    DynamicView view;
    for (const Elf64_Shdr& section : sections_) {
      if (section.sh_type == SHT_DYNSYM) NT_TRY_VOID(read_symbols(section, view));
      if (section.sh_type == SHT_DYNAMIC) NT_TRY_VOID(read_needed(section, view));
    }
    std::ranges::sort(view.exports);
    return view;
  }

 private:
  Error broken(std::string what) const {
    return error("plugin.elf", FilePosition{path_, 0, 0}, std::move(what),
                 "name the plugin itself: neurotool_<target>.so");
  }

  template <class T>
  Result<T> at(std::uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T))
      return broken("one of its tables points outside the file");
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  Result<std::string> name(const Elf64_Shdr& section, std::uint64_t offset) const {
    if (section.sh_link >= sections_.size()) return broken("a table of names is missing");
    const std::uint64_t from = sections_[section.sh_link].sh_offset + offset;
    if (from >= bytes_.size()) return broken("a name lies outside the file");
    const std::string_view rest = bytes_.substr(from, 4096);
    return std::string(rest.substr(0, rest.find('\0')));
  }

  Result<> read_symbols(const Elf64_Shdr& section, DynamicView& view) const {
    for (std::uint64_t i = 1; i < section.sh_size / sizeof(Elf64_Sym); ++i) {
      NT_TRY(const Elf64_Sym symbol, at<Elf64_Sym>(section.sh_offset + i * sizeof(Elf64_Sym)));
      const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      const bool visible = visibility == STV_DEFAULT || visibility == STV_PROTECTED;
      // Local symbols and the section's own (SHN_ABS: version names) are nobody's to bind to.
      if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL || !visible) continue;
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS) continue;
      NT_TRY(std::string text, name(section, symbol.st_name));
      view.exports.push_back(std::move(text));
    }
    return {};
  }

  Result<> read_needed(const Elf64_Shdr& section, DynamicView& view) const {
    for (std::uint64_t i = 0; i < section.sh_size / sizeof(Elf64_Dyn); ++i) {
      NT_TRY(const Elf64_Dyn entry, at<Elf64_Dyn>(section.sh_offset + i * sizeof(Elf64_Dyn)));
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag != DT_NEEDED) continue;
      NT_TRY(std::string text, name(section, entry.d_un.d_val));
      view.needed.push_back(std::move(text));
    }
    return {};
  }

  std::string_view bytes_;
  std::string path_;
  std::vector<Elf64_Shdr> sections_;
};

}  // namespace

Result<DynamicView> read_dynamic_view(const std::filesystem::path& file) {
  NT_TRY(const std::string bytes, read_file(file, std::uint64_t{1} << 30));
  return Reader(bytes, file.string()).read();
}

}  // namespace neurotool::conformance
