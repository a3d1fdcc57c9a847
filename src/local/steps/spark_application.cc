#include "local/steps/spark_application.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace stoker::local {

namespace fs = std::filesystem;

namespace {

enum class Use {
  honoured,
  cluster,  // where and how pods run: named, the result is the same without
  refused,  // the result depends on it
};

struct Field {
  std::string_view name;
  Use use;
};

constexpr std::array kSpecFields{Field{"type", Use::honoured},
                                 Field{"sparkVersion", Use::honoured},
                                 Field{"mode", Use::honoured},
                                 Field{"pythonVersion", Use::honoured},
                                 Field{"mainClass", Use::honoured},
                                 Field{"mainApplicationFile", Use::honoured},
                                 Field{"arguments", Use::honoured},
                                 Field{"sparkConf", Use::honoured},
                                 Field{"hadoopConf", Use::honoured},
                                 Field{"deps", Use::honoured},
                                 Field{"driver", Use::honoured},
                                 Field{"executor", Use::honoured},
                                 Field{"restartPolicy", Use::honoured},
                                 Field{"failureRetries", Use::honoured},
                                 Field{"retryInterval", Use::honoured},
                                 Field{"suspend", Use::honoured},
                                 Field{"image", Use::cluster},
                                 Field{"imagePullPolicy", Use::cluster},
                                 Field{"imagePullSecrets", Use::cluster},
                                 Field{"volumes", Use::cluster},
                                 Field{"nodeSelector", Use::cluster},
                                 Field{"memoryOverheadFactor", Use::cluster},
                                 Field{"monitoring", Use::cluster},
                                 Field{"batchScheduler", Use::cluster},
                                 Field{"batchSchedulerOptions", Use::cluster},
                                 Field{"timeToLiveSeconds", Use::cluster},
                                 Field{"sparkUIOptions", Use::cluster},
                                 Field{"driverIngressOptions", Use::cluster},
                                 Field{"dynamicAllocation", Use::cluster},
                                 Field{"driverPodDisruptionBudget", Use::cluster},
                                 Field{"proxyUser", Use::refused},
                                 Field{"sparkConfigMap", Use::refused},
                                 Field{"hadoopConfigMap", Use::refused}};

constexpr std::array kPodFields{Field{"memory", Use::honoured},
                                Field{"javaOptions", Use::honoured},
                                Field{"env", Use::honoured},
                                Field{"envVars", Use::honoured},
                                Field{"template", Use::cluster},
                                Field{"cores", Use::cluster},
                                Field{"coreLimit", Use::cluster},
                                Field{"coreRequest", Use::cluster},
                                Field{"memoryLimit", Use::cluster},
                                Field{"memoryOverhead", Use::cluster},
                                Field{"gpu", Use::cluster},
                                Field{"image", Use::cluster},
                                Field{"labels", Use::cluster},
                                Field{"annotations", Use::cluster},
                                Field{"affinity", Use::cluster},
                                Field{"tolerations", Use::cluster},
                                Field{"podSecurityContext", Use::cluster},
                                Field{"securityContext", Use::cluster},
                                Field{"schedulerName", Use::cluster},
                                Field{"sidecars", Use::cluster},
                                Field{"hostNetwork", Use::cluster},
                                Field{"nodeSelector", Use::cluster},
                                Field{"dnsConfig", Use::cluster},
                                Field{"terminationGracePeriodSeconds", Use::cluster},
                                Field{"serviceAccount", Use::cluster},
                                Field{"hostAliases", Use::cluster},
                                Field{"shareProcessNamespace", Use::cluster},
                                Field{"podName", Use::cluster},
                                Field{"lifecycle", Use::cluster},
                                Field{"kubernetesMaster", Use::cluster},
                                Field{"serviceAnnotations", Use::cluster},
                                Field{"serviceLabels", Use::cluster},
                                Field{"ports", Use::cluster},
                                Field{"priorityClassName", Use::cluster},
                                Field{"instances", Use::cluster},
                                Field{"deleteOnTermination", Use::cluster},
                                Field{"configMaps", Use::refused},
                                Field{"secrets", Use::refused},
                                Field{"envFrom", Use::refused},
                                Field{"envSecretKeyRefs", Use::refused},
                                Field{"volumeMounts", Use::refused},
                                Field{"initContainers", Use::refused}};

constexpr std::string_view kImageHome = "local:///opt/spark";

bool is_empty(const json::value& value) {
  return value.is_null() || (value.is_array() && value.get_array().empty()) ||
         (value.is_object() && value.get_object().empty());
}

// Builds the plan, collecting what is named and what is refused.
class Planner {
 public:
  Planner(const json::object& manifest, const fs::path& spark_home, const fs::path& project_root)
      : manifest_(manifest), spark_home_(spark_home), project_root_(project_root) {}

