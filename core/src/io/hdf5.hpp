// HDF5 files in memory: made, and read from bytes. The only place that touches the HDF5 library,
// which gets one call at a time (a mutex) and keeps its messages to itself.
//
// Objects are named by paths such as "tensors/3". Only what lies inside the file is read: links to
// other files, external storage and virtual data sets are refused, and no data set may claim to be
// more than its stored bytes can hold.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

class Hdf5File {
 public:
  /// A new, empty file in memory. `where` names it in messages.
  static Result<Hdf5File> create(std::string_view where);
  /// A file from its bytes, which are copied. Errors: data.format.
  static Result<Hdf5File> open(std::string_view bytes, std::string_view where);
  Hdf5File(Hdf5File&&) noexcept;
  Hdf5File& operator=(Hdf5File&&) noexcept;
  ~Hdf5File();

  /// Groups on the way are made. bool is stored as uint8, half-precision numbers as their 16 bits.
  Result<> write_tensor(const std::string& path, const Tensor& tensor);
  Result<> write_text(const std::string& path, std::string_view text);

  /// The numbers of a data set that holds this element type. Errors: data.format.
  Result<Tensor> read_tensor(const std::string& path, DType dtype) const;
  Result<std::string> read_text(const std::string& path) const;
  /// Names in a group, sorted; "/" is the top.
  Result<std::vector<std::string>> names(const std::string& group) const;

  /// The file's bytes as they are now. The same content gives the same bytes.
  Result<std::string> bytes() const;

 private:
  struct State;
  explicit Hdf5File(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace neurotool
