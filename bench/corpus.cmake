# What a folder of other people's ONNX models makes of the importer and the evaluator.
add_executable(onnx_corpus onnx_corpus.cpp corpus_case.cpp)
target_link_libraries(onnx_corpus PRIVATE neurotool_frontend neurotool_eval neurotool_io
  neurotool_ir neurotool_base neurotool_warnings onnx protobuf::libprotobuf fmt::fmt)

set(corpus ${PROJECT_SOURCE_DIR}/../shared/onnx-corpus)
if(NEUROTOOL_BUILD_TESTS AND EXISTS ${corpus})
  add_test(NAME bench.onnx_corpus COMMAND onnx_corpus ${corpus})
  set_tests_properties(bench.onnx_corpus PROPERTIES LABELS "data;slow")
endif()
