// Result<T>: a value or an Error, for everything that is expected to fail now and then. Exceptions are for defects at
// start-up.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/error.h"

namespace stoker {

template <class T>
class [[nodiscard]] Result {
 public:
  using Value = T;

  // Implicit on purpose: `return value;` and `return error;` both read well.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Calling these in the wrong state is a defect and throws std::bad_variant_access.
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T value_or(T other) && { return ok() ? std::move(*this).value() : std::move(other); }

  Result with_context(std::string what) && {
    if (ok()) return std::move(*this);
    return std::move(*this).error().with_context(std::move(what));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  Error& error() & { return error_.value(); }
  const Error& error() const& { return error_.value(); }
  Error&& error() && { return std::move(error_).value(); }

  Result with_context(std::string what) && {
    if (ok()) return {};
    return std::move(*error_).with_context(std::move(what));
  }

 private:
  std::optional<Error> error_;
};

}  // namespace stoker

// TRY(expression): leaves the function with the error of a failed Result.
#define TRY(expression)                                       \
  do {                                                        \
    if (auto try_result_ = (expression); !try_result_.ok()) { \
      return std::move(try_result_).error();                  \
    }                                                         \
  } while (false)

// TRY_ASSIGN(auto x, expression): x is the value, or the function is left with the error.
#define TRY_ASSIGN(declaration, expression) TRY_ASSIGN_NAMED_(TRY_JOIN_(try_result_, __LINE__), declaration, expression)
#define TRY_JOIN_(a, b) TRY_JOIN_INNER_(a, b)
#define TRY_JOIN_INNER_(a, b) a##b
#define TRY_ASSIGN_NAMED_(name, declaration, expression) \
  auto name = (expression);                              \
  if (!name.ok()) return std::move(name).error();        \
  declaration = std::move(name).value()
