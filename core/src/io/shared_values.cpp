// An anonymous shared mapping, made before the fork. Nothing but the note is read from it that the
// child has not named in its answer, and then every range is checked again.
#include "io/shared_values.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <functional>

namespace neurotool {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kMost = std::uint64_t{1} << 44;

constexpr std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

std::shared_ptr<SharedValues> SharedValues::reserve(std::uint64_t most) {
  for (std::uint64_t size = kPage + whole_pages(std::min(most, kMost)); size > kPage;
       size = whole_pages(size / 2)) {
    void* const begin = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (begin == MAP_FAILED) continue;
    return std::shared_ptr<SharedValues>(
        new SharedValues(static_cast<std::byte*>(begin), static_cast<std::size_t>(size)));
  }
  return nullptr;
}

SharedValues::~SharedValues() { ::munmap(begin_, size_); }

std::byte* SharedValues::take(std::size_t size) {
  if (size > size_ - taken_) return nullptr;
  std::byte* const place = begin_ + taken_;
  taken_ = std::min<std::size_t>(size_, taken_ + whole_pages(size));
  return place;
}

std::optional<std::uint64_t> SharedValues::offset_of(const std::byte* data) const {
  if (std::less<>()(data, begin_ + kPage) || !std::less<>()(data, begin_ + size_)) return {};
  return static_cast<std::uint64_t>(data - begin_);
}

void SharedValues::seal() { ::mprotect(begin_, size_, PROT_READ); }

std::shared_ptr<const Buffer> SharedValues::view(std::uint64_t offset, std::size_t size) {
  if (offset % kPage != 0 || offset < kPage || offset > size_ || size > size_ - offset) return {};
  std::byte* const data = begin_ + offset;
  const auto give_back = [memory = shared_from_this(), size](std::byte* pages) {
    // Kernels give back what may be written to.
    ::mprotect(pages, whole_pages(size), PROT_READ | PROT_WRITE);
    ::madvise(pages, whole_pages(size), MADV_REMOVE);
  };
  return std::make_shared<const Buffer>(data, size,
                                        std::shared_ptr<const std::byte>(data, give_back));
}

void SharedValues::note(std::string_view text) {
  const std::size_t size = std::min<std::size_t>(text.size(), 4000);
  std::memcpy(begin_, text.data(), size);
  begin_[size] = std::byte{0};
}

std::string SharedValues::noted() const {
  const auto* text = reinterpret_cast<const char*>(begin_);
  return std::string(text, ::strnlen(text, kPage));
}

}  // namespace neurotool
