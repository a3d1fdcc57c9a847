// The command line of spark-submit, in its own words (SparkSubmitOptionParser of Spark 3.3 to 4.3). Only the words:
// what they mean together with files, configuration and environment is `submit_request`.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stoker::spark {

// A flag of spark-submit that takes a value and the key of the configuration that it sets, if any.
struct SubmitFlag {
  std::string_view name;   // with its dashes
  std::string_view key;    // "" when it is no key
  std::string_view value;  // what the help calls its value
  std::string_view help;
  // The flag and `--conf key=` are one thing, and the later one on the command line counts: the launcher of
  // spark-submit turns these into configuration before it starts the JVM. All others win over --conf wherever they
  // stand.
  bool is_configuration = false;
};

// All of them, in the order of the help.
std::span<const SubmitFlag> submit_flags();

// A flag that the caller has beside those of spark-submit.
struct OwnFlag {
  std::string_view name;
  std::string_view short_name;  // "" none
  bool takes_value = false;
};

struct SubmitArguments {
  // By the flag's name, the last one given.
  std::map<std::string, std::string, std::less<>> flags;
  // --conf and the flags that are configuration: the last value of each key.
  std::map<std::string, std::string, std::less<>> configuration;
  // The caller's flags by name; of those without a value, "".
  std::map<std::string, std::string, std::less<>> own;
  std::vector<std::string> properties_files;  // the last one counts
  bool load_spark_defaults = false;
  bool supervise = false;
  bool verbose = false;
  bool version = false;
  bool help = false;
  // The application: a jar, a .py or .R file, or one of Spark's own words for none.
  std::optional<std::string> primary_resource;
  std::vector<std::string> application_arguments;

  std::optional<std::string> flag(std::string_view name) const;
};

// `words` without the program's name. Errors (usage): an unknown flag, with the nearest one; a flag without its value;
// a
// --conf without `=`.
Result<SubmitArguments> parse_submit_arguments(std::span<const std::string> words,
                                               std::span<const OwnFlag> own_flags = {});

}  // namespace stoker::spark
