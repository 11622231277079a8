// Expected failures are values: Result<T> holds a T or an Error, and the compiler warns when one is
// dropped. Bugs are not expected failures; see check.hpp.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/diagnostic.hpp"

namespace neurotool {

template <class T = void>
struct [[nodiscard]] Result : tl::expected<T, Error> {
  using tl::expected<T, Error>::expected;
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
};

#define NT_CONCAT_INNER(a, b) a##b
#define NT_CONCAT(a, b) NT_CONCAT_INNER(a, b)

/// NT_TRY(auto x, f());  declares x from f()'s value, or returns f()'s error from this function.
#define NT_TRY(declaration, expression) \
  NT_TRY_INNER(NT_CONCAT(nt_try_, __LINE__), declaration, expression)
#define NT_TRY_INNER(name, declaration, expression) \
  auto name = (expression);                         \
  if (!name) return std::move(name).error();        \
  declaration = *std::move(name)

/// NT_TRY_VOID(f());  returns f()'s error from this function, if there is one.
#define NT_TRY_VOID(expression)                                                         \
  do {                                                                                  \
    if (auto nt_result = (expression); !nt_result) return std::move(nt_result).error(); \
  } while (false)

}  // namespace neurotool