  Result<SparkApplicationPlan> plan() {
    const json::value* spec = manifest_.if_contains("spec");
    if (spec == nullptr || !spec->is_object()) return invalid("the SparkApplication has no spec");
    spec_ = &spec->get_object();
    TRY(sort_fields(*spec_, kSpecFields, "spec"));
    driver_ = child("driver");
    executor_ = child("executor");
    TRY(sort_fields(driver_, kPodFields, "spec.driver"));
    TRY(sort_fields(executor_, kPodFields, "spec.executor"));
    const std::string type = text(*spec_, "type");
    if (type == "R") refused_.push_back("spec.type R");
    if (!refused_.empty()) {
      return Error{.code = ErrorCode::unsupported,
                   .message = "a local run cannot give the application " + join(refused_, ", "),
                   .hint = "run the pipeline on a cluster, or take these fields out for a local run"};
    }
    TRY(add_configuration());
    TRY(add_dependencies());
    TRY(add_application(type));
    if (!cluster_.empty()) plan_.note = "only a cluster can honour, and left out here: " + join(cluster_, ", ");
    return std::move(plan_);
  }

 private:
  static Error invalid(std::string message) {
    return Error{.code = ErrorCode::invalid_document, .message = std::move(message)};
  }

  json::object child(std::string_view name) const {
    const json::value* value = spec_->if_contains(name);
    return value != nullptr && value->is_object() ? value->get_object() : json::object();
  }

  // Numbers and booleans are what a person wrote without quotes.
  static std::string text(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value == nullptr || value->is_null() ? std::string() : scalar(*value);
  }
  static std::string scalar(const json::value& value) {
    return value.is_string() ? std::string(value.get_string()) : codec::write_json(value);
  }

  template <std::size_t Count>
  Result<void> sort_fields(const json::object& object, const std::array<Field, Count>& fields,
                           const std::string& where) {
    for (const auto& member : object) {
      auto field =
          std::find_if(fields.begin(), fields.end(), [&](const Field& known) { return known.name == member.key(); });
      if (field == fields.end()) {
        std::vector<std::string> names;
        for (const auto& known : fields)
          names.emplace_back(known.name);
        Error error = invalid(fmt::format("a SparkApplication has no {}.{}", where, std::string_view(member.key())));
        error.hint = did_you_mean(member.key(), names);
        return error;
      }
      if (is_empty(member.value())) continue;
      const std::string name = fmt::format("{}.{}", where, field->name);
      if (field->use == Use::cluster) cluster_.push_back(name);
      if (field->use == Use::refused) refused_.push_back(name);
    }
    return {};
  }

  void add(std::string option, std::string value) {
    plan_.arguments.push_back(std::move(option));
    plan_.arguments.push_back(std::move(value));
  }

  Result<void> add_configuration() {
    add("--master", "local[*]");
    if (const json::value* metadata = manifest_.if_contains("metadata"); metadata != nullptr && metadata->is_object()) {
      if (auto name = text(metadata->get_object(), "name"); !name.empty()) add("--name", name);
    }
    if (auto memory = text(driver_, "memory"); !memory.empty()) add("--driver-memory", memory);
    if (auto options = text(driver_, "javaOptions"); !options.empty()) add("--driver-java-options", options);
    bool interface_asked = false;
    for (const auto& member : child("sparkConf")) {
      const std::string key(member.key());
      if (key == "spark.master" || key == "spark.submit.deployMode" || key.starts_with("spark.kubernetes.") ||
          key == "spark.executor.instances" || key.starts_with("spark.dynamicAllocation.")) {
        cluster_.push_back("sparkConf " + key);
        continue;
      }
      interface_asked = interface_asked || key == "spark.ui.enabled";
      add("--conf", key + "=" + scalar(member.value()));
    }
    for (const auto& member : child("hadoopConf")) {
      add("--conf", fmt::format("spark.hadoop.{}={}", std::string_view(member.key()), scalar(member.value())));
    }
    if (!interface_asked) add("--conf", "spark.ui.enabled=false");
    add("--conf", "spark.ui.showConsoleProgress=false");
    return add_environment();
  }

  Result<void> add_environment() {
    // In local mode the executors are threads of the driver, so one environment serves both; the driver's value counts.
    for (const json::object* pod : {&executor_, &driver_}) {
      if (const json::value* variables = pod->if_contains("envVars"); variables != nullptr && variables->is_object()) {
        for (const auto& member : variables->get_object())
          plan_.environment[std::string(member.key())] = scalar(member.value());
      }
      const json::value* list = pod->if_contains("env");
      if (list == nullptr || !list->is_array()) continue;
      for (const auto& entry : list->get_array()) {
        if (!entry.is_object()) return invalid("an entry of env is no object");
        const std::string name = text(entry.get_object(), "name");
        if (entry.get_object().contains("valueFrom")) {
          return Error{.code = ErrorCode::unsupported,
                       .message = fmt::format("a local run cannot give the application env {} (valueFrom)", name),
                       .hint = "give the step a secret: secrets: {" + name + ": …}"};
        }
        plan_.environment[name] = text(entry.get_object(), "value");
      }
    }
    return {};
  }

