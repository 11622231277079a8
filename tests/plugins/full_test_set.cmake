# The cpu plugin against the oracle on the shipped test set, through the ABI: dense networks with the
# other tests, the convolutional one (minutes: the oracle is slow on purpose) under the label `long`.
add_executable(full_test_set_test full_test_set_test.cpp)
target_link_libraries(full_test_set_test PRIVATE
  neurotool_core neurotool_warnings GTest::gmock GTest::gtest_main)
target_compile_definitions(full_test_set_test PRIVATE
  NEUROTOOL_TESTS_DIR="${PROJECT_SOURCE_DIR}/tests"
  NEUROTOOL_PLUGIN_FOLDER="${NEUROTOOL_BUILD_PLUGIN_DIR}")
set_target_properties(full_test_set_test PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/bin)
add_dependencies(full_test_set_test neurotool_cpu)
add_test(NAME full_test_set.dense COMMAND full_test_set_test --gtest_filter=*mlp*)
set_tests_properties(full_test_set.dense PROPERTIES LABELS slow)
add_test(NAME full_test_set.convolutional COMMAND full_test_set_test --gtest_filter=*cnn*)
set_tests_properties(full_test_set.convolutional PROPERTIES LABELS long TIMEOUT 1200)
# Every count of exact networks against the integer reference.
add_executable(exact_counts_test exact_counts_test.cpp)
target_link_libraries(exact_counts_test PRIVATE
  neurotool_core neurotool_warnings GTest::gmock GTest::gtest_main)
target_compile_definitions(exact_counts_test PRIVATE
  NEUROTOOL_TESTS_DIR="${PROJECT_SOURCE_DIR}/tests"
  NEUROTOOL_PLUGIN_FOLDER="${NEUROTOOL_BUILD_PLUGIN_DIR}")
set_target_properties(exact_counts_test PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/bin)
add_dependencies(exact_counts_test neurotool_cpu)
add_test(NAME exact_counts.some COMMAND exact_counts_test --gtest_filter=some/*)
set_tests_properties(exact_counts.some PROPERTIES LABELS slow TIMEOUT 900)
# Every image of MNIST; the other full sets take hours: exact_counts_test --gtest_filter='full/*'.
add_test(NAME exact_counts.mnist COMMAND exact_counts_test --gtest_filter=full/*mnist*)
set_tests_properties(exact_counts.mnist PROPERTIES LABELS long TIMEOUT 3600)
