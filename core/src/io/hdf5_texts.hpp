// Variable-length texts, taken from the file's bytes by ourselves. The library clears as much
// memory as a text claims to be long, and copies as much as its heap claims to hold. Only for
// io/hdf5*.cpp; call under the lock.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/hdf5_library.hpp"

namespace neurotool {

class TextHeap {
 public:
  /// Bytes of the file from an offset; fewer than asked for only at its end.
  using Fetch = std::function<Result<std::size_t>(std::uint64_t offset, std::span<char> buffer)>;

  TextHeap(Fetch fetch, std::uint64_t file_bytes)
      : fetch_(std::move(fetch)), file_bytes_(file_bytes) {}

  /// The `count` texts of a data set, up to the first zero byte of each. What is taken is charged
  /// to `budget`, twice over. Errors, without a place: hdf5.format, hdf5.limit.
  Result<std::vector<std::string>> of_set(const Handle& set, std::size_t count,
                                          std::uint64_t& budget);
  /// The text of an attribute that has one.
  Result<std::string> of_attribute(const Handle& attribute, std::uint64_t& budget);

 private:
  /// What lies in the file for one text: its length, the collection of texts and its number there.
  struct Place {
    std::uint64_t length = 0, collection = 0, number = 0;
  };
  struct Object {
    std::size_t begin = 0, size = 0;
  };
  struct Collection {
    std::uint64_t address = 0;
    std::vector<char> bytes;
    std::map<std::uint64_t, Object> objects;
  };

  Result<> learn_sizes(const Handle& object);
  Handle place_type() const;
  Place place_of(std::span<const unsigned char> bytes) const;
  Result<std::string> text_at(const Place& place, std::uint64_t& budget);
  Result<const Collection*> collection_at(std::uint64_t address, std::uint64_t& budget);

  Fetch fetch_;
  std::uint64_t file_bytes_;
  std::uint64_t base_ = 0;  ///< the file's own addresses begin behind a user block
  std::size_t address_bytes_ = 0, size_bytes_ = 0;
  std::list<Collection> recent_;
};

}  // namespace neurotool
