// Files through POSIX calls: opening first and asking what it is afterwards leaves no gap in which
// the file could be exchanged, and errno says why something did not work.
#include "base/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/input_file.hpp"
#include "base/text.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

Location at(const fs::path& path) { return FilePosition{.path = path.string()}; }

/// "permission denied"
std::string reason(int code) {
  std::string text = std::generic_category().message(code);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

Error unreadable(const fs::path& path, int code) {
  if (code == ENOENT || code == ENOTDIR) {
    return error("file.missing", at(path), fmt::format("'{}' does not exist", path.string()));
  }
  return error("file.unreadable", at(path),
               fmt::format("'{}' cannot be read: {}", path.string(), reason(code)));
}

Error unwritable(const fs::path& path, int code) {
  return error("file.unwritable", at(path),
               fmt::format("'{}' cannot be written: {}", path.string(), reason(code)));
}

Error not_regular(const fs::path& path) {
  return error("file.not-regular", at(path),
               fmt::format("'{}' is not a regular file", path.string()));
}

Error not_folder(const fs::path& path) {
  return error("file.not-folder", at(path),
               fmt::format("'{}' is there already and is not a folder", path.string()),
               "choose another output path, or move that file away");
}

Error too_large(const fs::path& path, std::string_view what, std::uint64_t max_bytes) {
  return error("file.too-large", at(path),
               fmt::format("'{}' {} more than the {} bytes allowed", path.string(), what,
                           with_thousands(max_bytes)));
}

Error out_of_memory(const fs::path& path, std::uint64_t bytes) {
  return error("file.too-large", at(path),
               fmt::format("'{}' needs {} bytes of memory, more than there is", path.string(),
                           with_thousands(bytes)));
}

/// A string of exactly this size, or nothing where memory does not suffice.
std::optional<std::string> sized_string(std::uint64_t bytes) {
  try {
    return std::string(bytes, '\0');
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  } catch (const std::length_error&) {
    return std::nullopt;
  }
}

}  // namespace

