// Window arithmetic of convolutions and pooling, and the broadcast of neuron parameters.
#include <algorithm>
#include <cstring>

#include "ir/nir/shapes.hpp"

namespace neurotool::nir {
namespace {

bool all_at_least(const std::vector<std::int64_t>& numbers, std::int64_t least) {
  return std::ranges::all_of(numbers, [&](std::int64_t n) { return n >= least; });
}

/// PyTorch's "same": as many zeros as keep the extents at stride 1, the odd one behind.
bool set_padding(WindowNumbers& window, const Padding& padding) {
  const std::size_t axes = window.kernel.size();
  window.pad_before.assign(axes, 0);
  window.pad_after.assign(axes, 0);
  if (const auto* word = std::get_if<std::string>(&padding)) {
    if (*word == "valid") return true;
    for (std::size_t i = 0; i < axes; ++i) {
      const std::int64_t total = window.dilation[i] * (window.kernel[i] - 1);
      window.pad_before[i] = total / 2;
      window.pad_after[i] = total - total / 2;
    }
    return *word == "same";
  }
  const auto numbers = whole_numbers(std::get<Tensor>(padding), axes);
  if (!numbers) return false;
  window.pad_before = window.pad_after = *numbers;
  return true;
}

template <class Conv>
std::optional<WindowNumbers> of_convolution(const Conv& conv, std::size_t axes) {
  if (!conv.weight.defined() || conv.weight.rank() != axes + 2) return std::nullopt;
  WindowNumbers window;
  const Shape& shape = conv.weight.shape();
  window.kernel.assign(shape.begin() + 2, shape.end());
  const auto stride = whole_numbers(conv.stride, axes);
  const auto dilation = whole_numbers(conv.dilation, axes);
  const auto groups = whole_numbers(conv.groups, 1);
  if (!stride || !dilation || !groups) return std::nullopt;
  window.stride = *stride;
  window.dilation = *dilation;
  window.groups = groups->front();
  if (!set_padding(window, conv.padding)) return std::nullopt;
  return window;
}

template <class Pool>
std::optional<WindowNumbers> of_pooling(const Pool& pool) {
  const auto kernel = whole_numbers(pool.kernel_size, 2);
  const auto stride = whole_numbers(pool.stride, 2);
  const auto padding = whole_numbers(pool.padding, 2);
  if (!kernel || !stride || !padding) return std::nullopt;
  return WindowNumbers{*kernel, *stride, *padding, *padding, {1, 1}, 1};
}

std::optional<WindowNumbers> unchecked(const Primitive& primitive) {
  if (const auto* conv = std::get_if<Conv1d>(&primitive)) return of_convolution(*conv, 1);
  if (const auto* conv = std::get_if<Conv2d>(&primitive)) return of_convolution(*conv, 2);
  if (const auto* pool = std::get_if<SumPool2d>(&primitive)) return of_pooling(*pool);
  if (const auto* pool = std::get_if<AvgPool2d>(&primitive)) return of_pooling(*pool);
  return std::nullopt;
}

/// How many elements of `shape` one element of the parameter stands for; 0: it does not fit.
std::int64_t repeats(const Tensor& parameter, const Shape& shape) {
  const std::int64_t count = element_count(shape).value_or(0);
  if (parameter.shape() == shape) return 1;
  if (parameter.size() == 1) return count;
  if (shape.empty() || parameter.size() != shape.front()) return 0;
  // [C] or [C,1,1]: per channel.
  const auto& own = parameter.shape();
  const bool leading = own.front() == shape.front() && own.size() <= shape.size();
  return leading ? count / shape.front() : 0;
}

}  // namespace

std::optional<WindowNumbers> window_numbers(const Primitive& primitive) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  auto window = unchecked(primitive);
  if (!window) return std::nullopt;
  const bool sane = all_at_least(window->kernel, 1) && all_at_least(window->stride, 1) &&
                    all_at_least(window->dilation, 1) && all_at_least(window->pad_before, 0) &&
                    window->groups >= 1;
  if (!sane) return std::nullopt;
  for (const auto* list : {&window->kernel, &window->stride, &window->dilation, &window->pad_before,
                           &window->pad_after}) {
    if (std::ranges::any_of(*list, [](std::int64_t n) { return n > kMost; })) return std::nullopt;
  }
  return window;
}

std::optional<std::vector<std::int64_t>> windowed(const WindowNumbers& window,
                                                  std::span<const std::int64_t> in) {
  if (in.size() != window.kernel.size()) return std::nullopt;
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::int64_t reach = window.dilation[i] * (window.kernel[i] - 1) + 1;
    const std::int64_t room = in[i] + window.pad_before[i] + window.pad_after[i] - reach;
    if (room < 0) return std::nullopt;
    out.push_back(room / window.stride[i] + 1);
  }
  return out;
}

std::optional<Tensor> broadcast(const Tensor& parameter, const Shape& shape) {
  if (!parameter.defined()) return std::nullopt;
  const std::int64_t times = repeats(parameter, shape);
  if (times == 1 && parameter.size() == element_count(shape)) return parameter.reshaped(shape);
  if (times == 0) return std::nullopt;
  const std::size_t width = byte_size(parameter.dtype());
  std::vector<std::byte> bytes(static_cast<std::size_t>(*element_count(shape)) * width);
  const auto run = static_cast<std::size_t>(times);
  for (std::size_t i = 0; i < bytes.size() / width; ++i) {
    std::memcpy(&bytes[i * width], parameter.data() + i / run * width, width);
  }
  return Tensor::from_bytes(parameter.dtype(), shape, std::move(bytes));
}

}  // namespace neurotool::nir
