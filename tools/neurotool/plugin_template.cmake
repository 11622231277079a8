# The plugin template becomes a source file of the tool. Included by CMakeLists.txt; needs the target
# neurotool_cli. A file that is added to the template is named here.
set(template_folder ${PROJECT_SOURCE_DIR}/tools/plugin-template)
set(template_files
  .gitignore CMakeLists.txt README.md ci/run network.hpp target.cpp tests/network_test.cpp)
list(TRANSFORM template_files PREPEND ${template_folder}/ OUTPUT_VARIABLE template_paths)
string(REPLACE ";" "|" joined_template "${template_files}")
set(template_cpp ${CMAKE_CURRENT_BINARY_DIR}/template_files.cpp)
add_custom_command(
  OUTPUT ${template_cpp}
  COMMAND ${CMAKE_COMMAND} "-DFILES=${joined_template}" -DFOLDER=${template_folder}
          -DOUTPUT=${template_cpp} -P ${CMAKE_CURRENT_SOURCE_DIR}/embed_template.cmake
  DEPENDS ${template_paths} embed_template.cmake
  COMMENT "Embedding the plugin template"
  VERBATIM)
target_sources(neurotool_cli PRIVATE plugin_check.cpp plugin_new.cpp ${template_cpp})
