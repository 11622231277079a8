neurotool_add_test(cpu_engine_test
  SOURCES cpu_engine_test.cpp cpu_support.cpp ../support/random_graphs.cpp
  LINK neurotool_cpu_engine neurotool_eval neurotool_ir neurotool_base
  LABELS slow)
