// Hands a command line over to the real spark-submit: `--jvm`, and masters that are no cluster of Kubernetes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/program.h"

namespace stoker::cli {

// Whether the words are for the real one. The master is asked for in the flags and MASTER alone: a master in a
// properties file is found when the command line is resolved, and refused with a hint.
bool wants_real_spark_submit(const Program& program, const SubmitCommand& command);

// Does not return when it succeeds: this process becomes spark-submit. It is that of SPARK_HOME, else of the
// environment's pyspark (VIRTUAL_ENV), else the one on PATH. Errors: environment when there is none; usage for flags
// that it does not know.
Error hand_over_to_spark_submit(const Program& program, const SubmitCommand& command);

}  // namespace stoker::cli
