// Numbers in eight bytes, texts behind their length, values behind a letter for their kind.
#include "io/hdf5_tree_bytes.hpp"

#include <cstring>
#include <utility>

namespace neurotool::hdf5 {
namespace {

constexpr std::size_t kMostDepth = 100;  ///< of trees; readers stop far above
constexpr char kGroup = 'g', kHere = 'h', kShared = 's', kTexts = 't', kUnreadable = 'u';
constexpr char kTree = 'i', kError = 'e', kEnd = '.';

class Writer {
 public:
  explicit Writer(const SharedValues& shared) : shared_(shared) {}

  std::string written(const Result<Item>& tree) {
    if (tree) {
      out_ += kTree;
      item(*tree);
    } else {
      out_ += kError;
      error(tree.error());
    }
    out_ += kEnd;
    return std::move(out_);
  }

 private:
  void number(std::uint64_t value) { out_.append(reinterpret_cast<const char*>(&value), 8); }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void shape(const Shape& extents) {
    number(extents.size());
    for (const std::int64_t extent : extents) number(static_cast<std::uint64_t>(extent));
  }

  void error(const Error& found) {
    text(found.code);
    text(found.message);
    text(found.help);
    const auto* file = std::get_if<FilePosition>(&found.at);
    const auto* node = std::get_if<ModelNode>(&found.at);
    text(file != nullptr ? file->path : node != nullptr ? node->path : "");
    text(node != nullptr ? node->node : "");
    number(file != nullptr ? 1 : node != nullptr ? 2 : 0);
  }

  void item(const Item& one) {
    text(one.name);
    number(one.big_endian ? 1 : 0);
    value(one.value);
    number(one.attributes.size());
    for (const Attribute& attribute : one.attributes) {
      text(attribute.name);
      value(attribute.value);
    }
  }

  void value(const Value& any) {
    std::visit([&](const auto& known) { write(known); }, any);
  }
  void write(const Group& group) {
    out_ += kGroup;
    number(group.members.size());
    for (const Item& member : group.members) item(member);
  }
  void write(const Tensor& tensor) {
    const auto offset = shared_.offset_of(tensor.data());
    out_ += offset ? kShared : kHere;
    number(static_cast<std::uint64_t>(tensor.dtype()));
    shape(tensor.shape());
    if (offset) return number(*offset);
    if (tensor.bytes() > 0) {
      out_.append(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
    }
  }
  void write(const Texts& texts) {
    out_ += kTexts;
    shape(texts.shape);
    number(texts.values.size());
    for (const std::string& one : texts.values) text(one);
  }
  void write(const Unreadable& other) {
    out_ += kUnreadable;
    text(other.what);
  }

  const SharedValues& shared_;
  std::string out_;
};

/// After the first thing that does not fit, `fine()` is false and everything is empty.
class Parser {
 public:
  Parser(std::string_view bytes, const std::shared_ptr<SharedValues>& shared)
      : left_(bytes), shared_(shared) {}

  std::optional<Result<Item>> parsed() {
    const char kind = letter();
    Item tree;
    Error found;
    if (kind == kTree) {
      item(tree, 0);
    } else {
      found = error();
    }
    if (!fine_ || (kind != kTree && kind != kError) || letter() != kEnd || !left_.empty()) {
      return std::nullopt;
    }
    if (kind == kError) return Result<Item>(std::move(found));
    return Result<Item>(std::move(tree));
  }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > left_.size()) {
      fine_ = false;
      left_ = {};
    }
    const std::string_view taken = left_.substr(0, fine_ ? static_cast<std::size_t>(size) : 0);
    left_.remove_prefix(taken.size());
    return taken;
  }
  char letter() {
    const std::string_view one = take(1);
    return one.empty() ? '\0' : one[0];
  }
  std::uint64_t number() {
    const std::string_view eight = take(8);
    std::uint64_t value = 0;
    if (eight.size() == 8) std::memcpy(&value, eight.data(), 8);
    return value;
  }
  /// Of things that take `least` bytes each.
  std::uint64_t count(std::uint64_t least) {
    const std::uint64_t many = number();
    if (many > left_.size() / least) fine_ = false;
    return fine_ ? many : 0;
  }
  std::string text() { return std::string(take(number())); }
  Shape shape() {
    Shape extents(static_cast<std::size_t>(count(8)));
    for (std::int64_t& extent : extents) extent = static_cast<std::int64_t>(number());
    return extents;
  }

  Error error() {
    Error found;
    found.code = text();
    found.message = text();
    found.help = text();
    std::string path = text(), node = text();
    const std::uint64_t kind = number();
    if (kind == 1) found.at = FilePosition{.path = std::move(path)};
    if (kind == 2) found.at = ModelNode{std::move(path), std::move(node)};
    return found;
  }

  void item(Item& into, std::size_t depth) {
    into.name = text();
    into.big_endian = number() == 1;
    into.value = value(depth);
    for (std::uint64_t many = count(8); many > 0 && fine_; --many) {
      std::string name = text();
      into.attributes.push_back({std::move(name), value(kMostDepth)});
    }
  }

  Value value(std::size_t depth) {
    const char kind = letter();
    if (kind == kUnreadable) return Unreadable{text()};
    if (kind == kTexts) {
      Texts made{.shape = shape(), .values = {}};
      for (std::uint64_t many = count(8); many > 0 && fine_; --many) made.values.push_back(text());
      return made;
    }
    if (kind == kHere || kind == kShared) return tensor(kind == kShared);
    Group made;
    fine_ = fine_ && kind == kGroup && depth < kMostDepth;
    if (!fine_) return made;
    for (std::uint64_t many = count(8); many > 0 && fine_; --many) {
      item(made.members.emplace_back(), depth + 1);
    }
    return made;
  }

  Value tensor(bool is_shared) {
    const std::uint64_t type = number();
    Shape extents = shape();
    const auto elements = element_count(extents);
    fine_ = fine_ && type <= static_cast<std::uint64_t>(DType::kFloat64) && elements;
    if (!fine_) return Unreadable{};
    const auto dtype = static_cast<DType>(type);
    const std::size_t size = static_cast<std::size_t>(*elements) * byte_size(dtype);
    if (is_shared) {
      auto buffer = shared_->view(number(), size);
      fine_ = fine_ && buffer != nullptr;
      return fine_ ? Value(Tensor(dtype, std::move(extents), std::move(buffer))) : Unreadable{};
    }
    const std::string_view bytes = take(size);
    if (!fine_) return Unreadable{};
    const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
    return Tensor::from_bytes(dtype, std::move(extents),
                              std::vector<std::byte>(first, first + bytes.size()));
  }

  std::string_view left_;
  const std::shared_ptr<SharedValues>& shared_;
  bool fine_ = true;
};

}  // namespace

std::string to_bytes(const Result<Item>& tree, const SharedValues& shared) {
  return Writer(shared).written(tree);
}

std::optional<Result<Item>> from_bytes(std::string_view bytes,
                                       const std::shared_ptr<SharedValues>& shared) {
  return Parser(bytes, shared).parsed();
}

}  // namespace neurotool::hdf5
