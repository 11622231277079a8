// Memory that a child process fills and its parent goes on with: the numbers of large data sets are
// never copied on their way out of the process that reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ir/tensor.hpp"

namespace neurotool {

class SharedValues : public std::enable_shared_from_this<SharedValues> {
 public:
  /// Address space for up to `most` bytes, or less where the system gives less; pages count once
  /// they are written. Null where there is none at all.
  static std::shared_ptr<SharedValues> reserve(std::uint64_t most);
  SharedValues(const SharedValues&) = delete;
  SharedValues& operator=(const SharedValues&) = delete;
  ~SharedValues();

  /// Pages for `size` bytes that nobody else is given; null where no room is left.
  std::byte* take(std::size_t size);
  /// Where memory lies that take() gave.
  std::optional<std::uint64_t> offset_of(const std::byte* data) const;
  /// From now on nobody can write there: neither we nor a child that is made later, whatever the
  /// file that it reads breaks in it.
  void seal();
  /// The bytes there, without a copy; their pages are given back with the buffer. Null for a range
  /// that take() cannot have given.
  std::shared_ptr<const Buffer> view(std::uint64_t offset, std::size_t size);

  /// One line from the child to whoever wonders where it ended; cut at 4,000 bytes.
  void note(std::string_view text);
  std::string noted() const;

 private:
  SharedValues(std::byte* begin, std::size_t size) : begin_(begin), size_(size) {}

  std::byte* begin_;
  std::size_t size_;
  std::size_t taken_ = 4096;  ///< the first page is the note's
};

}  // namespace neurotool
