// Completion scripts for bash, zsh and fish, made from the verbs and flags that the parser has.
#pragma once

#include <string>

#include "base/result.h"

namespace stoker::cli {

Result<std::string> completion_script(const std::string& shell);

}  // namespace stoker::cli
