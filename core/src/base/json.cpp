// JSON text. nlohmann-json reads it event by event, so that depth is limited and order kept;
// writing is ours, because numbers must come out as the same shortest text everywhere.
#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "base/check.hpp"
#include "base/text.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMaxDepth = 200;

/// Builds a Json from the events of the parser. The containers that are still open form a stack;
/// each is moved into the one below it when it closes.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  Result<Json> take() && {
    if (failure_) return *std::move(failure_);
    return std::move(root_);
  }

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(Json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return add(Json(value)); }
  bool string(string_t& value) override { return add(Json(std::move(value))); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    if (!open_.back().keys.insert(value).second) {
      return fail(fmt::format("the key '{}' appears twice in one object", value));
    }
    open_.back().key = std::move(value);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& exception) override {
    // The parser counts the bytes it has read, the last of which is the one it did not expect.
    const std::size_t end = std::min(position, text_.size());
    const std::size_t offset = end == 0 ? 0 : end - 1;
    const std::string_view reason = exception.what();
    const auto about = [&](std::string_view part) { return reason.find(part) != reason.npos; };
    if (about("unexpected end of input") || about("missing closing quote")) {
      return fail(fmt::format("the JSON text ends early, after {} bytes", text_.size()));
    }
    if (about("number overflow")) {
      return fail(fmt::format("the number that ends at byte {} is too large", offset));
    }
    const std::size_t shown = std::min<std::size_t>(end, 16);
    return fail(fmt::format("the JSON text goes wrong at byte {}, at the end of '{}'", offset,
                            text_.substr(end - shown, shown)));
  }

 private:
  struct Open {
    bool is_object = false;
    Json::Array items;
    Json::Object members;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool add(Json item) {
    if (open_.empty()) {
      root_ = std::move(item);
    } else if (Open& top = open_.back(); top.is_object) {
      top.members.emplace_back(std::move(top.key), std::move(item));
    } else {
      top.items.push_back(std::move(item));
    }
    return true;
  }

  bool open(bool is_object) {
    if (open_.size() == kMaxDepth) {
      return fail(fmt::format("the JSON text nests deeper than {} levels", kMaxDepth));
    }
    open_.emplace_back().is_object = is_object;
    return true;
  }

  bool close() {
    Open& top = open_.back();
    Json done = top.is_object ? Json(std::move(top.members)) : Json(std::move(top.items));
    open_.pop_back();
    return add(std::move(done));
  }

  bool fail(std::string message) {
    failure_ = error("json.syntax", {}, std::move(message));
    return false;
  }

  std::string_view text_;
  Json root_;
  std::vector<Open> open_;
  std::optional<Error> failure_;
};

/// Quoted and escaped. Bytes that are not UTF-8 become U+FFFD, as JSON has no way to write them.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  std::string take() && { return std::move(text_); }

  void operator()(std::nullptr_t) { text_ += "null"; }
  void operator()(bool value) { text_ += value ? "true" : "false"; }
  void operator()(std::int64_t value) { text_ += std::to_string(value); }
  void operator()(const std::string& value) { text_ += quoted(value); }

  void operator()(double value) {
    if (!std::isfinite(value)) return (*this)(nullptr);
    const std::string number = number_text(value);
    text_ += number;
    // Without a point or an exponent it would read back as an integer.
    if (number.find_first_of(".e") == number.npos) text_ += ".0";
  }

  void operator()(const Json::Array& items) {
    list('[', ']', items, [&](const Json& item) { std::visit(*this, item.value()); });
  }

  void operator()(const Json::Object& members) {
    list('{', '}', members, [&](const auto& member) {
      text_ += quoted(member.first);
      text_ += indent_ > 0 ? ": " : ":";
      std::visit(*this, member.second.value());
    });
  }

 private:
  template <class Items, class Write>
  void list(char first, char last, const Items& items, const Write& write) {
    text_ += first;
    ++depth_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) text_ += ',';
      new_line();
      write(items[i]);
    }
    --depth_;
    if (!items.empty()) new_line();
    text_ += last;
  }

  void new_line() {
    if (indent_ <= 0) return;
    text_ += '\n';
    text_.append(static_cast<std::size_t>(indent_) * depth_, ' ');
  }

  int indent_;
  std::size_t depth_ = 0;
  std::string text_;
};

}  // namespace

Json::Value Json::from_unsigned(std::uint64_t value) {
  if (std::in_range<std::int64_t>(value)) return static_cast<std::int64_t>(value);
  return static_cast<double>(value);
}

Json& Json::operator[](std::string_view key) {
  auto* members = std::get_if<Object>(&value_);
  NT_CHECK(members != nullptr, fmt::format("the member '{}' is of something not an object", key));
  for (auto& [name, value] : *members) {
    if (name == key) return value;
  }
  return members->emplace_back(key, Json()).second;
}

const Json* Json::find(std::string_view key) const {
  const auto* members = std::get_if<Object>(&value_);
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::find(*members, key, &Object::value_type::first);
  return found == members->end() ? nullptr : &found->second;
}

void Json::push_back(Json item) {
  auto* items = std::get_if<Array>(&value_);
  NT_CHECK(items != nullptr, "push_back() needs an array");
  items->push_back(std::move(item));
}

std::string Json::dump(int indent) const {
  Writer writer(indent);
  std::visit(writer, value_);
  return std::move(writer).take();
}

Result<Json> Json::parse(std::string_view text) {
  // nlohmann-json takes a zero byte for the end of the text and would ignore what follows.
  if (const auto zero = text.find('\0'); zero != text.npos) {
    return error("json.syntax", {}, fmt::format("the JSON text holds a zero at byte {}", zero));
  }
  Builder builder(text);
  nlohmann::json::sax_parse(text, &builder);
  return std::move(builder).take();
}

}  // namespace neurotool
