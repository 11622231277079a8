// Checked options as the opaque nt_config of the ABI.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/schema.hpp"
#include "target/abi_values.hpp"

namespace neurotool {

class ConfigView {
 public:
  /// The options must outlive the view.
  explicit ConfigView(std::span<const CheckedOption> options);

  /// NT_BAD_ARGUMENT for a key that the target did not declare, or declared with another type.
  template <class T>
  nt_code get(nt_str key, const T** out) const {
    const CheckedOption* option = find(key);
    if (option == nullptr) return NT_BAD_ARGUMENT;
    *out = std::get_if<T>(&option->value);
    return *out == nullptr ? NT_BAD_ARGUMENT : NT_OK;
  }
  /// One object on one line, keys in the order of the table.
  const std::string& json() const { return json_; }

  const nt_config* handle() const { return reinterpret_cast<const nt_config*>(this); }

 private:
  const CheckedOption* find(nt_str key) const;

  std::span<const CheckedOption> options_;
  std::string json_;
};

/// nullptr where a plugin hands in no handle.
const ConfigView* config_of(const nt_config* handle);

}  // namespace neurotool
