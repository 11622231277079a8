// open() and close() of a target.
#include "target/opened.hpp"

#include <fmt/format.h>

#include "target/config_view.hpp"

namespace neurotool {

Result<> OpenedTarget::open(PluginCall call) {
  const ConfigView config(options_);
  ActiveCall active(Stage::kOpen, subject(nullptr), call);
  const nt_code code = functions().open(active.handle(), config.handle(), &handle_);
  if (code == NT_OK && handle_ == nullptr) {
    active.misbehaved(fmt::format("'{}' opened, but there is no target", description_.name));
  }
  auto result = active.finish(code);
  // What came with a refusal is not ours to close.
  if (code != NT_OK) handle_ = nullptr;
  return result;
}

OpenedTarget::~OpenedTarget() {
  if (handle_ == nullptr) return;
  const std::lock_guard lock(serial_);
  functions().close(handle_);
}

}  // namespace neurotool
