// JSON as a value with stable key order. nlohmann-json stays inside json.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace neurotool {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  ///< keys in the order of insertion
  using Value =
      std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object>;

  Json() : value_(nullptr) {}
  Json(std::nullptr_t) : value_(nullptr) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(unsigned value) : value_(std::int64_t{value}) {}
  Json(std::int64_t value) : value_(value) {}
  /// Values that std::int64_t cannot hold become the nearest double.
  Json(std::uint64_t value) : value_(from_unsigned(value)) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(const void*) = delete;  // a pointer would become true
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }

  const Value& value() const { return value_; }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }

  /// The member `key`, made (null) if absent. Only for objects.
  Json& operator[](std::string_view key);
  /// The member `key`, or nullptr.
  const Json* find(std::string_view key) const;
  /// Only for arrays.
  void push_back(Json item);

  /// Deterministic text; whole doubles keep one decimal ("1.0"), others the shortest exact form.
  /// Not-a-number and infinities become null. indent 0: one line.
  std::string dump(int indent = 2) const;

  /// Strict JSON, at most 200 levels deep, every key once per object; errors name the byte offset
  /// (json.syntax).
  static Result<Json> parse(std::string_view text);

  bool operator==(const Json&) const = default;

 private:
  static Value from_unsigned(std::uint64_t value);
  Value value_;
};

}  // namespace neurotool
