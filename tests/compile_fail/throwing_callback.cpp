// A function that may throw must not fit into a table of the ABI.
#include <neurotool/plugin/abi.h>

#ifdef NT_RIGHT
nt_code init(const nt_host*) noexcept { return NT_OK; }
#else
nt_code init(const nt_host*) { return NT_OK; }
#endif

nt_plugin make() {
  nt_plugin plugin{};
  plugin.init = &init;
  return plugin;
}
