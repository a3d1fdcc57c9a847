#include "spark/submit_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "spark/differences.h"
#include "spark/java/properties.h"
#include "spark/java/text.h"
#include "spark/uris.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kMasterScheme = "k8s://";
constexpr std::string_view kPythonRunner = "org.apache.spark.deploy.PythonRunner";
constexpr std::string_view kRRunner = "org.apache.spark.deploy.RRunner";

struct EnvironmentFallback {
  std::string_view key;
  std::string_view variable;
};

constexpr std::array kEnvironmentFallbacks = {
    EnvironmentFallback{"spark.master", "MASTER"},
    EnvironmentFallback{"spark.submit.deployMode", "DEPLOY_MODE"},
    EnvironmentFallback{"spark.driver.memory", "SPARK_DRIVER_MEMORY"},
    EnvironmentFallback{"spark.executor.memory", "SPARK_EXECUTOR_MEMORY"},
    EnvironmentFallback{"spark.executor.cores", "SPARK_EXECUTOR_CORES"},
};

// Main classes that need a terminal or a server of their own (SparkSubmit refuses them in cluster mode).
struct RefusedClass {
  std::string_view name;
  std::string_view what;
};

constexpr std::array kRefusedClasses = {
    RefusedClass{"org.apache.spark.repl.Main", "Spark shells"},
    RefusedClass{"org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver", "the SQL shell"},
    RefusedClass{"org.apache.spark.sql.hive.thriftserver.HiveThriftServer2", "the Thrift server"},
    RefusedClass{"org.apache.spark.sql.connect.service.SparkConnectServer", "the Spark Connect server"},
};

Error usage(std::string message, std::string hint = "") {
  return {.code = ErrorCode::usage, .message = std::move(message), .hint = std::move(hint)};
}

