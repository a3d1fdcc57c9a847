// DriverCommandFeatureStep: what the image's entrypoint is told to run.
#include <fmt/format.h>

#include "spark/steps/driver_context.h"
#include "spark/uris.h"

namespace stoker::spark {

namespace {

std::string_view kind_word(ApplicationKind kind) {
  switch (kind) {
    case ApplicationKind::java: return "java";
    case ApplicationKind::python: return "python";
    case ApplicationKind::r: return "r";
  }
  return "";
}

// Which interpreters the driver and its executors use: by configuration, else as the submitter's environment says.
Result<void> add_interpreters(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(const auto configured, context.configuration.text("spark.pyspark.python"));
  TRY_ASSIGN(const auto for_driver,
             context.configuration.first_of({"spark.pyspark.driver.python", "spark.pyspark.python"}));
  const auto everywhere = context.surroundings.environment("PYSPARK_PYTHON");
  const auto of_driver = context.surroundings.environment("PYSPARK_DRIVER_PYTHON");
  const auto python = configured ? configured : everywhere;
  const auto driver_python = for_driver ? for_driver : of_driver ? of_driver : everywhere;
  if (python) parts.environment().push_back(resources::named_value("PYSPARK_PYTHON", *python));
  if (driver_python) parts.environment().push_back(resources::named_value("PYSPARK_DRIVER_PYTHON", *driver_python));
  return {};
}

// A jar of the submitter reaches the driver through spark.jars, so that its own place is empty; a Python file goes to
// where it was uploaded.
std::string resource_in_cluster(const DriverContext& context, const DriverParts& parts) {
  const std::string& resource = context.request.primary_resource;
  if (is_spark_internal(resource) || !is_local(resource)) return resource;
  if (context.request.kind == ApplicationKind::java) return "spark-internal";
  for (const Upload& upload : parts.uploads)
    if (upload.from_path == local_path(resource)) return upload.to_uri;
  return resource;
}

}  // namespace

Result<void> command_step(const DriverContext& context, DriverParts& parts) {
  json::array& arguments = resources::list_at(parts.container, "args");
  arguments.emplace_back("driver");
  if (context.request.proxy_user)
    for (const std::string_view word :
         {std::string_view("--proxy-user"), std::string_view(*context.request.proxy_user)})
      arguments.emplace_back(word);
  for (const std::string_view word : {"--properties-file", "/opt/spark/conf/spark.properties", "--class"})
    arguments.emplace_back(word);
  arguments.emplace_back(context.request.main_class);
  arguments.emplace_back(resource_in_cluster(context, parts));
  for (const std::string& argument : context.request.arguments)
    arguments.emplace_back(argument);
  if (context.request.kind == ApplicationKind::python) TRY(add_interpreters(context, parts));
  parts.properties.set("spark.kubernetes.resource.type", std::string(kind_word(context.request.kind)));
  return {};
}

}  // namespace stoker::spark
