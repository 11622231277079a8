# NIR files of other simulators under our presets, and ours for them (tests/interop/run_nir).
add_executable(nir_interop nir_interop.cpp nir_ours.cpp)
target_include_directories(nir_interop PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(nir_interop PRIVATE neurotool_core neurotool_warnings fmt::fmt)

set(nir_examples ${PROJECT_SOURCE_DIR}/../shared/nir-examples)
if(NEUROTOOL_BUILD_TESTS AND EXISTS ${nir_examples})
  add_test(NAME bench.nir_interop COMMAND nir_interop ${nir_examples})
  set_tests_properties(bench.nir_interop PROPERTIES LABELS "nir;data")
endif()
if(NEUROTOOL_BUILD_TESTS)
  add_test(NAME bench.nir_ours COMMAND nir_interop)
  set_tests_properties(bench.nir_ours PROPERTIES LABELS nir)
  # Needs the packages of tests/interop/nir_requirements.txt, or the network; skips itself without.
  add_test(NAME interop.nir COMMAND ${PROJECT_SOURCE_DIR}/tests/interop/run_nir
    $<TARGET_FILE:nir_interop> $<TARGET_FILE:neurotool> ${CMAKE_BINARY_DIR}/interop_nir)
  set_tests_properties(interop.nir PROPERTIES LABELS "nir;long" SKIP_RETURN_CODE 77 TIMEOUT 1800)
endif()
