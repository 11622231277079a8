// Opens the file by its resolved path and checks what was opened, not what was named.
#include "frontend/onnx/external_data.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

namespace neurotool::from_onnx {
namespace {

namespace fs = std::filesystem;

Error refuse(std::string message, std::string help = {}) {
  return error("onnx.external-data", {}, std::move(message), std::move(help));
}

/// Tensors may overlap, and a short file may not fill the memory by being read again and again.
constexpr std::uint64_t kMostOften = 2;

constexpr const char* kKeepBeside =
    "keep external data in regular files in the model's own folder, and copy them along with it";

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

bool is_inside(const fs::path& folder, const fs::path& file) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first ==
         folder.end();
}

/// The real path of `location` in `folder`.
Result<fs::path> resolve(const fs::path& folder, const std::string& location) {
  const fs::path relative(location);
  if (location.empty()) return refuse("the location of the external data is empty", kKeepBeside);
  if (relative.is_absolute()) {
    return refuse(fmt::format("the location '{}' is absolute", location), kKeepBeside);
  }
  if (std::ranges::find(relative, fs::path("..")) != relative.end()) {
    return refuse(fmt::format("the location '{}' leaves the model's folder", location),
                  kKeepBeside);
  }
  std::error_code code;
  const fs::path root = fs::canonical(folder.empty() ? fs::path(".") : folder, code);
  const fs::path file = code ? fs::path() : fs::canonical(root / relative, code);
  if (code) {
    return refuse(fmt::format("the file '{}' cannot be found: {}", location, code.message()),
                  kKeepBeside);
  }
  if (!is_inside(root, file)) {
    return refuse(fmt::format("'{}' is a link that leaves the model's folder", location),
                  kKeepBeside);
  }
  return file;
}

Result<> fill(int descriptor, std::uint64_t offset, std::vector<std::byte>& bytes,
              const std::string& location) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ::ssize_t got = ::pread(descriptor, bytes.data() + done, bytes.size() - done,
                                  static_cast<::off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return refuse(fmt::format("'{}' could be read up to byte {} only", location, offset + done));
    }
    done += static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Buffer>> ExternalFolder::read(const std::string& location,
                                                           std::uint64_t offset,
                                                           std::uint64_t bytes) const {
  NT_TRY(const fs::path file, resolve(folder_, location));
  // Not blocking: a named pipe must not hang us before fstat has seen what it is.
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (descriptor.number() < 0) {
    return refuse(fmt::format("the file '{}' cannot be opened: {}", location,
                              std::generic_category().message(errno)));
  }
  struct ::stat status {};
  if (::fstat(descriptor.number(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return refuse(fmt::format("'{}' is not a regular file", location), kKeepBeside);
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (offset > size || bytes > size - offset) {
    return refuse(fmt::format("{} bytes from byte {} are wanted, '{}' has {} bytes", bytes, offset,
                              location, size),
                  "the file is cut short or belongs to another model: copy it again");
  }
  const Part part{status.st_dev, status.st_ino, offset, bytes};
  if (const auto found = parts_.find(part); found != parts_.end()) return found->second;
  std::uint64_t& read = read_[{status.st_dev, status.st_ino}];
  if (read > kMostOften * size || bytes > kMostOften * size - read) {
    return refuse(fmt::format("the tensors in '{}' together take more than {} times its {} bytes",
                              location, kMostOften, size),
                  "export the model again; tensors that are equal share one place");
  }
  read += bytes;
  auto owner = std::make_shared<std::vector<std::byte>>(bytes);
  NT_TRY_VOID(fill(descriptor.number(), offset, *owner, location));
  auto buffer = std::make_shared<const Buffer>(owner->data(), owner->size(), owner);
  parts_.emplace(part, buffer);
  return buffer;
}

}  // namespace neurotool::from_onnx
