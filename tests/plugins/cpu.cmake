# The engine of plugins/cpu, linked directly; the plugin as a plugin is tested by conformance_test.
neurotool_add_test(cpu_engine_test
  SOURCES
    cpu_engine_test.cpp cpu_kernels_test.cpp cpu_limits_test.cpp cpu_support.cpp
    ../support/random_graphs.cpp
  LINK neurotool_cpu_engine neurotool_eval neurotool_ir neurotool_base
  LABELS slow)