  Result<std::string> place(const std::string& location) const {
    if (location.starts_with(kImageHome) &&
        (location.size() == kImageHome.size() || location[kImageHome.size()] == '/')) {
      return checked(spark_home_.string() + location.substr(kImageHome.size()), location);
    }
    if (location.starts_with("local://"))
      return checked(location.substr(std::string_view("local://").size()), location);
    if (location.starts_with("file://")) return checked(location.substr(std::string_view("file://").size()), location);
    if (location.find("://") != std::string::npos) return location;
    return checked((project_root_ / location).lexically_normal().string(), location);
  }

  static Result<std::string> checked(std::string path, const std::string& location) {
    std::error_code ignored;
    // A pattern of several files is left to Spark.
    if (path.find_first_of("*?[{") != std::string::npos || fs::exists(path, ignored)) return path;
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} does not exist{}", path,
                                        path == location ? "" : fmt::format(" (the manifest says {})", location)),
                 .hint = location.starts_with(kImageHome)
                             ? "the Spark of this machine may lack it: pyspark from PyPI has no Java examples"
                             : ""};
  }

  Result<void> add_list(const json::object& deps, std::string_view field, std::string option, bool are_places) {
    const json::value* value = deps.if_contains(field);
    if (value == nullptr || is_empty(*value)) return {};
    if (!value->is_array()) return invalid(fmt::format("spec.deps.{} is no list", field));
    std::vector<std::string> items;
    for (const auto& item : value->get_array()) {
      if (!are_places) {
        items.push_back(scalar(item));
        continue;
      }
      // `archive.zip#name` unpacks under another name.
      const std::string location = scalar(item);
      const auto hash = location.find('#');
      TRY_ASSIGN(std::string path, place(location.substr(0, hash)));
      items.push_back(path + (hash == std::string::npos ? "" : location.substr(hash)));
    }
    add(std::move(option), join(items, ","));
    return {};
  }

  Result<void> add_dependencies() {
    const json::object deps = child("deps");
    static const std::vector<std::string> kNames{"jars",         "files",   "pyFiles", "packages", "excludePackages",
                                                 "repositories", "archives"};
    for (const auto& member : deps) {
      if (std::find(kNames.begin(), kNames.end(), std::string(member.key())) != kNames.end()) continue;
      Error error = invalid(fmt::format("a SparkApplication has no spec.deps.{}", std::string_view(member.key())));
      error.hint = did_you_mean(member.key(), kNames);
      return error;
    }
    TRY(add_list(deps, "jars", "--jars", true));
    TRY(add_list(deps, "files", "--files", true));
    TRY(add_list(deps, "pyFiles", "--py-files", true));
    TRY(add_list(deps, "packages", "--packages", false));
    TRY(add_list(deps, "excludePackages", "--exclude-packages", false));
    TRY(add_list(deps, "repositories", "--repositories", false));
    return add_list(deps, "archives", "--archives", true);
  }

  Result<void> add_application(const std::string& type) {
    if (auto main_class = text(*spec_, "mainClass"); !main_class.empty()) {
      add("--class", main_class);
    } else if (type == "Java" || type == "Scala") {
      return invalid(fmt::format("a {} application needs spec.mainClass", type));
    }
    const std::string file = text(*spec_, "mainApplicationFile");
    if (file.empty()) return invalid("the SparkApplication has no spec.mainApplicationFile");
    TRY_ASSIGN(std::string path, place(file));
    plan_.arguments.push_back(std::move(path));
    const json::value* arguments = spec_->if_contains("arguments");
    if (arguments == nullptr || arguments->is_null()) return {};
    if (!arguments->is_array()) return invalid("spec.arguments is no list");
    for (const auto& argument : arguments->get_array()) {
      std::string value = scalar(argument);
      if (value.starts_with(kImageHome)) {
        TRY_ASSIGN(value, place(value));
      }
      plan_.arguments.push_back(std::move(value));
    }
    return {};
  }

  const json::object& manifest_;
  const fs::path& spark_home_;
  const fs::path& project_root_;
  const json::object* spec_ = nullptr;
  json::object driver_;
  json::object executor_;
  std::vector<std::string> cluster_;
  std::vector<std::string> refused_;
  SparkApplicationPlan plan_;
};

}  // namespace

Result<SparkApplicationPlan> plan_spark_application(const json::object& manifest, const fs::path& spark_home,
                                                    const fs::path& project_root) {
  const json::value* kind = manifest.if_contains("kind");
  if (kind == nullptr || *kind != "SparkApplication") {
    return Error{.code = ErrorCode::invalid_document, .message = "the manifest is no SparkApplication (kind)"};
  }
  return Planner(manifest, spark_home, project_root).plan();
}

}  // namespace stoker::local
