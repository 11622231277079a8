# Install into a scratch prefix, write a project with the installed tool, build it where none of the
# packages that neurotool needs can be found, check it, and run a pipeline on it.

# run(command...) sets `output`; expect(CODE command...) also says which exit code is right.
function(expect wanted)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err
    WORKING_DIRECTORY ${WORK})
  if(NOT code EQUAL wanted)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${code}, not ${wanted}\n${out}${err}")
  endif()
  set(output "${out}" PARENT_SCOPE)
  set(errors "${err}" PARENT_SCOPE)
endfunction()

if(NOT EXISTS ${BUILD}/bin/neurotool)
  message("SKIPPED: the tool is not built")
  return()
endif()
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
foreach(component sdk runtime)
  expect(0 ${CMAKE_COMMAND} --install ${BUILD} --component ${component} --prefix ${WORK}/prefix)
endforeach()
set(tool ${WORK}/prefix/bin/neurotool)

# ---- new: refuses what it must, and never overwrites ----
foreach(name Acme 2acme acme-chip acme__chip acme_ cpu class "")
  expect(2 ${tool} plugin new "${name}")
endforeach()
expect(0 ${tool} plugin new nova_chip)
expect(2 ${tool} plugin new nova_chip)
if(NOT errors MATCHES "plugin.exists")
  message(FATAL_ERROR "a second project in the same place: ${errors}")
endif()
expect(0 ${tool} plugin new nova_chip --directory elsewhere/nova)
file(GLOB_RECURSE files ${WORK}/nova_chip/*)
foreach(file IN LISTS files)
  file(READ ${file} text)
  if(text MATCHES "acme")
    message(FATAL_ERROR "${file} still speaks of acme")
  endif()
endforeach()

# ---- build and test it as its README says ----
foreach(package ONNX Protobuf TBB yaml-cpp fmt spdlog dnnl HDF5 GTest)
  list(APPEND without -DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
endforeach()
expect(0 ${CMAKE_COMMAND} -S nova_chip -B nova_chip/build ${without} -DCMAKE_PREFIX_PATH=${WORK}/prefix
  -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX} "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wshadow -Werror")
expect(0 ${CMAKE_COMMAND} --build nova_chip/build)
expect(0 ${CMAKE_CTEST_COMMAND} --test-dir nova_chip/build --output-on-failure)
if(NOT output MATCHES "plugin_check.nova_chip" OR NOT output MATCHES "out of 2")
  message(FATAL_ERROR "the project's tests are not its own and the check:\n${output}")
endif()

# ---- a fresh project passes the check, without a warning ----
set(plugin nova_chip/build/neurotool_nova_chip.so)
expect(0 ${tool} plugin check ${plugin})
if(output MATCHES "warn|fail  " OR NOT output MATCHES "pass  simulate.float")
  message(FATAL_ERROR "the fresh project does not pass in peace:\n${output}")
endif()
expect(0 ${tool} plugin check --json --only "simulate.*" --only load.exports ${plugin})
string(JSON outcome GET "${output}" 0 checks 0 outcome)
string(JSON name GET "${output}" 0 checks 0 name)
if(NOT "${name} ${outcome}" STREQUAL "load.exports pass")
  message(FATAL_ERROR "--json begins with ${name} ${outcome}")
endif()

# ---- exit codes: a file that is no library, a check that does not exist ----
file(WRITE ${WORK}/neurotool_text.so "not a library")
expect(4 ${tool} plugin check neurotool_text.so)
expect(4 ${tool} plugin check neurotool_nowhere.so)
expect(4 ${tool} plugin check ${plugin} neurotool_text.so)
expect(2 ${tool} plugin check --only no.such ${plugin})
expect(2 ${tool} plugin check --in-process ${plugin})
expect(0 ${tool} plugin check --in-process --only compile.zoo ${plugin})

# ---- a run on it equals a run on the cpu target ----
expect(0 ${tool} targets --plugin-path nova_chip/build nova_chip)
set(pipeline [[
version: 1
model: { path: @SOURCE@/configs/models/mnist_mlp_784_128_10.onnx }
data:
  test: { images: @SOURCE@/configs/data/t10k-images-idx3-ubyte.gz, labels: @SOURCE@/configs/data/t10k-labels-idx1-ubyte.gz, count: 100 }
  calibration: { images: @SOURCE@/configs/data/mnist_calibration-idx3-ubyte.gz, count: 64 }
  preprocess: { divide: 255 }
passes: [infer_shapes, fold_constants, remove_identity, fold_batch_norm, qcfs: { steps: 8 }]
target: { name: @target@ }
report: { directory: @WORK@/report_@target@, expect: { accuracy: ">= 0.9" } }
]])
foreach(target nova_chip cpu)
  string(CONFIGURE "${pipeline}" text @ONLY)
  file(WRITE ${WORK}/${target}.yaml "${text}")
  expect(0 ${tool} --config ${target}.yaml --plugin-path nova_chip/build)
  file(READ ${WORK}/report_${target}/report.json report)
  string(JSON accuracy_${target} GET "${report}" accuracy correct)
endforeach()
if(NOT accuracy_nova_chip STREQUAL accuracy_cpu)
  message(FATAL_ERROR "accuracy ${accuracy_nova_chip} on the template, ${accuracy_cpu} on cpu")
endif()
message("accuracy ${accuracy_nova_chip} on both targets")