Result<InputFile> InputFile::open(const fs::path& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for its writer.
  InputFile file(path, ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.descriptor_ < 0) return unreadable(path, errno);
  struct stat status {};
  if (::fstat(file.descriptor_, &status) != 0) return unreadable(path, errno);
  if (!S_ISREG(status.st_mode)) return not_regular(path);
  file.size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

InputFile::InputFile(fs::path path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> InputFile::read(std::span<char> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::read(descriptor_, buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path_, errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<std::size_t> InputFile::read_at(std::uint64_t offset, std::span<char> buffer) const {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::pread(descriptor_, buffer.data() + done, buffer.size() - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path_, errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<std::string> read_file(const fs::path& path, std::uint64_t max_bytes) {
  NT_TRY(InputFile file, InputFile::open(path));
  if (file.size() > max_bytes) return too_large(path, "holds", max_bytes);
  std::optional<std::string> content = sized_string(file.size());
  if (!content) return out_of_memory(path, file.size());
  NT_TRY(const std::size_t count, file.read(*content));
  content->resize(count);
  // Files under /proc say that they are empty, and a log may have grown since.
  std::array<char, 4096> more;
  for (;;) {
    NT_TRY(const std::size_t extra, file.read(more));
    if (extra > max_bytes - content->size()) return too_large(path, "holds", max_bytes);
    content->append(more.data(), extra);
    if (extra < more.size()) return *std::move(content);
  }
}

namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b";

/// Inflates the members of one gzip text into a string that grows up to a limit.
class Gunzip {
 public:
  Gunzip(std::string_view bytes, const fs::path& path, std::uint64_t max_bytes)
      : rest_(bytes), total_(bytes.size()), path_(path), max_bytes_(max_bytes) {}
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;
  ~Gunzip() { inflateEnd(&stream_); }

  Result<std::string> run() {
    // 15: the largest window; 16 on top: gzip, with its checksum and length verified.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) return out_of_memory(path_, kFirstRoom);
    do {
      if (!rest_.starts_with(kGzipMagic)) return corrupt("is followed by bytes that are not gzip");
      NT_TRY_VOID(member());
      inflateReset(&stream_);
    } while (!rest_.empty());
    out_.resize(size_);
    return std::move(out_);
  }

 private:
  Result<> member() {
    for (;;) {
      if (size_ == out_.size() && out_.size() < max_bytes_) NT_TRY_VOID(grow());
      const int status = step();
      if (overflowed_) return too_large(path_, "inflates to", max_bytes_);
      if (status == Z_STREAM_END) return {};
      if (status == Z_MEM_ERROR) return out_of_memory(path_, out_.size());
      if (status == Z_DATA_ERROR) return corrupt("does not match its own codes or checksum");
      if (status == Z_NEED_DICT) return corrupt("asks for a dictionary, which gzip does not have");
      if (rest_.empty()) return corrupt("ends early");
    }
  }

  /// One call of inflate. At the limit one byte of room remains outside `out_`: a member that ends
  /// exactly there must still read its checksum, and one that does not shows itself.
  int step() {
    char overflow = 0;
    const bool full = size_ == out_.size();
    const std::size_t input = std::min(rest_.size(), kStep);
    const std::size_t room = full ? 1 : std::min(out_.size() - size_, kStep);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
    stream_.avail_in = static_cast<uInt>(input);
    stream_.next_out = reinterpret_cast<Bytef*>(full ? &overflow : out_.data() + size_);
    stream_.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    rest_.remove_prefix(input - stream_.avail_in);
    const std::size_t written = room - stream_.avail_out;
    overflowed_ = full && written > 0;
    if (!full) size_ += written;
    return status;
  }

  /// Doubles the room by hand: std::string would round up past the limit.
  Result<> grow() {
    const std::uint64_t wanted =
        std::min(max_bytes_, std::max<std::uint64_t>(2 * out_.size(), kFirstRoom));
    std::optional<std::string> larger = sized_string(wanted);
    if (!larger) return out_of_memory(path_, wanted);
    std::copy_n(out_.data(), size_, larger->data());
    out_ = *std::move(larger);
    return {};
  }

  Error corrupt(std::string_view what) const {
    return error("file.corrupt", at(path_),
                 fmt::format("the gzip data in '{}' {} (at byte {} of {})", path_.string(), what,
                             with_thousands(total_ - rest_.size()), with_thousands(total_)));
  }

  static constexpr std::uint64_t kFirstRoom = std::uint64_t{1} << 16;
  static constexpr std::size_t kStep = std::size_t{1} << 30;  // zlib counts in 32 bits

  std::string_view rest_;
  std::size_t total_;
  const fs::path& path_;
  std::uint64_t max_bytes_;
  z_stream stream_{};
  std::string out_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
};

}  // namespace

Result<std::string> gunzip_if_needed(std::string bytes, const fs::path& path,
                                     std::uint64_t max_bytes) {
  if (!bytes.starts_with(kGzipMagic)) return bytes;
  return Gunzip(bytes, path, max_bytes).run();
}

namespace {

/// A new file beside its final place, gone again unless keep() is called.
class TemporaryFile {
 public:
  TemporaryFile(fs::path path, mode_t mode)
      : path_(std::move(path)),
        descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)),
        exists_(descriptor_ >= 0) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    close();
    if (exists_) ::unlink(path_.c_str());
  }

  /// These three return 0, or why they could not.
  int write(std::string_view content) {
    while (!content.empty()) {
      const ssize_t count = ::write(descriptor_, content.data(), content.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return errno;
      content.remove_prefix(static_cast<std::size_t>(count));
    }
    return 0;
  }
  int close() {
    return descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0 ? errno : 0;
  }
  int keep_as(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) return errno;
    exists_ = false;
    return 0;
  }

  bool exists() const { return exists_; }
  int descriptor() const { return descriptor_; }

 private:
  fs::path path_;
  int descriptor_;
  bool exists_;
};

fs::path beside(const fs::path& path, std::string_view suffix) {
  return path.parent_path() / fmt::format(".{}.{}", path.filename().string(), suffix);
}

/// Where a link leads, so that what is replaced is the file and not the link to it.
fs::path follow_link(const fs::path& path) {
  std::error_code code;
  if (!fs::is_symlink(path, code)) return path;
  const fs::path target = fs::canonical(path, code);
  return code ? path : target;
}

}  // namespace

Result<> write_file_atomic(const fs::path& path, std::string_view content) {
  static std::atomic<unsigned> counter{0};
  const fs::path target = follow_link(path);
  struct stat old {};
  const bool replaces = ::stat(target.c_str(), &old) == 0;
  if (replaces && !S_ISREG(old.st_mode)) return not_regular(path);

  const auto suffix = fmt::format("{}-{}.tmp", ::getpid(), counter++);
  TemporaryFile file(beside(target, suffix), 0666);
  if (!file.exists()) return unwritable(path, errno);
  // Who may read the file is not changed by rewriting it.
  if (replaces && ::fchmod(file.descriptor(), old.st_mode & 07777) != 0) {
    return unwritable(path, errno);
  }
  if (const int code = file.write(content)) return unwritable(path, code);
  if (const int code = file.close()) return unwritable(path, code);
  if (const int code = file.keep_as(target)) return unwritable(path, code);
  return {};
}

namespace {

/// The first of "<path>", "<path>-2", "<path>-3", … that this call could make a folder of.
Result<fs::path> make_new_folder(const fs::path& path) {
  constexpr int kTries = 1000;  // what crashed runs left behind is not ours to remove
  for (int number = 1; number <= kTries; ++number) {
    fs::path folder = path;
    if (number > 1) folder += fmt::format("-{}", number);
    if (::mkdir(folder.c_str(), 0777) == 0) return folder;
    if (errno != EEXIST) return unwritable(folder, errno);
  }
  return unwritable(path, EEXIST);
}

/// Nothing there, or a folder that may be replaced.
Result<> check_replaceable(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::symlink_status(path, code);
  if (fs::exists(status) && !fs::is_directory(status)) return not_folder(path);
  return {};
}

}  // namespace

FolderSwap::FolderSwap(fs::path final_path, fs::path staging)
    : final_(std::move(final_path)), staging_(std::move(staging)) {}

FolderSwap::FolderSwap(FolderSwap&& other) noexcept
    : final_(std::move(other.final_)), staging_(std::exchange(other.staging_, {})) {}

FolderSwap::~FolderSwap() {
  std::error_code ignored;
  if (!staging_.empty()) fs::remove_all(staging_, ignored);
}

Result<FolderSwap> FolderSwap::create(const fs::path& final_path) {
  fs::path target = final_path.lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "out/" means "out"
  if (target.filename().empty() || target.filename() == "." || target.filename() == "..") {
    return error("file.unwritable", at(final_path),
                 fmt::format("'{}' cannot be replaced as a whole", final_path.string()),
                 "name a folder inside it");
  }
  target = follow_link(target);
  NT_TRY_VOID(check_replaceable(target));
  std::error_code code;
  if (target.has_parent_path()) fs::create_directories(target.parent_path(), code);
  if (code) return unwritable(target.parent_path(), code.value());
  NT_TRY(fs::path staging, make_new_folder(beside(target, fmt::format("partial-{}", ::getpid()))));
  return FolderSwap(std::move(target), std::move(staging));
}

Result<> FolderSwap::commit() {
  std::error_code code;
  NT_TRY_VOID(check_replaceable(final_));
  if (!fs::exists(final_, code)) {
    fs::rename(staging_, final_, code);
    if (code) return unwritable(final_, code.value());
    staging_.clear();
    return {};
  }
  // An empty folder of a fresh name may be renamed over, so nobody else's folder can be in the way.
  NT_TRY(const fs::path aside,
         make_new_folder(beside(final_, fmt::format("replaced-{}", ::getpid()))));
  fs::rename(final_, aside, code);
  if (!code) {
    fs::rename(staging_, final_, code);
    std::error_code ignored;
    if (code) fs::rename(aside, final_, ignored);
  }
  if (code) {
    std::error_code ignored;
    fs::remove(aside, ignored);
    return unwritable(final_, code.value());
  }
  staging_.clear();
  fs::remove_all(aside, code);  // the new folder is in place; an old one that resists is no error
  return {};
}

}  // namespace neurotool
