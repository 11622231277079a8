add_executable(nir_read nir_read.cpp)
target_link_libraries(nir_read PRIVATE neurotool_io neurotool_ir neurotool_base fmt::fmt neurotool_warnings)
