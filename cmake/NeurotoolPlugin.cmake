# neurotool_add_plugin(NAME SOURCES file... [LINK library...] [NO_INSTALL])
#
# Builds neurotool_NAME.so, a plugin that offers the target NAME: hidden visibility, one exported
# symbol, no undefined symbols, installed where neurotool looks (set NEUROTOOL_PLUGIN_DIR to install it
# elsewhere). In a project that uses the installed sdk it also adds a test that runs `neurotool plugin
# check` when the tool is found.
#
# Why the flags matter: docs/plugin/writing-a-target.md.

set(NEUROTOOL_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(neurotool_add_plugin name)
  cmake_parse_arguments(arg "NO_INSTALL" "" "SOURCES;LINK" ${ARGN})
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "neurotool_add_plugin(${name}): no SOURCES given")
  endif()
  if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "neurotool_add_plugin(${name}): a target's name is a lower-case word")
  endif()
  set(target neurotool_${name})
  add_library(${target} MODULE ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE neurotool::sdk ${arg_LINK})
  if(CMAKE_CXX_COMPILER_LOADED)
    target_compile_features(${target} PRIVATE cxx_std_17)
  endif()
  set_target_properties(${target} PROPERTIES
    PREFIX "" SUFFIX ".so" OUTPUT_NAME neurotool_${name} NO_SONAME ON
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${NEUROTOOL_PLUGIN_MAP})
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${NEUROTOOL_PLUGIN_MAP} -Wl,--exclude-libs,ALL)
  # A sanitized library takes its runtime from the program that loads it.
  if(NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "fsanitize" AND NOT NEUROTOOL_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  if(NEUROTOOL_BUILD_PLUGIN_DIR)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${NEUROTOOL_BUILD_PLUGIN_DIR})
  endif()
  if(NOT arg_NO_INSTALL)
    install(TARGETS ${target} LIBRARY DESTINATION ${NEUROTOOL_PLUGIN_DIR} COMPONENT runtime)
  endif()
  if(NEUROTOOL_EXECUTABLE AND BUILD_TESTING)
    add_test(NAME plugin_check.${name}
             COMMAND ${NEUROTOOL_EXECUTABLE} plugin check $<TARGET_FILE:${target}>)
  endif()
endfunction()
