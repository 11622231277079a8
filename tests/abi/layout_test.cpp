// The same list, seen through C++17: noexcept is part of the types there.
#include "layout_test.c"
