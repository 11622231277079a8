/* All headers of the ABI, compiled with -Wpadded: a field added into padding would leave the size
 * unchanged and go unnoticed. */
#include <neurotool/plugin/abi.h>
#include <neurotool/plugin/ext/codegen.h>
#include <neurotool/plugin/ext/host_nir.h>
#include <neurotool/plugin/ext/resources.h>
#include <neurotool/plugin/ext/simulate.h>

typedef int nt_headers_compile;
