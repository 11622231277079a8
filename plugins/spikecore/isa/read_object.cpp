// The bytes of a .sco file as an object. The file may come from anywhere: every offset, size and
// count is compared with what is there before it is used, and every refusal names its place.
#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <set>

#include "object.hpp"
#include "sections.hpp"

namespace neurotool::spikecore {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::uint64_t load(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::uint64_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
  }
  return value;
}

template <class T>
T load(std::string_view bytes, std::size_t at) {
  return static_cast<T>(load(bytes, at, sizeof(T)));
}

struct Section {
  Tag tag{};
  std::uint16_t chip = 0, core = 0;
  std::uint64_t offset = 0, size = 0;
  std::uint32_t count = 0, checksum = 0;
  std::string place;
  std::string_view content;
};

bool is_printable(const Tag& tag) {
  return std::ranges::all_of(tag, [](char c) { return c > ' ' && c < 127; });
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Object read() {
    read_header();
    read_table();
    refuse_overlaps();
    for (const Section& section : sections_) check_content(section);
    find_strings();
    for (const Section& section : sections_) take(section);
    for (auto& [place, core] : cores_) object_.cores.push_back(std::move(core));
    check_object(object_);
    return std::move(object_);
  }

 private:
  [[noreturn]] static void refuse(const std::string& place, const std::string& message,
                                  const std::string& help = {}) {
    throw ObjectError(place, message, help);
  }

  void read_header() {
    if (!looks_like_object(bytes_)) {
      refuse("bytes 0 to 4", "the file does not begin with 'SPKC'",
             "'neurotool as' makes such a file from assembly text");
    }
    if (bytes_.size() < kHeaderBytes) {
      refuse("bytes 0 to 32", "the file has " + number(bytes_.size()) + " bytes; a header has 32");
    }
    const auto version = load<std::uint16_t>(bytes_, 4);
    if (version != kVersion) {
      refuse("bytes 4 to 6", "version " + number(version) + " of the format; this reader knows 1");
    }
    const auto profile = load<std::uint16_t>(bytes_, 6);
    if (profile > 1) refuse("bytes 6 to 8", "profile " + number(profile) + "; 0 and 1 are defined");
    object_.profile = static_cast<Profile>(profile);
    object_.chips = load<std::uint16_t>(bytes_, 8);
    read_flags(load<std::uint16_t>(bytes_, 10));
    count_ = load<std::uint32_t>(bytes_, 12);
    const auto size = load<std::uint64_t>(bytes_, 16);
    if (size != bytes_.size()) {
      refuse("bytes 16 to 24",
             "the header says " + number(size) + " bytes; the file has " + number(bytes_.size()));
    }
    object_.steps = load<std::uint32_t>(bytes_, 24);
    if (count_ > (bytes_.size() - kHeaderBytes) / kTableEntryBytes) {
      refuse("bytes 12 to 16",
             number(count_) + " sections do not fit " + number(bytes_.size()) + " bytes");
    }
    const std::string_view table = bytes_.substr(kHeaderBytes, count_ * kTableEntryBytes);
    if (crc32c(table) != load<std::uint32_t>(bytes_, 28)) {
      refuse("bytes 28 to 32", "the checksum of the section table differs: the file was damaged");
    }
  }

  void read_flags(std::uint16_t flags) {
    const unsigned axons = flags & 31u, words = flags >> 5 & 31u;
    if (flags >> 10 != 0 || axons > 17 || words > 17) {
      refuse("bytes 10 to 12", "the header's flags are " + number(flags) + ", which says nothing");
    }
    if (axons != 0) object_.axons = 1u << (axons - 1);
    if (words != 0) object_.words = 1u << (words - 1);
    if (pack_flags(object_) != flags) {
      refuse("bytes 10 to 12", "the header's flags " + number(flags) + " spell out a default");
    }
  }

  void read_table() {
    for (std::uint32_t i = 0; i < count_; ++i) {
      const std::size_t at = kHeaderBytes + i * kTableEntryBytes;
      Section section;
      std::memcpy(section.tag.data(), bytes_.data() + at, section.tag.size());
      section.place = "section " + number(i);
      if (!is_printable(section.tag)) refuse(section.place, "the tag is not four letters");
      section.place += " (" + std::string(section.tag.data(), 4);
      section.chip = load<std::uint16_t>(bytes_, at + 4);
      section.core = load<std::uint16_t>(bytes_, at + 6);
      if (section.chip != kNone) {
        section.place += ", chip " + number(section.chip) + " core " + number(section.core);
      }
      section.place += ")";
      section.offset = load<std::uint64_t>(bytes_, at + 8);
      section.size = load<std::uint64_t>(bytes_, at + 16);
      section.count = load<std::uint32_t>(bytes_, at + 24);
      section.checksum = load<std::uint32_t>(bytes_, at + 28);
      if (section.offset % 8 != 0) {
        refuse(section.place, "offset " + number(section.offset) + " is not a multiple of 8");
      }
      const std::uint64_t body = kHeaderBytes + std::uint64_t{count_} * kTableEntryBytes;
      if (section.offset < body || section.offset > bytes_.size() ||
          section.size > bytes_.size() - section.offset) {
        refuse(section.place, number(section.size) + " bytes at offset " + number(section.offset) +
                                  " do not lie in the file");
      }
      section.content = bytes_.substr(section.offset, section.size);
      sections_.push_back(std::move(section));
    }
  }

  void refuse_overlaps() const {
    std::vector<const Section*> order;
    for (const Section& section : sections_) {
      if (section.size > 0) order.push_back(&section);
    }
    std::ranges::sort(order, {}, [](const Section* s) { return s->offset; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (order[i - 1]->offset + order[i - 1]->size > order[i]->offset) {
        refuse(order[i]->place, "the bytes belong to " + order[i - 1]->place + " too");
      }
    }
  }

  static void check_content(const Section& section) {
    if (crc32c(section.content) != section.checksum) {
      refuse(section.place, "the checksum of the content differs: the file was damaged");
    }
  }

  void find_strings() {
    for (const Section& section : sections_) {
      if (section.tag != kStrs) continue;
      if (strings_) refuse(section.place, "there are two sections STRS");
      if (!section.content.empty() && section.content.back() != '\0') {
        refuse(section.place, "the last text does not end with a zero byte");
      }
      strings_ = section.content;
    }
  }

  CoreImage& core_of(const Section& section) {
    if (!seen_.insert({section.tag, {section.chip, section.core}}).second) {
      refuse(section.place, "this core has two such sections");
    }
    if (section.chip >= object_.chips || section.core >= kCoresPerChip) {
      refuse(section.place, "there is no such core: the program is for " + number(object_.chips) +
                                " chips of 128 cores");
    }
    CoreImage& core = cores_[{section.chip, section.core}];
    core.chip = section.chip;
    core.core = section.core;
    return core;
  }

  /// Calls put(offset) for each item of a section whose items all have `size` bytes.
  template <class Put>
  void each(const Section& section, std::size_t size, const Put& put) {
    if (section.size != std::uint64_t{section.count} * size) {
      refuse(section.place, number(section.count) + " items of " + number(size) +
                                " bytes are not " + number(section.size) + " bytes");
    }
    for (std::size_t i = 0; i < section.count; ++i) put(i * size);
  }

  void take(const Section& section) {
    const std::string_view in = section.content;
    if (section.tag == kCode) {
      auto& code = core_of(section).code;
      each(section, 8, [&](std::size_t at) { code.push_back(load<std::uint64_t>(in, at)); });
    } else if (section.tag == kEntr) {
      auto& entries = core_of(section).entries;
      each(section, 8, [&](std::size_t at) {
        entries.push_back(
            {load<std::uint32_t>(in, at), name_at(load<std::uint32_t>(in, at + 4), section.place)});
      });
    } else if (section.tag == kWpag) {
      take_pages(section, core_of(section));
    } else if (section.tag == kRout) {
      auto& routes = core_of(section).routes;
      each(section, 8, [&](std::size_t at) {
        routes.push_back(unpack(load<std::uint64_t>(in, at), section.place));
      });
    } else if (section.tag == kInit) {
      auto& init = core_of(section).init;
      each(section, 8, [&](std::size_t at) {
        if (load<std::uint16_t>(in, at + 2) != 0) refuse(section.place, "reserved bytes are not 0");
        init.push_back({load<std::uint16_t>(in, at), load<std::int32_t>(in, at + 4)});
      });
    } else {
      take_shared(section);
    }
  }

  void take_shared(const Section& section) {
    if (section.tag[0] >= 'a' && section.tag[0] <= 'z') return;
    const std::string_view in = section.content;
    if (section.tag != kStrs && !seen_.insert({section.tag, {kNone, kNone}}).second) {
      refuse(section.place, "there are two such sections");
    }
    if (section.tag == kPlan) {
      each(section, 16, [&](std::size_t at) {
        object_.plan.push_back({load<std::uint8_t>(in, at), load<std::uint8_t>(in, at + 1),
                                load<std::uint16_t>(in, at + 2), load<std::uint32_t>(in, at + 4),
                                load<std::uint32_t>(in, at + 8), load<std::uint32_t>(in, at + 12)});
      });
    } else if (section.tag == kArng) {
      each(section, 4, [&](std::size_t at) {
        object_.ranges.push_back({load<std::uint16_t>(in, at), load<std::uint16_t>(in, at + 2)});
      });
    } else if (section.tag == kImap) {
      take_inputs(section);
    } else if (section.tag == kOmap) {
      take_outputs(section);
    } else if (section.tag == kMeta) {
      object_.meta = std::string(in);
    } else if (section.tag != kStrs) {
      refuse(section.place, "the tag is unknown, and its capital says that it matters");
    }
  }

  void take_inputs(const Section& section) {
    const std::string_view in = section.content;
    each(section, 16, [&](std::size_t at) {
      const auto axon = load<std::uint32_t>(in, at + 12);
      if (axon >= kMostAxons) refuse(section.place, "axon " + number(axon) + " is beyond 65535");
      object_.inputs.push_back({load<std::uint16_t>(in, at), load<std::uint16_t>(in, at + 2),
                                load<std::uint16_t>(in, at + 4), load<std::uint16_t>(in, at + 6),
                                load<std::uint32_t>(in, at + 8), static_cast<std::uint16_t>(axon)});
    });
  }

  void take_outputs(const Section& section) {
    const std::string_view in = section.content;
    each(section, 16, [&](std::size_t at) {
      const auto kind = load<std::uint16_t>(in, at + 10);
      if (kind > 1) refuse(section.place, "kind " + number(kind) + "; 0 and 1 are defined");
      object_.outputs.push_back({load<std::uint16_t>(in, at), load<std::uint16_t>(in, at + 2),
                                 load<std::uint16_t>(in, at + 4), load<std::uint16_t>(in, at + 6),
                                 load<std::uint16_t>(in, at + 8), kind == 1,
                                 load<std::uint32_t>(in, at + 12)});
    });
  }

  void take_pages(const Section& section, CoreImage& core) {
    const std::string_view in = section.content;
    if (in.size() < 4 || load<std::uint32_t>(in, 0) != section.count) {
      refuse(section.place, "the count of pages differs from the section's");
    }
    std::size_t at = 4;
    for (std::uint32_t i = 0; i < section.count; ++i) {
      const std::string page = "page " + number(i);
      if (in.size() - at < 4) refuse(section.place, page + " begins beyond the end");
      const auto size = load<std::uint32_t>(in, at);
      const std::size_t padded = (std::size_t{size} + 3) / 4 * 4;
      at += 4;
      if (size == 0 || size > kWeightBytes || in.size() - at < padded) {
        refuse(section.place, page + " of " + number(size) + " bytes; 1 to 256 fit, and " +
                                  number(in.size() - at) + " are left");
      }
      const auto* first = reinterpret_cast<const std::int8_t*>(in.data() + at);
      core.pages.emplace_back(first, first + size);
      at += padded;
    }
    if (at != in.size()) refuse(section.place, number(in.size() - at) + " bytes behind the pages");
  }

  std::string name_at(std::uint32_t offset, const std::string& place) const {
    if (!strings_ || offset >= strings_->size()) {
      refuse(place, "a name lies at " + number(offset) + " of section STRS, beyond its end");
    }
    return std::string(strings_->substr(offset, strings_->find('\0', offset) - offset));
  }

  static Route unpack(std::uint64_t word, const std::string& place) {
    if ((word & 0xff) > 1) {
      refuse(place, "a route of kind " + number(word & 0xff) + "; 0 and 1 are defined");
    }
    return {static_cast<std::uint8_t>(word >> 56), static_cast<std::uint8_t>(word >> 48),
            static_cast<std::uint8_t>(word >> 40), static_cast<std::uint16_t>(word >> 24),
            static_cast<std::uint8_t>(word >> 16), static_cast<std::uint8_t>(word >> 8),
            static_cast<PacketKind>(word & 0xff)};
  }

  std::string_view bytes_;
  Object object_;
  std::uint32_t count_ = 0;
  std::vector<Section> sections_;
  std::optional<std::string_view> strings_;
  std::map<std::pair<std::uint16_t, std::uint16_t>, CoreImage> cores_;
  std::set<std::pair<Tag, std::pair<std::uint16_t, std::uint16_t>>> seen_;
};

}  // namespace

bool looks_like_object(std::string_view bytes) { return bytes.substr(0, 4) == kMagic; }

Object read_object(std::string_view bytes) { return Reader(bytes).read(); }

}  // namespace neurotool::spikecore
