// An object as the bytes of a .sco file. Sections come in a fixed order, so equal objects give
// equal bytes.
#include <array>
#include <bit>
#include <cstring>
#include <map>

#include "object.hpp"
#include "sections.hpp"

namespace neurotool::spikecore {
namespace {

class Bytes {
 public:
  template <class T>
  void put(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      out_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
    }
  }
  void put(std::string_view bytes) { out_.append(bytes); }
  void pad_to(std::size_t multiple) {
    out_.resize((out_.size() + multiple - 1) / multiple * multiple);
  }
  std::size_t size() const { return out_.size(); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Names of entry points, each stored once.
class Strings {
 public:
  std::uint32_t offset(const std::string& name) {
    const auto [at, added] = offsets_.try_emplace(name, static_cast<std::uint32_t>(bytes_.size()));
    if (added) bytes_.append(name).push_back('\0');
    return at->second;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::map<std::string, std::uint32_t> offsets_;
  std::string bytes_;
};

struct Section {
  Tag tag;
  std::uint16_t chip, core;
  std::size_t count;
  std::string content;
};

class Writer {
 public:
  explicit Writer(const Object& object) : object_(object) {}

  std::string write() {
    for (const CoreImage& core : object_.cores) add_core(core);
    add_shared();
    return assemble_file();
  }

 private:
  template <class Item, class Put>
  void add(const Tag& tag, std::uint16_t chip, std::uint16_t core, const std::vector<Item>& items,
           const Put& put) {
    if (items.empty()) return;
    Bytes out;
    for (const Item& item : items) put(out, item);
    sections_.push_back({tag, chip, core, items.size(), out.take()});
  }

  void add_core(const CoreImage& core) {
    const auto add_here = [&](const Tag& tag, const auto& items, const auto& put) {
      add(tag, core.chip, core.core, items, put);
    };
    // A core that only receives has no code, and is still there.
    if (core.code.empty()) sections_.push_back({kCode, core.chip, core.core, 0, {}});
    add_here(kCode, core.code, [](Bytes& out, std::uint64_t word) { out.put(word); });
    add_here(kEntr, core.entries, [&](Bytes& out, const Entry& entry) {
      out.put(entry.pc);
      out.put(strings_.offset(entry.name));
    });
    add_pages(core);
    add_here(kRout, core.routes, [](Bytes& out, const Route& route) { out.put(pack(route)); });
    add_here(kInit, core.init, [](Bytes& out, const InitialValue& init) {
      out.put(init.slot);
      out.put(std::uint16_t{0});
      out.put(init.value);
    });
  }

  void add_pages(const CoreImage& core) {
    if (core.pages.empty()) return;
    Bytes out;
    out.put(static_cast<std::uint32_t>(core.pages.size()));
    for (const Page& page : core.pages) {
      out.put(static_cast<std::uint32_t>(page.size()));
      for (const std::int8_t weight : page) out.put(weight);
      out.pad_to(4);
    }
    sections_.push_back({kWpag, core.chip, core.core, core.pages.size(), out.take()});
  }

  void add_shared() {
    const auto add_all = [&](const Tag& tag, const auto& items, const auto& put) {
      add(tag, kNone, kNone, items, put);
    };
    add_all(kPlan, object_.plan, [](Bytes& out, const PlanRecord& record) {
      out.put(record.op);
      out.put(record.flags);
      out.put(record.chip);
      out.put(record.a);
      out.put(record.b);
      out.put(record.c);
    });
    add_all(kArng, object_.ranges, [](Bytes& out, const AxonRange& range) {
      out.put(range.first);
      out.put(range.last);
    });
    add_all(kImap, object_.inputs, [](Bytes& out, const InputWire& wire) {
      out.put(wire.map);
      out.put(wire.chip);
      out.put(wire.first);
      out.put(wire.last);
      out.put(wire.index);
      out.put(std::uint32_t{wire.axon});
    });
    add_all(kOmap, object_.outputs, [](Bytes& out, const OutputWire& wire) {
      out.put(wire.map);
      out.put(wire.chip);
      out.put(wire.core);
      out.put(wire.slot);
      out.put(wire.count);
      out.put(static_cast<std::uint16_t>(wire.accumulators));
      out.put(wire.index);
    });
    if (!strings_.bytes().empty()) {
      sections_.push_back({kStrs, kNone, kNone, 0, strings_.bytes()});
    }
    if (!object_.meta.empty()) sections_.push_back({kMeta, kNone, kNone, 0, object_.meta});
  }

  std::string assemble_file() {
    std::size_t offset = kHeaderBytes + sections_.size() * kTableEntryBytes;
    Bytes table;
    for (const Section& section : sections_) {
      offset = (offset + 7) / 8 * 8;
      table.put(std::string_view(section.tag.data(), section.tag.size()));
      table.put(section.chip);
      table.put(section.core);
      table.put(static_cast<std::uint64_t>(offset));
      table.put(static_cast<std::uint64_t>(section.content.size()));
      table.put(static_cast<std::uint32_t>(section.count));
      table.put(crc32c(section.content));
      offset += section.content.size();
    }
    const std::string entries = table.take();
    Bytes file;
    file.put(kMagic);
    file.put(kVersion);
    file.put(static_cast<std::uint16_t>(object_.profile));
    file.put(object_.chips);
    file.put(pack_flags(object_));
    file.put(static_cast<std::uint32_t>(sections_.size()));
    file.put(static_cast<std::uint64_t>(offset));
    file.put(object_.steps);
    file.put(crc32c(entries));
    file.put(std::string_view(entries));
    for (const Section& section : sections_) {
      file.pad_to(8);
      file.put(std::string_view(section.content));
    }
    return file.take();
  }

  const Object& object_;
  Strings strings_;
  std::vector<Section> sections_;
};

}  // namespace

std::uint64_t pack(const Route& route) {
  return std::uint64_t{route.chip} << 56 | std::uint64_t{route.first} << 48 |
         std::uint64_t{route.last} << 40 | std::uint64_t{route.axon} << 24 |
         std::uint64_t{route.delay} << 16 | std::uint64_t{route.slot} << 8 |
         static_cast<std::uint64_t>(route.kind);
}

std::uint16_t pack_flags(const Object& object) {
  const auto log2_of = [](std::uint32_t value) { return std::countr_zero(value); };
  const int axons = object.axons == kDefaultAxons ? 0 : log2_of(object.axons) + 1;
  const int words = object.words == kDefaultWords ? 0 : log2_of(object.words) + 1;
  return static_cast<std::uint16_t>(axons | words << 5);
}

std::string write_object(const Object& object) { return Writer(object).write(); }

std::uint32_t crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
      made[i] = crc;
    }
    return made;
  }();
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc = table[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

}  // namespace neurotool::spikecore
