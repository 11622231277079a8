// A text that two nodes share exactly when every field of theirs is equal, weights and their
// quantisation included: what finds common subexpressions.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/hash.hpp"
#include "ir/fields.hpp"

namespace neurotool {

class StructuralKey {
 public:
  template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) void add(T value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    append(bytes);
  }
  void add(const std::string& text) {
    add(text.size());
    key_ += text;
  }
  template <class T>
  void add(const std::vector<T>& list) {
    add(list.size());
    for (const T& item : list) add(item);
  }
  template <class T, std::size_t kCount>
  void add(const std::array<T, kCount>& list) {
    for (const T& item : list) add(item);
  }
  template <class T>
  void add(const std::optional<T>& item) {
    add(item.has_value());
    if (item) add(*item);
  }
  void add(const Tensor& tensor) {
    add(tensor.defined());
    if (!tensor.defined()) return;
    add(tensor.dtype());
    add(tensor.shape());
    if (const auto& quantization = tensor.quantization()) {
      add(quantization->scales);
      add(quantization->zero_point);
      add(quantization->bits);
    }
    Sha256 hash;
    hash.update(std::span(tensor.data(), tensor.bytes()));
    key_ += hash.hex();
  }
  /// Which alternative it is, and its fields.
  template <class... Kinds>
  void add(const std::variant<Kinds...>& node) {
    add(node.index());
    std::visit(
        [&](const auto& kind) { each_field(kind, [&](auto, const auto& field) { add(field); }); },
        node);
  }

  const std::string& text() const { return key_; }

 private:
  void append(std::span<const std::byte> bytes) {
    key_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string key_;
};

}  // namespace neurotool
