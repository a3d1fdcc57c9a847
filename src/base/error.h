// Error: what went wrong, for a person who must do something about it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stoker {

enum class ErrorCode {
#define STOKER_ERROR_CODE(name, exit_code, meaning) name,
#include "base/error_codes.inc"
#undef STOKER_ERROR_CODE
};

std::string_view error_code_name(ErrorCode code);
// The exit code of a command that ends with this error (the table is api/errors.yaml).
int exit_code(ErrorCode code);

// A value type. `message` says what is wrong (no trailing period), `hint` what to do about it; `context` grows on the
// way up, innermost first, and is printed outermost first: "context2: context1: message".
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string hint;
  std::vector<std::string> context;
  // The same call may succeed later without any change by the user.
  bool retryable = false;

  // "context: message" without the hint.
  std::string describe() const;
  Error with_context(std::string what) &&;
  Error with_hint(std::string what) &&;

  friend bool operator==(const Error&, const Error&) = default;
};

// The error of a failed system call: "what: No space left on device", with the code that its errno deserves.
Error system_error(std::string_view what, int error_number);

}  // namespace stoker
