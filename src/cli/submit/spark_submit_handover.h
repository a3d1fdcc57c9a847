// Hands a command line over to the real spark-submit: `--jvm`, and masters that are no cluster of Kubernetes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/program.h"
#include "spark/surroundings.h"

namespace stoker::cli {

// Whether the words are for the real one: by --jvm, or by a master in flags, files or environment that is not k8s://.
// Without any master they are not: spark-submit would run the application here.
bool wants_real_spark_submit(const SubmitCommand& command, const spark::Surroundings& machine);

// Does not return when it succeeds: this process becomes spark-submit. It is that of SPARK_HOME, else of the
// environment (VIRTUAL_ENV), else the one on PATH, else that of the pyspark which `stoker run` would use here. Errors:
// environment when there is none; usage for flags that it does not know.
Error hand_over_to_spark_submit(const Program& program, const SubmitCommand& command);

}  // namespace stoker::cli
