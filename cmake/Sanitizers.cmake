# NEUROTOOL_SANITIZE=address,undefined | thread applies to everything in the tree.
if(NEUROTOOL_SANITIZE)
  add_compile_options(-fsanitize=${NEUROTOOL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${NEUROTOOL_SANITIZE})
endif()
if(NEUROTOOL_BUILD_FUZZERS)
  # Coverage for the fuzzer, without its main().
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
