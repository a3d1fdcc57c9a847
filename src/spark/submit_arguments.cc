#include "spark/submit_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace stoker::spark {

namespace {

constexpr std::array kFlags = {
    SubmitFlag{"--master", "spark.master", "URL", "k8s://https://host:port"},
    SubmitFlag{"--deploy-mode", "spark.submit.deployMode", "MODE", "cluster: the driver runs in the cluster"},
    SubmitFlag{"--class", "", "CLASS", "main class of a Java or Scala application"},
    SubmitFlag{"--name", "spark.app.name", "NAME", "name of the application"},
    SubmitFlag{"--jars", "spark.jars", "LIST", "jars for the class paths of driver and executors, between commas"},
    SubmitFlag{"--packages", "spark.jars.packages", "LIST", "Maven coordinates that the driver fetches"},
    SubmitFlag{"--exclude-packages", "spark.jars.excludes", "LIST", "what --packages leaves out, groupId:artifactId"},
    SubmitFlag{"--repositories", "spark.jars.repositories", "LIST", "more repositories for --packages"},
    SubmitFlag{"--py-files", "spark.submit.pyFiles", "LIST", ".zip, .egg or .py files for the Python path"},
    SubmitFlag{"--files", "spark.files", "LIST", "files for the working folder of each executor"},
    SubmitFlag{"--archives", "spark.archives", "LIST", "archives that are unpacked there, path#name"},
    SubmitFlag{"--properties-file", "", "FILE", "properties instead of conf/spark-defaults.conf"},
    SubmitFlag{"--driver-memory", "spark.driver.memory", "SIZE", "memory of the driver (1g)", true},
    SubmitFlag{"--driver-java-options", "spark.driver.extraJavaOptions", "TEXT", "options of the driver's JVM", true},
    SubmitFlag{"--driver-library-path", "spark.driver.extraLibraryPath", "PATH", "native libraries of the driver",
               true},
    SubmitFlag{"--driver-class-path", "spark.driver.extraClassPath", "PATH", "class path of the driver", true},
    SubmitFlag{"--executor-memory", "spark.executor.memory", "SIZE", "memory of an executor (1g)"},
    SubmitFlag{"--proxy-user", "", "NAME", "the user to act for"},
    SubmitFlag{"--driver-cores", "spark.driver.cores", "NUM", "cores of the driver (1)"},
    SubmitFlag{"--executor-cores", "spark.executor.cores", "NUM", "cores of an executor (1)"},
    SubmitFlag{"--num-executors", "spark.executor.instances", "NUM", "executors (2)"},
    SubmitFlag{"--total-executor-cores", "", "NUM", "of standalone clusters; has no effect on Kubernetes"},
    SubmitFlag{"--principal", "spark.kerberos.principal", "NAME", "Kerberos principal"},
    SubmitFlag{"--keytab", "spark.kerberos.keytab", "FILE", "keytab of the principal"},
    SubmitFlag{"--queue", "", "NAME", "of YARN; has no effect on Kubernetes"},
    SubmitFlag{"--kill", "", "ID", "end the driver of a submission, namespace:pod"},
    SubmitFlag{"--status", "", "ID", "show the driver of a submission, namespace:pod"},
    SubmitFlag{"--remote", "spark.remote", "URL", "a Spark Connect server"},
};

constexpr std::string_view kConf = "--conf";

std::string_view full_name(std::string_view word, std::span<const OwnFlag> own_flags) {
  for (const OwnFlag& flag : own_flags)
    if (!flag.short_name.empty() && word == flag.short_name) return flag.name;
  if (word == "-c") return kConf;
  if (word == "-h") return "--help";
  if (word == "-v") return "--verbose";
  return word;
}

bool* find_switch(SubmitArguments& arguments, std::string_view name) {
  if (name == "--load-spark-defaults") return &arguments.load_spark_defaults;
  if (name == "--supervise") return &arguments.supervise;
  if (name == "--verbose") return &arguments.verbose;
  if (name == "--version") return &arguments.version;
  if (name == "--help") return &arguments.help;
  return nullptr;
}

std::vector<std::string> all_names(std::span<const OwnFlag> own_flags) {
  std::vector<std::string> names = {
      std::string(kConf), "--load-spark-defaults", "--supervise", "--verbose", "--version", "--help"};
  for (const SubmitFlag& flag : kFlags)
    names.emplace_back(flag.name);
  for (const OwnFlag& flag : own_flags)
    names.emplace_back(flag.name);
  return names;
}

Error usage(std::string message, std::string hint) {
  return {.code = ErrorCode::usage, .message = std::move(message), .hint = std::move(hint)};
}

class Parsing {
 public:
  Parsing(std::span<const std::string> words, std::span<const OwnFlag> own_flags)
      : words_(words), own_flags_(own_flags) {}

