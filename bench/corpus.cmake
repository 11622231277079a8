# What a folder of other people's ONNX models makes of the importer and the evaluator.
add_executable(onnx_corpus onnx_corpus.cpp corpus_case.cpp)
target_link_libraries(onnx_corpus PRIVATE neurotool_frontend neurotool_eval neurotool_io
  neurotool_ir neurotool_base neurotool_warnings onnx protobuf::libprotobuf fmt::fmt)
