// The tree itself: comparison, look-up, and words about its values.
#include "io/hdf5_tree.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurotool::hdf5 {

const Item* Group::find(std::string_view name) const {
  const auto place = std::ranges::lower_bound(
      members, name, {}, [](const Item& item) { return std::string_view(item.name); });
  return place != members.end() && place->name == name ? &*place : nullptr;
}

bool Group::operator==(const Group& other) const { return members == other.members; }

bool Attribute::operator==(const Attribute& other) const {
  return name == other.name && value == other.value;
}

const Attribute* Item::attribute(std::string_view wanted) const {
  const auto place = std::ranges::find(attributes, wanted, &Attribute::name);
  return place == attributes.end() ? nullptr : &*place;
}

bool Item::operator==(const Item& other) const {
  return name == other.name && value == other.value && attributes == other.attributes;
}

Value text(std::string_view value) { return Texts{.shape = {}, .values = {std::string(value)}}; }

const std::string* text_of(const Value& value) {
  const auto* texts = std::get_if<Texts>(&value);
  return texts != nullptr && texts->shape.empty() && texts->values.size() == 1 ? &texts->values[0]
                                                                               : nullptr;
}

std::uint64_t ReadLimits::budget(std::uint64_t file_bytes) const {
  constexpr std::uint64_t kLeast = std::uint64_t{1} << 30;
  return max_bytes != 0 ? max_bytes : std::max(kLeast, 16 * file_bytes);
}

std::string describe(const Value& value) {
  struct Words {
    std::string operator()(const Group& group) const {
      return fmt::format("a group of {}", group.members.size());
    }
    std::string operator()(const Tensor& tensor) const {
      return fmt::format("{}{}", short_name(tensor.dtype()), to_string(tensor.shape()));
    }
    std::string operator()(const Texts& texts) const {
      return texts.shape.empty() ? "a text" : fmt::format("texts{}", to_string(texts.shape));
    }
    std::string operator()(const Unreadable& other) const { return other.what; }
  };
  return std::visit(Words{}, value);
}

}  // namespace neurotool::hdf5
