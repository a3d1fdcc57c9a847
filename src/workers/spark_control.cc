#include "workers/spark_control.h"

#include <fmt/format.h>

namespace stoker::workers {

using py4j::Calls;
using py4j::Reference;
using py4j::Value;

namespace {

constexpr std::string_view kSystem = "java.lang.System";
constexpr std::string_view kLogManager = "org.apache.logging.log4j.LogManager";
constexpr std::string_view kConfigurator = "org.apache.logging.log4j.core.config.Configurator";
constexpr std::string_view kSparkLogging = "org.apache.spark.internal.Logging";
constexpr std::string_view kSparkSession = "org.apache.spark.sql.SparkSession";
// A step that runs more stages at once shows the first of them.
constexpr std::int64_t kMaximumStages = 20;
constexpr std::int64_t kMaximumLoggers = 200;

Error in_doubt(std::string what) {
  return Error{.code = ErrorCode::conflict, .message = std::move(what)};
}

Result<std::vector<Value>> items_of(Calls& calls, const Reference& collection, std::int64_t limit) {
  TRY_ASSIGN(Reference array, calls.object(collection, "toArray"));
  TRY_ASSIGN(std::int32_t length, calls.array_length(array));
  if (length > limit) return in_doubt(fmt::format("{} items where {} were expected", length, limit));
  std::vector<Value> items;
  for (std::int32_t i = 0; i < length; ++i) {
    TRY_ASSIGN(Value item, calls.array_item(array, i));
    items.push_back(std::move(item));
  }
  return items;
}

Result<Reference> loggers(Calls& calls) {
  TRY_ASSIGN(Reference context, calls.static_object(kLogManager, "getContext", {false}));
  TRY_ASSIGN(Reference configuration, calls.object(context, "getConfiguration"));
  return calls.object(configuration, "getLoggers");
}

Result<StageProgress> read_stage(Calls& calls, const Reference& stage) {
  StageProgress progress;
  TRY_ASSIGN(progress.id, calls.number(stage, "stageId"));
  TRY_ASSIGN(progress.name, calls.text(stage, "name"));
  TRY_ASSIGN(progress.done, calls.number(stage, "numCompleteTasks"));
  TRY_ASSIGN(progress.failed, calls.number(stage, "numFailedTasks"));
  TRY_ASSIGN(progress.active, calls.number(stage, "numActiveTasks"));
  TRY_ASSIGN(progress.total, calls.number(stage, "numTasks"));
  return progress;
}

}  // namespace

Result<SparkControl> SparkControl::connect(const py4j::GatewayAddress& address, std::filesystem::path working_directory,
                                           const runtime::Context& context, const Clock& clock) {
  TRY_ASSIGN(py4j::Client client, py4j::Client::connect(address, context, clock));
  SparkControl control(std::move(client), std::move(working_directory));
  TRY(control.remember(context));
  return control;
}

Result<void> SparkControl::remember(const runtime::Context& context) {
  Calls calls(client_, context);
  TRY_ASSIGN(context_companion_, calls.scala_object("org.apache.spark.SparkContext"));
  TRY_ASSIGN(Reference properties, calls.static_object(kSystem, "getProperties"));
  TRY_ASSIGN(properties_, calls.object(properties, "clone"));
  TRY_ASSIGN(time_zone_, calls.static_object("java.util.TimeZone", "getDefault"));
  TRY_ASSIGN(locale_, calls.static_object("java.util.Locale", "getDefault"));
  TRY_ASSIGN(Reference root, calls.static_object(kLogManager, "getRootLogger"));
  TRY_ASSIGN(root_level_, calls.object(root, "getLevel"));
  TRY_ASSIGN(Reference logging, calls.scala_object(kSparkLogging));
  TRY_ASSIGN(shell_threshold_, calls.call(logging, "sparkShellThresholdLevel"));
  TRY_ASSIGN(levels_, logger_levels(calls));
  for (const auto* object : {&context_companion_, &properties_, &time_zone_, &locale_, &root_level_})
    calls.keep(*object);
  if (auto* threshold = std::get_if<Reference>(&shell_threshold_)) calls.keep(*threshold);
  return {};
}

Result<std::map<std::string, std::string>> SparkControl::logger_levels(Calls& calls) {
  std::map<std::string, std::string> levels;
  TRY_ASSIGN(Reference map, loggers(calls));
  TRY_ASSIGN(Reference values, calls.object(map, "values"));
  TRY_ASSIGN(auto items, items_of(calls, values, kMaximumLoggers));
  for (const auto& item : items) {
    const auto* logger = std::get_if<Reference>(&item);
    if (logger == nullptr) continue;
    TRY_ASSIGN(std::string name, calls.text(*logger, "getName"));
    TRY_ASSIGN(Reference level, calls.object(*logger, "getLevel"));
    TRY_ASSIGN(levels[name], calls.text(level, "toString"));
  }
  return levels;
}

Result<std::optional<Reference>> SparkControl::active_context(Calls& calls) {
  TRY_ASSIGN(Reference option, calls.object(context_companion_, "getActive"));
  TRY_ASSIGN(bool defined, calls.flag(option, "isDefined"));
  if (!defined) return std::optional<Reference>();
  TRY_ASSIGN(Reference spark_context, calls.object(option, "get"));
  return std::optional(spark_context);
}

// Relative paths: Hadoop's file system resolves them against a directory of its own, java.io.File against one that it
// read at the start. The process's directory itself cannot be changed, so what Java hands to the system unresolved
// stays where the JVM was started.
Result<void> SparkControl::enter_directory(Calls& calls, const std::filesystem::path& directory) {
  TRY_ASSIGN(Reference configuration, calls.construct("org.apache.hadoop.conf.Configuration"));
  TRY_ASSIGN(Reference files, calls.static_object("org.apache.hadoop.fs.FileSystem", "getLocal", {configuration}));
  TRY_ASSIGN(Reference path, calls.construct("org.apache.hadoop.fs.Path", {directory.string()}));
  TRY(calls.call(files, "setWorkingDirectory", {path}));
  TRY_ASSIGN(Reference probe, calls.construct("java.io.File", {std::string("x")}));
  TRY_ASSIGN(std::string resolved, calls.text(probe, "getAbsolutePath"));
  if (resolved == (directory / "x").string()) return {};
  TRY_ASSIGN(Reference file_class, calls.static_object("java.lang.Class", "forName", {std::string("java.io.File")}));
  TRY_ASSIGN(Reference system_field, calls.object(file_class, "getDeclaredField", {std::string("fs")}));
  TRY(calls.call(system_field, "setAccessible", {true}));
  TRY_ASSIGN(Reference system, calls.object(system_field, "get", {Value()}));
  TRY_ASSIGN(Reference system_class, calls.object(system, "getClass"));
  TRY_ASSIGN(Reference field, calls.object(system_class, "getDeclaredField", {std::string("userDir")}));
  TRY(calls.call(field, "setAccessible", {true}));
  TRY(calls.call(field, "set", {system, directory.string()}));
  TRY_ASSIGN(resolved, calls.text(probe, "getAbsolutePath"));
  if (resolved == (directory / "x").string()) return {};
  return in_doubt("the working directory of the JVM could not be set");
}

Result<void> SparkControl::set_properties(Calls& calls, const LeaseSettings& settings) {
  std::map<std::string, std::string> properties = {
      {"spark.app.name", settings.app_name},
      {"spark.sql.warehouse.dir", (settings.working_directory / "spark-warehouse").string()},
      {std::string("spark.executorEnv.") + kLeaseVariable, settings.lease_id},
      {"user.dir", settings.working_directory.string()},
  };
  if (!settings.python_path.empty()) properties["spark.executorEnv.PYTHONPATH"] = settings.python_path;
  if (settings.working_directory != home_directory_) {
    // Python workers are children of the JVM and stand where it stands; this module goes where the step stands first.
    properties["spark.python.daemon.module"] = "stoker._spark.daemon";
    properties["spark.executorEnv.STOKER_WORKING_DIRECTORY"] = settings.working_directory.string();
  }
  for (const auto& [name, value] : settings.defaults) {
    if (name.starts_with("spark.")) properties[name] = value;
  }
  for (const auto& [name, value] : properties)
    TRY(calls.call_static(kSystem, "setProperty", {name, value}));
  return {};
}

Result<py4j::GatewayAddress> SparkControl::open_lease(const LeaseSettings& settings, const runtime::Context& context) {
  Calls calls(client_, context);
  TRY(set_properties(calls, settings));
  TRY(enter_directory(calls, settings.working_directory));
  TRY_ASSIGN(Reference conf, calls.construct("org.apache.spark.SparkConf"));
  TRY_ASSIGN(Reference server, calls.construct("org.apache.spark.api.python.Py4JServer", {conf}));
  TRY(calls.call(server, "start"));
  calls.keep(server);
  server_ = server;
  TRY_ASSIGN(std::int64_t port, calls.number(server, "getListeningPort"));
  TRY_ASSIGN(std::string secret, calls.text(server, "secret"));
  if (port <= 0 || port > UINT16_MAX || secret.empty()) return in_doubt("the gateway for the lease did not start");
  return py4j::GatewayAddress{static_cast<std::uint16_t>(port), secret};
}

Result<std::vector<StageProgress>> SparkControl::stages(const runtime::Context& context) {
  std::vector<StageProgress> stages;
  Calls calls(client_, context);
  TRY_ASSIGN(auto spark_context, active_context(calls));
  if (!spark_context) return stages;
  TRY_ASSIGN(Reference store, calls.object(*spark_context, "statusStore"));
  TRY_ASSIGN(Reference active, calls.object(store, "activeStages"));
  TRY_ASSIGN(std::int64_t count, calls.number(active, "size"));
  for (std::int64_t i = 0; i < std::min(count, kMaximumStages); ++i) {
    TRY_ASSIGN(Reference stage, calls.object(active, "apply", {static_cast<std::int32_t>(i)}));
    TRY_ASSIGN(StageProgress progress, read_stage(calls, stage));
    stages.push_back(std::move(progress));
  }
  return stages;
}

Result<LeaseCounts> SparkControl::stop_lease(const runtime::Context& context) {
  Calls calls(client_, context);
  LeaseCounts counts;
  TRY_ASSIGN(auto spark_context, active_context(calls));
  bool hive = false;
  if (spark_context) {
    TRY_ASSIGN(Reference store, calls.object(*spark_context, "statusStore"));
    TRY_ASSIGN(Reference summary, calls.object(store, "appSummary"));
    TRY_ASSIGN(counts.jobs, calls.number(summary, "numCompletedJobs"));
    TRY_ASSIGN(counts.stages, calls.number(summary, "numCompletedStages"));
    TRY_ASSIGN(Reference conf, calls.object(*spark_context, "getConf"));
    TRY_ASSIGN(std::string catalog,
               calls.text(conf, "get", {std::string("spark.sql.catalogImplementation"), std::string()}));
    hive = catalog == "hive";
    TRY(calls.call(*spark_context, "stop"));
  }
  if (server_) {
    TRY(calls.call(*server_, "shutdown"));
    client_.release_later(*std::exchange(server_, std::nullopt));
  }
  if (hive) return in_doubt("the step used a Hive catalog, whose metastore lives as long as the JVM");
  return counts;
}

Result<void> SparkControl::restore_logging(Calls& calls) {
  TRY(calls.call_static(kConfigurator, "setRootLevel", {root_level_}));
  TRY_ASSIGN(Reference logging, calls.scala_object(kSparkLogging));
  TRY(calls.call(logging, "sparkShellThresholdLevel_$eq", {shell_threshold_}));
  TRY_ASSIGN(auto levels, logger_levels(calls));
  if (levels != levels_) return in_doubt("the step changed the levels of loggers");
  return {};
}

Result<void> SparkControl::restore(const runtime::Context& context) {
  Calls calls(client_, context);
  TRY_ASSIGN(auto left, active_context(calls));
  if (left) return in_doubt("a Spark context came up again after the lease");
  TRY(calls.call_static(kSparkSession, "clearDefaultSession"));
  TRY(calls.call_static(kSparkSession, "clearActiveSession"));
  // Cached file systems keep the endpoints and credentials that they were made with.
  TRY(calls.call_static("org.apache.hadoop.fs.FileSystem", "closeAll"));
  TRY_ASSIGN(Reference properties, calls.object(properties_, "clone"));
  TRY(calls.call_static(kSystem, "setProperties", {properties}));
  TRY(calls.call_static("java.util.TimeZone", "setDefault", {time_zone_}));
  TRY(calls.call_static("java.util.Locale", "setDefault", {locale_}));
  TRY(restore_logging(calls));
  return enter_directory(calls, home_directory_);
}

Result<HeapUse> SparkControl::heap(bool collect_first, const runtime::Context& context) {
  Calls calls(client_, context);
  if (collect_first) TRY(calls.call_static(kSystem, "gc"));
  TRY_ASSIGN(Reference runtime, calls.static_object("java.lang.Runtime", "getRuntime"));
  TRY_ASSIGN(std::int64_t total, calls.number(runtime, "totalMemory"));
  TRY_ASSIGN(std::int64_t free, calls.number(runtime, "freeMemory"));
  TRY_ASSIGN(std::int64_t limit, calls.number(runtime, "maxMemory"));
  return HeapUse{static_cast<std::uint64_t>(total - free), static_cast<std::uint64_t>(limit)};
}

}  // namespace stoker::workers