// Utils.trimExceptCRLF: as String.trim, but line ends at either end stay.
std::string trim_except_line_ends(std::string_view text) {
  const auto goes = [](char c) { return static_cast<unsigned char>(c) <= ' ' && c != '\r' && c != '\n'; };
  while (!text.empty() && goes(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && goes(text.back()))
    text.remove_suffix(1);
  return std::string(text);
}

class Resolution {
 public:
  Resolution(const SubmitArguments& arguments, const SparkVersion& version, const Surroundings& surroundings)
      : arguments_(arguments), version_(version), surroundings_(surroundings) {}

  Result<SubmitRequest> run() && {
    TRY(take_configuration());
    TRY(refuse_remote());
    TRY(take_application());
    TRY(check_master());
    TRY(check_mode());
    TRY(check_values());
    TRY(resolve_lists());
    TRY(find_main_class());
    TRY(read_hadoop());
    finish();
    return std::move(request_);
  }

  std::optional<std::string> find_master() && {
    if (!read_properties()) return std::nullopt;
    take_flags_and_environment();
    return configuration().raw("spark.master");
  }

  Result<Configuration> run_for_action() && {
    TRY(take_configuration());
    if (configuration().has("spark.master")) TRY(check_master());
    return std::move(request_.configuration);
  }

 private:
  Configuration& configuration() { return request_.configuration; }

  Result<void> take_configuration() {
    TRY(read_properties());
    warn_of_environment_script();
    drop_foreign_keys();
    take_flags_and_environment();
    return {};
  }

  // spark-submit takes it from any of these, and refuses it beside a master.
  Result<void> refuse_remote() const {
    if (arguments_.flag("--remote") || request_.configuration.has("spark.remote") ||
        surroundings_.environment("SPARK_REMOTE"))
      return usage(
          "--remote, spark.remote or SPARK_REMOTE is for a server of Spark Connect, and --master for a cluster",
          "leave out the one of them");
    return {};
  }

  // The path of a file, none when it is not there.
  std::optional<std::string> in_folder(const std::string& folder, std::string_view name) const {
    const auto names = surroundings_.file_names(folder);
    if (!names || std::ranges::find(*names, name) == names->end()) return std::nullopt;
    return surroundings_.absolute_path(fmt::format("{}/{}", folder, name));
  }
  std::optional<std::string> in_conf_folder(std::string_view name) const {
    const auto folder = spark_conf_folder(surroundings_);
    return folder ? in_folder(*folder, name) : std::nullopt;
  }

  // The scripts around spark-submit run it; nothing of the user's runs here.
  void warn_of_environment_script() {
    if (const auto script = in_conf_folder("spark-env.sh"))
      request_.warnings.push_back(fmt::format("{} is not run: export what it sets before", *script));
  }

  Result<void> read_file(const std::string& path) {
    auto text = surroundings_.read(path, kMaximumPropertiesBytes);
    if (!text) return std::move(text).error().with_context("reading properties");
    auto properties = read_java_properties(*text);
    if (!properties) return std::move(properties).error().with_context(path);
    for (Property& property : *properties)
      configuration().set(std::move(property.key), trim_except_line_ends(property.value));
    return {};
  }

  // Weakest first: defaults, the last properties file (whatever the help of Spark 4 says of several: tried with 3.5 to
  // 4.3), --conf.
  Result<void> read_properties() {
    const std::vector<std::string>& files = arguments_.properties_files;
    if (arguments_.load_spark_defaults && !has(version_, Difference::load_spark_defaults))
      return usage(fmt::format("--load-spark-defaults is of Spark 4, and this is Spark {}", version_.text),
                   "leave it out, or say --spark-version");
    if (files.empty() || arguments_.load_spark_defaults)
      if (const auto defaults = in_conf_folder("spark-defaults.conf")) TRY(read_file(*defaults));
    if (!files.empty()) {
      if (files.back().empty()) return usage("--properties-file is empty", "write the path of a file, or leave it out");
      TRY(read_file(surroundings_.absolute_path(files.back())));
    }
    if (files.size() > 1)
      request_.warnings.push_back(fmt::format("of several --properties-file the last one counts: {}", files.back()));
    for (const auto& [key, value] : arguments_.configuration)
      configuration().set(key, value);
    return {};
  }

  void drop_foreign_keys() {
    std::vector<std::string> foreign;
    for (const auto& [key, value] : configuration().entries())
      if (!key.starts_with("spark.")) foreign.push_back(key);
    for (const std::string& key : foreign) {
      request_.warnings.push_back(fmt::format("{} is ignored: keys of Spark begin with spark.", key));
      configuration().remove(key);
    }
  }

  void take_flags_and_environment() {
    for (const SubmitFlag& flag : submit_flags())
      if (const auto value = arguments_.flag(flag.name); value && !flag.key.empty())
        configuration().set(std::string(flag.key), *value);
    for (const EnvironmentFallback& row : kEnvironmentFallbacks)
      if (!configuration().has(row.key))
        if (auto value = surroundings_.environment(row.variable))
          configuration().set(std::string(row.key), *std::move(value));
    for (const std::string_view flag : {"--total-executor-cores", "--queue"})
      if (arguments_.flag(flag)) request_.warnings.push_back(fmt::format("{} has no effect on Kubernetes", flag));
    if (arguments_.supervise) request_.warnings.emplace_back("--supervise has no effect on Kubernetes");
  }

  Result<void> take_application() {
    if (!arguments_.primary_resource || arguments_.primary_resource->empty())
      return usage("there is no application: a jar, a Python or an R file",
                   "write it after the flags, such as local:///opt/spark/examples/src/main/python/pi.py");
    const std::string& resource = *arguments_.primary_resource;
    request_.primary_resource = is_spark_internal(resource) ? resource : resolve_uri(resource, surroundings_);
    request_.arguments = arguments_.application_arguments;
    request_.proxy_user = arguments_.flag("--proxy-user");
    request_.main_class = arguments_.flag("--class").value_or("");
    if (request_.primary_resource.ends_with(".py") || resource == "pyspark-shell")
      request_.kind = ApplicationKind::python;
    else if (resource.ends_with(".R") || resource.ends_with(".r") || resource == "sparkr-shell")
      request_.kind = ApplicationKind::r;
    if (resource.ends_with("-shell")) return refuse("Spark shells");
    const auto* refused = std::ranges::find(kRefusedClasses, request_.main_class, &RefusedClass::name);
    if (refused != kRefusedClasses.end()) return refuse(refused->what);
    if (request_.proxy_user && configuration().has("spark.kerberos.principal"))
      return usage("--proxy-user and --principal are both given", "give one of them");
    return {};
  }

  static Error refuse(std::string_view what) {
    return {.code = ErrorCode::unsupported,
            .message = fmt::format("cluster mode is not for {}", what),
            .hint = "--jvm hands over to a real spark-submit, which runs them in client mode"};
  }

  Result<void> check_master() {
    const auto master = configuration().raw("spark.master");
    if (!master) return usage("there is no --master", "write --master k8s://https://host:port, or set spark.master");
    if (!master->starts_with(kMasterScheme))
      return Error{
          .code = ErrorCode::unsupported,
          .message = fmt::format("the master {} is not on Kubernetes", *master),
          .hint = "write k8s://https://host:port; --jvm hands over to a real spark-submit, which knows other masters"};
    const std::string_view server = std::string_view(*master).substr(kMasterScheme.size());
    const std::size_t scheme_end = server.find("://");
    const std::string_view scheme = scheme_end == std::string_view::npos ? "" : server.substr(0, scheme_end);
    if (scheme_end == std::string_view::npos)
      configuration().set("spark.master", fmt::format("{}https://{}", kMasterScheme, server));
    else if (scheme == "http")
      request_.warnings.push_back(fmt::format("{} is not encrypted", server));
    else if (scheme != "https")
      return usage(fmt::format("{} is no address of an API server", server), "write k8s://https://host:port");
    if (server.empty() || server.ends_with("://"))
      return usage(fmt::format("the master {} names no host", *master), "write k8s://https://host:port");
    return {};
  }

  Result<void> check_mode() {
    const auto mode = configuration().raw("spark.submit.deployMode");
    if (mode && *mode != "cluster" && *mode != "client")
      return usage(fmt::format("--deploy-mode {} is neither client nor cluster", *mode), "write --deploy-mode cluster");
    if (!mode || *mode == "client")
      return Error{
          .code = ErrorCode::unsupported,
          .message = "client mode runs the driver here, which needs a JVM",
          .hint = "write --deploy-mode cluster; --jvm hands over to a real spark-submit, which has client mode"};
    return {};
  }

  Result<void> check_memory(std::string_view key, std::string_view what) {
    const auto value = configuration().raw(key);
    if (!value) return {};
    const auto bytes = parse_size(*value, SizeUnit::byte);
    if (bytes && *bytes > 0) return {};
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} \"{}\" is no positive size", what, *value),
                 .hint = "write a whole number and a unit, such as 512m or 4g"};
  }

  Result<void> check_count(std::string_view key, std::string_view what) {
    const auto value = configuration().raw(key);
    if (!value) return {};
    const auto number = java_int(*value);
    if (number && *number > 0) return {};
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} \"{}\" is no positive whole number", what, *value),
                 .hint = fmt::format("it is {}", key)};
  }

  // The launcher's (SparkSubmitCommandBuilder.checkJavaOptions).
  Result<void> check_java_options() {
    for (const std::string_view key : {"spark.driver.defaultJavaOptions", "spark.driver.extraJavaOptions"})
      if (const auto options = configuration().raw(key); options && options->find("Xmx") != std::string::npos)
        return Error{.code = ErrorCode::invalid_value,
                     .message = fmt::format("{} sets the heap's size (-Xmx), which Spark does itself", key),
                     .hint = "say it by --driver-memory"};
    return {};
  }

  Result<void> check_values() {
    TRY(check_memory("spark.driver.memory", "the driver's memory"));
    TRY(check_memory("spark.executor.memory", "an executor's memory"));
    TRY(check_count("spark.driver.cores", "the driver's cores"));
    TRY(check_count("spark.executor.cores", "an executor's cores"));
    TRY(check_java_options());
    const std::string dynamic = configuration().raw("spark.dynamicAllocation.enabled").value_or("");
    const bool is_dynamic = lower_case(dynamic) == "true";
    if (!is_dynamic) TRY(check_count("spark.executor.instances", "the number of executors"));
    return {};
  }

  Result<void> resolve_lists() {
    for (const std::string_view key : kFileListKeys) {
      const auto list = configuration().raw(key);
      if (!list) continue;
      auto resolved = resolve_list(*list, surroundings_);
      if (!resolved) return std::move(resolved).error().with_context(std::string(key));
      configuration().set(std::string(key), join(*resolved, ","));
    }
    return {};
  }

  Result<void> find_main_class() {
    if (request_.kind == ApplicationKind::python) request_.main_class = kPythonRunner;
    if (request_.kind == ApplicationKind::r) request_.main_class = kRRunner;
    if (!request_.main_class.empty()) return {};
    const std::string hint = "write --class with the class that has the main method";
    if (!is_local(request_.primary_resource) || is_spark_internal(request_.primary_resource))
      return usage(fmt::format("the main class is not known: {} cannot be read here", request_.primary_resource), hint);
    auto found = surroundings_.main_class_of(local_path(request_.primary_resource));
    if (!found) return std::move(found).error().with_hint(hint);
    if (!*found) return usage(fmt::format("{} names no main class", request_.primary_resource), hint);
    request_.main_class = **found;
    return {};
  }

  // As on the class path of spark-submit, where the first core-site.xml is the one.
  Result<void> read_hadoop() {
    constexpr std::string_view kFile = "core-site.xml";
    std::vector<std::string> folders;
    if (auto folder = spark_conf_folder(surroundings_)) folders.push_back(*std::move(folder));
    for (const std::string_view name : {"HADOOP_CONF_DIR", "YARN_CONF_DIR"})
      if (auto folder = surroundings_.environment(name)) folders.push_back(*std::move(folder));
    for (const std::string& folder : folders) {
      const auto path = in_folder(folder, kFile);
      if (!path) continue;
      TRY_ASSIGN(const std::string text, surroundings_.read(*path, kMaximumPropertiesBytes));
      auto properties = codec::read_hadoop_configuration(text);
      if (!properties) return std::move(properties).error().with_context(*path);
      request_.hadoop = *std::move(properties);
      break;
    }
    for (auto& [key, value] : configuration().with_prefix("spark.hadoop."))
      request_.hadoop.insert_or_assign(std::move(key), std::move(value));
    return {};
  }

  void finish() {
    const std::string& resource = request_.primary_resource;
    if (request_.kind == ApplicationKind::java) {
      const std::string jars = configuration().raw("spark.jars").value_or("");
      const bool internal = is_spark_internal(resource);
      configuration().set("spark.jars", internal ? jars : jars.empty() ? resource : jars + "," + resource);
    }
    configuration().set_if_missing("spark.submit.pyFiles", "");
    // The class as it was given; one that a jar's manifest names does not count.
    configuration().set_if_missing("spark.app.name",
                                   arguments_.flag("--class").value_or(std::string(last_part(resource))));
    configuration().remove("spark.driver.host");
  }

  const SubmitArguments& arguments_;
  const SparkVersion& version_;
  const Surroundings& surroundings_;
  SubmitRequest request_;
};

}  // namespace

