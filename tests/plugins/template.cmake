# What `neurotool plugin new` writes, built by a stranger: against an installed tree and nothing else.
add_test(NAME install.plugin_template
  COMMAND ${CMAKE_COMMAND}
    -DBUILD=${CMAKE_BINARY_DIR} -DSOURCE=${PROJECT_SOURCE_DIR}
    -DWORK=${CMAKE_CURRENT_BINARY_DIR}/template
    -DCC=${CMAKE_C_COMPILER} -DCXX=${CMAKE_CXX_COMPILER}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/template_test.cmake)
set_tests_properties(install.plugin_template PROPERTIES
  LABELS "install;slow" SKIP_REGULAR_EXPRESSION "SKIPPED" RESOURCE_LOCK install)
