# What is installed, by component. runtime: the tool, and the plugins of the tree, which
# neurotool_add_plugin() installs. sdk: all that a plugin author needs, which is headers, a CMake
# helper and a pkg-config file; it needs no other package. Everything finds the rest relative to
# itself, so that the installed tree can be moved.
include(CMakePackageConfigHelpers)

set(NEUROTOOL_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/neurotool)

# The version of the plugin ABI is written down once, in the header.
file(STRINGS ${PROJECT_SOURCE_DIR}/core/sdk/include/neurotool/plugin/abi.h neurotool_abi_lines
     REGEX "^#define NT_ABI_(MAJOR|MINOR) [0-9]+")
string(REGEX REPLACE ".*NT_ABI_MAJOR ([0-9]+).*NT_ABI_MINOR ([0-9]+).*" "\\1.\\2"
       NEUROTOOL_PLUGIN_ABI "${neurotool_abi_lines}")

# ---- runtime ----
if(TARGET neurotool)
  install(TARGETS neurotool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endif()

# ---- sdk ----
install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/sdk/include/
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
set_target_properties(neurotool_sdk PROPERTIES EXPORT_NAME sdk)
install(TARGETS neurotool_sdk EXPORT neurotoolSdkTargets COMPONENT sdk)
install(EXPORT neurotoolSdkTargets NAMESPACE neurotool::
        DESTINATION ${NEUROTOOL_CMAKE_DIR} COMPONENT sdk)

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/neurotoolConfig.cmake.in
  ${PROJECT_BINARY_DIR}/package/neurotoolConfig.cmake
  INSTALL_DESTINATION ${NEUROTOOL_CMAKE_DIR}
  PATH_VARS NEUROTOOL_PLUGIN_DIR CMAKE_INSTALL_BINDIR)
# While the version begins with 0, a minor version may change anything.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/package/neurotoolConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/package/neurotoolConfig.cmake
  ${PROJECT_BINARY_DIR}/package/neurotoolConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/NeurotoolPlugin.cmake
  ${PROJECT_SOURCE_DIR}/cmake/plugin.map
  DESTINATION ${NEUROTOOL_CMAKE_DIR} COMPONENT sdk)

set(neurotool_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH NEUROTOOL_PC_PREFIX /prefix/${neurotool_pc_dir} /prefix)
string(REGEX REPLACE "/$" "" NEUROTOOL_PC_PREFIX "${NEUROTOOL_PC_PREFIX}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/neurotool-sdk.pc.in
               ${PROJECT_BINARY_DIR}/package/neurotool-sdk.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/neurotool-sdk.pc
        DESTINATION ${neurotool_pc_dir} COMPONENT sdk)
