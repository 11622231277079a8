# neurotool_add_plugin(NAME SOURCES file... [LINK library...])
#
# Builds neurotool_NAME.so, a plugin that offers the target NAME: hidden visibility, one exported
# symbol, no undefined symbols, installed where neurotool looks. In a project that uses the installed
# sdk it also adds a test that runs `neurotool plugin check` when the tool is found.

set(NEUROTOOL_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(neurotool_add_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "neurotool_add_plugin(${name}): no SOURCES given")
  endif()
  set(target neurotool_${name})
  add_library(${target} MODULE ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE neurotool::sdk ${arg_LINK})
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME neurotool_${name} NO_SONAME ON
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${NEUROTOOL_PLUGIN_MAP})
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${NEUROTOOL_PLUGIN_MAP} -Wl,--exclude-libs,ALL)
  if(NOT CMAKE_CXX_FLAGS MATCHES "fsanitize" AND NOT NEUROTOOL_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  if(NEUROTOOL_BUILD_PLUGIN_DIR)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${NEUROTOOL_BUILD_PLUGIN_DIR})
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION ${NEUROTOOL_PLUGIN_DIR} COMPONENT runtime)
  if(NEUROTOOL_EXECUTABLE AND BUILD_TESTING)
    add_test(NAME plugin_check.${name}
             COMMAND ${NEUROTOOL_EXECUTABLE} plugin check $<TARGET_FILE:${target}>)
  endif()
endfunction()
