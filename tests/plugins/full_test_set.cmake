# Shipped pipelines through the ABI on the cpu plugin, against what defines their result.
# neurotool_add_pipeline_test(NAME): NAME.cpp, and the cpu plugin to load.
function(neurotool_add_pipeline_test name)
  add_executable(${name} ${name}.cpp pipeline_on_cpu.cpp)
  target_link_libraries(${name} PRIVATE
    neurotool_core neurotool_warnings GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    NEUROTOOL_TESTS_DIR="${PROJECT_SOURCE_DIR}/tests"
    NEUROTOOL_PLUGIN_FOLDER="${NEUROTOOL_BUILD_PLUGIN_DIR}")
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/bin)
  add_dependencies(${name} neurotool_cpu)
endfunction()

# The cpu plugin against the oracle on the shipped test set, through the ABI: dense networks with the
# other tests, the convolutional one (minutes: the oracle is slow on purpose) under the label `long`.
neurotool_add_pipeline_test(full_test_set_test)
add_test(NAME full_test_set.dense COMMAND full_test_set_test --gtest_filter=*mlp*)
set_tests_properties(full_test_set.dense PROPERTIES LABELS slow)
add_test(NAME full_test_set.convolutional COMMAND full_test_set_test --gtest_filter=*cnn*)
set_tests_properties(full_test_set.convolutional PROPERTIES LABELS long TIMEOUT 1200)
# Every count of exact networks against the integer reference.
neurotool_add_pipeline_test(exact_counts_test)
add_test(NAME exact_counts.some COMMAND exact_counts_test --gtest_filter=some/*)
set_tests_properties(exact_counts.some PROPERTIES LABELS slow TIMEOUT 900)
# Every image of MNIST; the other full sets take hours: exact_counts_test --gtest_filter='full/*'.
add_test(NAME exact_counts.mnist COMMAND exact_counts_test --gtest_filter=full/*mnist*)
set_tests_properties(exact_counts.mnist PROPERTIES LABELS long TIMEOUT 3600)