  Result<SubmitArguments> run() && {
    for (std::size_t at = 0; at < words_.size(); ++at) {
      const std::string& word = words_[at];
      const std::string_view name = full_name(word, own_flags_);
      if (auto pair = joined(word)) {
        TRY(take(pair->first, std::move(pair->second)));
      } else if (takes_value(name)) {
        if (at + 1 == words_.size())
          return usage(fmt::format("{} has no value", name), fmt::format("write {} VALUE", name));
        TRY(take(name, words_[++at]));
      } else if (bool* given = find_switch(arguments_, name)) {
        *given = true;
      } else if (find_own(name) != nullptr) {
        arguments_.own.insert_or_assign(std::string(name), "");
      } else if (word.starts_with('-')) {
        return usage(fmt::format("{} is no flag of submit", word), did_you_mean(word, all_names(own_flags_)));
      } else {
        // The first word that is no flag is the application, and all after it are the application's.
        arguments_.primary_resource = word;
        const auto rest = words_.subspan(at + 1);
        arguments_.application_arguments.assign(rest.begin(), rest.end());
        break;
      }
    }
    return std::move(arguments_);
  }

 private:
  const OwnFlag* find_own(std::string_view name) const {
    const auto found = std::ranges::find(own_flags_, name, &OwnFlag::name);
    return found == own_flags_.end() ? nullptr : &*found;
  }

  bool takes_value(std::string_view name) const {
    if (const OwnFlag* own = find_own(name)) return own->takes_value;
    return name == kConf || std::ranges::find(kFlags, name, &SubmitFlag::name) != kFlags.end();
  }

  // `--name=value` as one word: only names that take a value, only values that are not empty, as the parser of Spark
  // does.
  std::optional<std::pair<std::string_view, std::string>> joined(std::string_view word) const {
    const std::size_t equals = word.find('=');
    if (!word.starts_with("--") || equals == std::string_view::npos || equals + 1 == word.size()) return std::nullopt;
    const std::string_view name = word.substr(0, equals);
    if (!takes_value(name)) return std::nullopt;
    return std::pair(name, std::string(word.substr(equals + 1)));
  }

  Result<void> take(std::string_view name, std::string value) {
    if (find_own(name) != nullptr) {
      arguments_.own.insert_or_assign(std::string(name), std::move(value));
      return {};
    }
    if (name == kConf) {
      const std::size_t equals = value.find('=');
      if (equals == std::string::npos)  // What stands behind a blank may be a value, and a secret.
        return usage(fmt::format("--conf {} has no =", value.substr(0, value.find(' '))), "write --conf key=value");
      arguments_.configuration.insert_or_assign(value.substr(0, equals), value.substr(equals + 1));
      return {};
    }
    if (name == "--properties-file") arguments_.properties_files.push_back(value);
    const auto* flag = std::ranges::find(kFlags, name, &SubmitFlag::name);
    auto& taken = flag->is_configuration ? arguments_.configuration : arguments_.flags;
    taken.insert_or_assign(std::string(flag->is_configuration ? flag->key : name), std::move(value));
    return {};
  }

  std::span<const std::string> words_;
  std::span<const OwnFlag> own_flags_;
  SubmitArguments arguments_;
};

}  // namespace

std::span<const SubmitFlag> submit_flags() {
  return kFlags;
}

std::optional<std::string> SubmitArguments::flag(std::string_view name) const {
  const auto found = flags.find(name);
  return found == flags.end() ? std::nullopt : std::optional(found->second);
}

Result<SubmitArguments> parse_submit_arguments(std::span<const std::string> words, std::span<const OwnFlag> own_flags) {
  return Parsing(words, own_flags).run();
}

}  // namespace stoker::spark
