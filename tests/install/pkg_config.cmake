# The flags of docs/plugin/writing-a-target.md, without CMake: cc, pkg-config and nothing else.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)

find_program(PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT PKG_CONFIG)
  message("SKIPPED: there is no pkg-config")
  return()
endif()
set(ENV{PKG_CONFIG_PATH} ${WORK}/sdk/${LIBDIR}/pkgconfig)

function(ask)
  run(${PKG_CONFIG} ${ARGN} neurotool-sdk)
  string(STRIP "${output}" output)
  set(output "${output}" PARENT_SCOPE)
endfunction()

ask(--cflags)
separate_arguments(cflags UNIX_COMMAND "${output}")
ask(--variable=plugin_map)
set(flags -fPIC -shared -fvisibility=hidden ${cflags} -Wall -Wextra -Werror
    -Wl,--version-script=${output} -Wl,-z,defs -Wl,--exclude-libs,ALL)
ask(--variable=plugindir)
set(plugins ${output})
ask(--variable=plugin_abi)
if(NOT output STREQUAL "0.1")
  message(FATAL_ERROR "the plugin ABI of the sdk is '${output}'")
endif()

file(MAKE_DIRECTORY ${plugins})
run(${CC} -std=c11 ${flags} ${SOURCE}/../abi/tiny_plugin.c -o ${plugins}/neurotool_tiny.so)
expect_loads(${plugins}/neurotool_tiny.so tiny)
run(${CXX} -std=c++17 ${flags} ${SOURCE}/consumer_cpp/stranger.cpp
    -o ${plugins}/neurotool_stranger.so)
expect_loads(${plugins}/neurotool_stranger.so stranger)
