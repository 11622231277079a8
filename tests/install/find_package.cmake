# find_package(neurotool COMPONENTS sdk), from a C project and from a C++ project, where none of the
# packages that neurotool itself needs can be found.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)

foreach(package ONNX Protobuf TBB yaml-cpp fmt spdlog dnnl HDF5 GTest)
  list(APPEND without -DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
endforeach()

foreach(pair c:tiny cpp:stranger)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 language)
  list(GET pair 1 target)
  set(tree ${WORK}/build_${language})
  run(${CMAKE_COMMAND} -S ${SOURCE}/consumer_${language} -B ${tree} ${without}
      -DCMAKE_PREFIX_PATH=${WORK}/sdk -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX})
  run(${CMAKE_COMMAND} --build ${tree})
  # Installed, it lies where that neurotool looks.
  run(${CMAKE_COMMAND} --install ${tree})
  expect_loads(${WORK}/sdk/${LIBDIR}/neurotool/plugins/0/neurotool_${target}.so ${target})
  # One symbol, and no more, is exported.
  run(nm -D --defined-only ${tree}/neurotool_${target}.so)
  string(REGEX MATCHALL " [TDBVR] [^\n]+" symbols "${output}")
  if(NOT symbols STREQUAL " T neurotool_plugin_entry")
    message(FATAL_ERROR "neurotool_${target}.so exports ${symbols}")
  endif()
endforeach()

# A component that does not exist is said so, not ignored.
file(WRITE ${WORK}/odd/CMakeLists.txt
  "cmake_minimum_required(VERSION 3.25)\nproject(odd NONE)\n"
  "find_package(neurotool REQUIRED COMPONENTS sdk teapot)\n")
execute_process(COMMAND ${CMAKE_COMMAND} -S ${WORK}/odd -B ${WORK}/odd/build
  -DCMAKE_PREFIX_PATH=${WORK}/sdk RESULT_VARIABLE code ERROR_VARIABLE err OUTPUT_QUIET)
if(code EQUAL 0 OR NOT err MATCHES "teapot")
  message(FATAL_ERROR "component 'teapot' was found: ${err}")
endif()
