// What `stoker doctor` finds.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/program.h"

namespace stoker::cli {

enum class Verdict { good, advice, problem };

struct Finding {
  std::string what;
  Verdict verdict = Verdict::good;
  std::string text;
  std::string advice;
};

inline Finding bad(std::string what, const Error& error) {
  return {std::move(what), Verdict::problem, error.describe(), error.hint};
}

// `doctor --cluster`: the API server, who we are, our rights and the driver's.
std::vector<Finding> examine_cluster(const Program& program, const DoctorCommand& command);

}  // namespace stoker::cli
