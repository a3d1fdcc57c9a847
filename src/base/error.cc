#include "base/error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace stoker {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
#define STOKER_ERROR_CODE(name, exit_code, meaning) \
  case ErrorCode::name: return #name;
#include "base/error_codes.inc"
#undef STOKER_ERROR_CODE
  }
  return "internal";
}

int exit_code(ErrorCode code) {
  switch (code) {
#define STOKER_ERROR_CODE(name, exit_code, meaning) \
  case ErrorCode::name: return exit_code;
#include "base/error_codes.inc"
#undef STOKER_ERROR_CODE
  }
  return 3;
}

std::string Error::describe() const {
  std::string text;
  for (auto it = context.rbegin(); it != context.rend(); ++it)
    text += *it + ": ";
  return text + message;
}

Error Error::with_context(std::string what) && {
  context.push_back(std::move(what));
  return std::move(*this);
}

Error Error::with_hint(std::string what) && {
  hint = std::move(what);
  return std::move(*this);
}

namespace {

ErrorCode code_of_errno(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: return ErrorCode::disk_full;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::permission;
    case ENOENT: return ErrorCode::not_found;
    case EEXIST: return ErrorCode::already_exists;
    case ETIMEDOUT: return ErrorCode::timed_out;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE: return ErrorCode::unavailable;
    default: return ErrorCode::io;
  }
}

}  // namespace

Error system_error(std::string_view what, int error_number) {
  Error error;
  error.code = code_of_errno(error_number);
  error.message = std::string(what) + ": " + std::generic_category().message(error_number);
  error.retryable = error.code == ErrorCode::unavailable || error.code == ErrorCode::timed_out;
  if (error.code == ErrorCode::disk_full) error.hint = "free some space, then run the command again";
  return error;
}

}  // namespace stoker