std::optional<std::string> spark_conf_folder(const Surroundings& surroundings) {
  if (auto folder = surroundings.environment("SPARK_CONF_DIR")) return folder;
  if (auto home = surroundings.environment("SPARK_HOME")) return *home + "/conf";
  return std::nullopt;
}

Result<SubmitRequest> resolve_submit_request(const SubmitArguments& arguments, const SparkVersion& version,
                                             const Surroundings& surroundings) {
  return Resolution(arguments, version, surroundings).run();
}

std::optional<std::string> master_of(const SubmitArguments& arguments, const SparkVersion& version,
                                     const Surroundings& surroundings) {
  return Resolution(arguments, version, surroundings).find_master();
}

std::optional<SubmissionAction> submission_action(const SubmitArguments& arguments) {
  if (auto id = arguments.flag("--kill"))
    return SubmissionAction{.kind = SubmissionAction::Kind::kill, .id = *std::move(id)};
  if (auto id = arguments.flag("--status"))
    return SubmissionAction{.kind = SubmissionAction::Kind::status, .id = *std::move(id)};
  return std::nullopt;
}

Result<DriverPattern> parse_driver_pattern(const std::string& id) {
  const std::size_t colon = id.find(':');
  DriverPattern pattern;
  if (colon != std::string::npos) pattern.namespace_name = id.substr(0, colon);
  pattern.pod = colon == std::string::npos ? id : id.substr(colon + 1);
  if (pattern.pod.ends_with('*')) {
    pattern.is_prefix = true;
    pattern.pod.pop_back();
  }
  if (pattern.pod.find_first_of(":/*") != std::string::npos || (pattern.pod.empty() && !pattern.is_prefix) ||
      (pattern.namespace_name && pattern.namespace_name->find_first_of("*/") != std::string::npos) ||
      (pattern.namespace_name && pattern.namespace_name->empty()))
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("\"{}\" is no id of a submission", id),
                 .hint = "write NAMESPACE:POD or POD; a * at its end stands for anything"};
  return pattern;
}

Result<Configuration> resolve_action_configuration(const SubmitArguments& arguments, const SparkVersion& version,
                                                   const Surroundings& surroundings) {
  return Resolution(arguments, version, surroundings).run_for_action();
}

}  // namespace stoker::spark
