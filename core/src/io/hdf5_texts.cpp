// A data set of texts has, for each, its length, the address of a global heap collection and a
// number there. A conversion of our own hands these out as they are when a read asks for opaque
// elements; the collection ("GCOL") is parsed here, every size against what is around it.
#include "io/hdf5_texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.hpp"

namespace neurotool {
namespace {

constexpr std::string_view kTag = "neurotool: place of a text";
constexpr std::string_view kMagic = "GCOL";
constexpr std::size_t kKept = 8;  ///< collections; files use one after the other

Error damaged(std::string message) {
  return error("hdf5.format", {}, std::move(message),
               "the file is damaged or cut off; copy or export it again");
}

Error beyond_limit(std::string_view what, std::uint64_t bytes) {
  return error(
      "hdf5.limit", {},
      fmt::format("{} of {} bytes is more than the limit leaves", what, with_thousands(bytes)),
      "a file that really is this large is read with a higher limit");
}

Handle opaque_type(std::size_t size) {
  Handle type(H5Tcreate(H5T_OPAQUE, size), H5Tclose);
  if (type) H5Tset_tag(type.id(), kTag.data());
  return type;
}

/// H5T_conv_t: the elements stay what they are.
herr_t keep_bytes(hid_t source, hid_t target, H5T_cdata_t* data, std::size_t, std::size_t,
                  std::size_t, void*, void*, hid_t) noexcept {
  data->need_bkg = H5T_BKG_NO;
  if (data->command == H5T_CONV_INIT) {
    return H5Tis_variable_str(source) > 0 && H5Tget_class(target) == H5T_OPAQUE ? 0 : -1;
  }
  if (data->command != H5T_CONV_CONV) return 0;
  return H5Tget_size(source) == H5Tget_size(target) ? 0 : -1;
}

bool is_registered() {
  static const bool done = [] {
    const Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(text.id(), H5T_VARIABLE);
    const Handle place = opaque_type(16);
    return H5Tregister(H5T_PERS_SOFT, "neurotool_text_place", text.id(), place.id(), keep_bytes) >=
           0;
  }();
  return done;
}

template <class Byte>
std::uint64_t number_of(std::span<const Byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::size_t aligned(std::size_t size) { return (size + 7) / 8 * 8; }

}  // namespace

Result<> TextHeap::learn_sizes(const Handle& object) {
  if (address_bytes_ > 0) return {};
  const Handle file(H5Iget_file_id(object.id()), H5Fclose);
  const Handle creation(file ? H5Fget_create_plist(file.id()) : -1, H5Pclose);
  hsize_t user_block = 0;
  std::size_t address = 0, size = 0;
  if (!creation || H5Pget_userblock(creation.id(), &user_block) < 0 ||
      H5Pget_sizes(creation.id(), &address, &size) < 0 || address > 8 || size > 8) {
    return damaged("the file does not say how wide its addresses are");
  }
  base_ = user_block;
  address_bytes_ = address;
  size_bytes_ = size;
  return {};
}

Handle TextHeap::place_type() const { return opaque_type(4 + address_bytes_ + 4); }

TextHeap::Place TextHeap::place_of(std::span<const unsigned char> bytes) const {
  return {.length = number_of(bytes.first(4)),
          .collection = number_of(bytes.subspan(4, address_bytes_)),
          .number = number_of(bytes.subspan(4 + address_bytes_, 4))};
}

Result<std::vector<std::string>> TextHeap::of_set(const Handle& set, std::size_t count,
                                                  std::uint64_t& budget) {
  NT_TRY_VOID(learn_sizes(set));
  const Handle type = place_type();
  const std::size_t element = H5Tget_size(type.id());
  const std::uint64_t own = count * (element + sizeof(std::string));
  if (own > budget) return beyond_limit("a list of texts", own);
  budget -= own;
  std::vector<unsigned char> bytes(count * element);
  if (!is_registered() ||
      H5Dread(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
    return damaged(fmt::format("the texts do not read: {}", hdf5_reason()));
  }
  std::vector<std::string> texts;
  texts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = place_of(std::span(bytes).subspan(i * element, element));
    NT_TRY(std::string text, text_at(place, budget));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<std::string> TextHeap::of_attribute(const Handle& attribute, std::uint64_t& budget) {
  NT_TRY_VOID(learn_sizes(attribute));
  const Handle type = place_type();
  std::vector<unsigned char> bytes(H5Tget_size(type.id()));
  if (!is_registered() || H5Aread(attribute.id(), type.id(), bytes.data()) < 0)
    return damaged(fmt::format("a text does not read: {}", hdf5_reason()));
  return text_at(place_of(bytes), budget);
}

Result<std::string> TextHeap::text_at(const Place& place, std::uint64_t& budget) {
  if (place.length == 0 || place.collection == 0) return std::string();
  if (place.length > file_bytes_) {
    return error("hdf5.limit", {},
                 fmt::format("a text of {} bytes is longer than the file of {}",
                             with_thousands(place.length), with_thousands(file_bytes_)),
                 "the file is damaged or cut off; copy or export it again");
  }
  NT_TRY(const Collection* collection, collection_at(place.collection, budget));
  const auto found = collection->objects.find(place.number);
  if (found == collection->objects.end() || found->second.size < place.length) {
    return damaged(
        fmt::format("a text of {} bytes is not in the heap at {}", place.length, place.collection));
  }
  if (2 * place.length > budget) return beyond_limit("a text", place.length);
  budget -= 2 * place.length;
  const std::string_view text(collection->bytes.data() + found->second.begin, place.length);
  return std::string(text.substr(0, text.find('\0')));
}

Result<const TextHeap::Collection*> TextHeap::collection_at(std::uint64_t address,
                                                            std::uint64_t& budget) {
  for (const Collection& each : recent_)
    if (each.address == address) return &each;
  const std::size_t header = aligned(kMagic.size() + 4 + size_bytes_);
  std::vector<char> start(header);
  const std::uint64_t at = base_ + address;
  if (at < base_ || at > file_bytes_ || file_bytes_ - at < header)
    return damaged(fmt::format("the texts at {} are beyond the end of the file", address));
  NT_TRY(const std::size_t got, fetch_(at, start));
  const std::uint64_t size =
      number_of(std::span<const char>(start).subspan(kMagic.size() + 4, size_bytes_));
  if (got < header || std::string_view(start.data(), kMagic.size()) != kMagic || size < header ||
      size > file_bytes_ - at) {
    return damaged(fmt::format("there is no heap of texts at {}", address));
  }
  if (size > budget) return beyond_limit("a heap of texts", size);
  budget -= size;
  Collection made{.address = address, .bytes = std::vector<char>(size), .objects = {}};
  NT_TRY(const std::size_t all, fetch_(at, made.bytes));
  if (all < size) return damaged(fmt::format("the texts at {} are cut off", address));
  const std::span<const char> bytes(made.bytes);
  const std::size_t head = aligned(8 + size_bytes_);
  for (std::size_t place = header; place + head <= size;) {
    const std::uint64_t number = number_of(bytes.subspan(place, 2));
    const std::uint64_t length = number_of(bytes.subspan(place + 8, size_bytes_));
    if (number == 0) break;  // free from here on
    if (length > size - place - head)
      return damaged(fmt::format("a text in the heap at {} is longer than the heap", address));
    made.objects.emplace(number, Object{place + head, length});
    place += head + aligned(length);
  }
  if (recent_.size() == kKept) recent_.pop_back();
  recent_.push_front(std::move(made));
  return &recent_.front();
}

}  // namespace neurotool
