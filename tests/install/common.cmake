# Shared by the install tests: an sdk in a folder of its own, and a check that a plugin loads.

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${out}${err}")
  endif()
  set(output "${out}" PARENT_SCOPE)
endfunction()

# Installed in one place and moved to another: nothing in it may know where it was.
file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --component sdk --prefix ${WORK}/before)
file(RENAME ${WORK}/before ${WORK}/sdk)

function(expect_loads file target)
  run(${LOADER} ${file} ${target})
  if(NOT output MATCHES "174 of 256")
    message(FATAL_ERROR "${file}: expected 174 of 256 neurons, got: ${output}")
  endif()
endfunction()
