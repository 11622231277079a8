# The conformance suite and the plugins that break its checks: one library of fixtures, which the
# tests copy to the name of the fixture that it shall play.
set(fixture_sources tables good load describe lifecycle compile simulate growth results behaviour)
list(TRANSFORM fixture_sources PREPEND fixtures/)
list(TRANSFORM fixture_sources APPEND .cpp)
add_library(plugin_fixtures OBJECT ${fixture_sources})
target_link_libraries(plugin_fixtures PRIVATE neurotool_sdk neurotool_warnings)

# neurotool_add_fixtures(NAME [SOURCE file] [option...])
function(neurotool_add_fixtures name)
  cmake_parse_arguments(arg "" "SOURCE" "" ${ARGN})
  add_library(${name} MODULE ${arg_SOURCE} $<TARGET_OBJECTS:plugin_fixtures>)
  target_link_options(${name} PRIVATE ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES PREFIX "" LINKER_LANGUAGE CXX
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fixtures)
endfunction()
neurotool_add_fixtures(fixture_good -Wl,--version-script=${NEUROTOOL_PLUGIN_MAP})
neurotool_add_fixtures(fixture_exports SOURCE fixtures/exports.cpp)
neurotool_add_fixtures(fixture_unresolved SOURCE fixtures/unresolved.cpp)

neurotool_add_test(conformance_test SOURCES conformance_test.cpp LABELS slow
  LINK neurotool_target neurotool_eval neurotool_io neurotool_ir neurotool_config neurotool_base)
target_compile_definitions(conformance_test PRIVATE
  NEUROTOOL_CPU_PLUGIN="$<TARGET_FILE:neurotool_cpu>"
  NEUROTOOL_FIXTURES="$<TARGET_FILE:fixture_good>"
  NEUROTOOL_FIXTURE_EXPORTS="$<TARGET_FILE:fixture_exports>"
  NEUROTOOL_FIXTURE_UNRESOLVED="$<TARGET_FILE:fixture_unresolved>")
add_dependencies(conformance_test fixture_good fixture_exports fixture_unresolved neurotool_cpu)
