#include "workers/lease.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"
#include "codec/sha256.h"

namespace stoker::workers {

namespace {

// Terminals, shells and desktops write these; no program that runs in a JVM has a use for them.
constexpr std::array<std::string_view, 27> kIgnoredVariables = {"_",
                                                                "PWD",
                                                                "OLDPWD",
                                                                "SHLVL",
                                                                "TERM",
                                                                "COLORTERM",
                                                                "COLUMNS",
                                                                "LINES",
                                                                "LS_COLORS",
                                                                "LESS",
                                                                "LESSOPEN",
                                                                "LESSCLOSE",
                                                                "PAGER",
                                                                "EDITOR",
                                                                "VISUAL",
                                                                "PS1",
                                                                "PROMPT_COMMAND",
                                                                "WINDOWID",
                                                                "TMUX",
                                                                "TMUX_PANE",
                                                                "STY",
                                                                "VTE_VERSION",
                                                                "HISTFILE",
                                                                "MAIL",
                                                                "PYTHONPATH",
                                                                "PYSPARK_PYTHON",
                                                                "PYSPARK_DRIVER_PYTHON"};
constexpr std::array<std::string_view, 9> kIgnoredPrefixes = {
    "STOKER_", "PYSPARK_GATEWAY_", "SSH_", "TERM_", "VSCODE_", "XDG_SESSION_", "GNOME_", "KONSOLE_", "ITERM_"};

void append(json::object& object, std::string_view key, const std::vector<std::string>& values) {
  json::array array;
  for (const auto& value : values)
    array.emplace_back(value);
  object[key] = std::move(array);
}

json::object to_json(const JvmSettings& settings) {
  json::object object;
  object["driver_memory"] = settings.driver_memory;
  object["java_options"] = settings.java_options;
  object["class_path"] = settings.class_path;
  append(object, "packages", settings.packages);
  append(object, "repositories", settings.repositories);
  append(object, "exclude_packages", settings.exclude_packages);
  append(object, "jars", settings.jars);
  object["heavy"] = settings.heavy;
  return object;
}

json::object key_json(const LeaseRequest& request) {
  return json::object{{"project", request.project.string()},
                      {"java", request.java.string()},
                      {"spark_home", request.spark_home.string()},
                      {"python", request.python.string()},
                      {"settings", to_json(request.settings)}};
}

json::object to_json(const std::map<std::string, std::string>& values) {
  json::object object;
  for (const auto& [name, value] : values)
    object[name] = value;
  return object;
}

// A setting as Spark writes it; lists with commas. None for what is no setting.
std::optional<std::string> setting_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string: return std::string(value.get_string());
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return codec::write_json(value);
    case json::kind::array: break;
    default: return std::nullopt;
  }
  std::vector<std::string> items;
  for (const auto& item : value.get_array()) {
    if (!item.is_string()) return std::nullopt;
    items.emplace_back(item.get_string());
  }
  return join(items, ",");
}

std::vector<std::string> comma_list(std::string_view text) {
  std::vector<std::string> items;
  for (const auto& item : split(text, ',')) {
    if (auto word = trim(item); !word.empty()) items.emplace_back(word);
  }
  return items;
}

}  // namespace

runtime::Environment jvm_environment(const runtime::Environment& environment) {
  runtime::Environment seen;
  for (const auto& [name, value] : environment) {
    bool ignored = std::ranges::find(kIgnoredVariables, name) != kIgnoredVariables.end() ||
                   std::ranges::any_of(kIgnoredPrefixes, [&](auto prefix) { return name.starts_with(prefix); });
    if (!ignored) seen[name] = value;
  }
  return seen;
}

runtime::Environment training_environment(const LeaseRequest& request) {
  runtime::Environment environment = jvm_environment(request.environment);
  if (auto path = request.environment.find("PYTHONPATH"); path != request.environment.end()) environment.insert(*path);
  environment["PYSPARK_PYTHON"] = request.python.string();
  return environment;
}

std::string lease_fingerprint(const LeaseRequest& request) {
  json::object all = key_json(request);
  all["environment"] = to_json(jvm_environment(request.environment));
  return codec::sha256_hex(codec::canonical_json(all));
}

JvmSettings take_jvm_settings(std::map<std::string, std::string>& conf) {
  JvmSettings settings;
  auto take = [&](const char* name) {
    auto node = conf.extract(name);
    return node ? node.mapped() : std::string();
  };
  settings.driver_memory = take("spark.driver.memory");
  settings.java_options = take("spark.driver.extraJavaOptions");
  if (auto defaults = take("spark.driver.defaultJavaOptions"); !defaults.empty()) {
    settings.java_options = defaults + (settings.java_options.empty() ? "" : " " + settings.java_options);
  }
  settings.class_path = take("spark.driver.extraClassPath");
  settings.packages = comma_list(take("spark.jars.packages"));
  settings.repositories = comma_list(take("spark.jars.repositories"));
  settings.exclude_packages = comma_list(take("spark.jars.excludes"));
  settings.jars = comma_list(take("spark.jars"));
  return settings;
}

Result<void> apply_session(const json::object& session, LeaseRequest& request) {
  auto bad = [](std::string_view key) {
    return Error{.code = ErrorCode::invalid_document, .message = fmt::format("session.{} has a wrong type", key)};
  };
  // In the order of the schema; `conf` wins over the short names, being what the user wrote in Spark's own words.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kNames = {
      {{"master", "spark.master"},
       {"appName", "spark.app.name"},
       {"executors", "spark.executor.instances"},
       {"executorCores", "spark.executor.cores"},
       {"executorMemory", "spark.executor.memory"},
       {"driverCores", "spark.driver.cores"},
       {"driverMemory", "spark.driver.memory"},
       {"packages", "spark.jars.packages"},
       {"excludePackages", "spark.jars.excludes"},
       {"repositories", "spark.jars.repositories"},
       {"jars", "spark.jars"},
       {"pyFiles", "spark.submit.pyFiles"},
       {"files", "spark.files"},
       {"archives", "spark.archives"},
       {"driverJavaOptions", "spark.driver.extraJavaOptions"},
       {"executorJavaOptions", "spark.executor.extraJavaOptions"}}};
  std::map<std::string, std::string> conf = {{"spark.ui.enabled", "false"}, {"spark.ui.showConsoleProgress", "false"}};
  for (const auto& [key, name] : kNames) {
    const auto* value = session.if_contains(key);
    if (value == nullptr || value->is_null()) continue;
    auto text = setting_text(*value);
    if (!text) return bad(key);
    if (!text->empty()) conf[std::string(name)] = *text;
  }
  if (const auto* hive = session.if_contains("hive"); hive && hive->is_bool() && hive->get_bool()) {
    conf["spark.sql.catalogImplementation"] = "hive";
  }
  if (const auto* more = session.if_contains("conf")) {
    if (!more->is_object()) return bad("conf");
    for (const auto& member : more->get_object()) {
      auto text = setting_text(member.value());
      if (!text) return bad("conf." + std::string(member.key()));
      conf[std::string(member.key())] = *text;
    }
  }
  request.settings = take_jvm_settings(conf);
  const auto* profile = session.if_contains("profile");
  request.settings.heavy = profile && profile->is_string() && profile->get_string() == "heavy";
  request.defaults = std::move(conf);
  return {};
}

std::optional<std::uint64_t> parse_memory(std::string_view text) {
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  std::string unit(end, text.data() + text.size());
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::pair<std::string_view, int>, 9> kUnits = {
      {{"b", 0}, {"k", 10}, {"kb", 10}, {"", 20}, {"m", 20}, {"mb", 20}, {"g", 30}, {"gb", 30}, {"t", 40}}};
  for (const auto& [name, shift] : kUnits) {
    if (unit != name) continue;
    if (number > (std::uint64_t{1} << (63 - shift))) return std::nullopt;
    return number << shift;
  }
  return std::nullopt;
}

json::value to_json(const LeaseRequest& request) {
  json::object object{{"op", "lease"}, {"version", kPoolProtocolVersion}};
  object["key"] = key_json(request);
  object["environment"] = to_json(request.environment);
  object["cwd"] = request.working_directory.string();
  object["defaults"] = to_json(request.defaults);
  object["app_name"] = request.app_name;
  object["log"] = request.log.string();
  object["progress"] = request.progress;
  object["single_use"] = request.single_use;
  return object;
}

json::value to_json(const LeaseEvent& event) {
  json::object object;
  if (auto* leased = std::get_if<Leased>(&event)) {
    object = {{"op", "leased"},
              {"gateway_port", leased->gateway.port},
              {"gateway_secret", leased->gateway.secret},
              {"jvm_pid", leased->jvm_pid},
              {"warm", leased->warm},
              {"lease_id", leased->lease_id}};
  } else if (auto* progress = std::get_if<Progress>(&event)) {
    json::array stages;
    for (const auto& stage : progress->stages) {
      stages.push_back(json::object{{"id", stage.id},
                                    {"name", stage.name},
                                    {"done", stage.done},
                                    {"failed", stage.failed},
                                    {"active", stage.active},
                                    {"total", stage.total}});
    }
    object = {{"op", "progress"}, {"stages", std::move(stages)}};
  } else if (auto* exited = std::get_if<JvmExited>(&event)) {
    object = {{"op", "jvm-exited"},
              {"status", exited->status},
              {"reason", exited->reason},
              {"out_of_memory", exited->out_of_memory}};
  } else if (auto* released = std::get_if<Released>(&event)) {
    object = {{"op", "released"},
              {"cpu_ms", released->cpu.count()},
              {"cpu_seconds", static_cast<double>(released->cpu.count()) / 1000},
              {"peak_rss_bytes", released->peak_rss_bytes},
              {"out_of_memory", released->out_of_memory}};
    object["jobs"] = released->jobs ? json::value(*released->jobs) : json::value(nullptr);
    object["stages"] = released->stages ? json::value(*released->stages) : json::value(nullptr);
  } else {
    const auto& refused = std::get<Refused>(event);
    object = {{"op", "refused"},
              {"code", error_code_name(refused.error.code)},
              {"message", refused.error.describe()},
              {"hint", refused.error.hint}};
  }
  return object;
}

json::value to_json(const WorkerInfo& worker) {
  return json::object{{"pid", worker.pid},
                      {"state", worker.state},
                      {"project", worker.project.string()},
                      {"spark_version", worker.spark_version},
                      {"java_version", worker.java_version},
                      {"profile", worker.profile},
                      {"driver_memory", worker.driver_memory},
                      {"leases", worker.leases},
                      {"age_ms", worker.age.count()},
                      {"idle_ms", worker.idle.count()},
                      {"cpu_ms", worker.cpu.count()},
                      {"rss_bytes", worker.rss_bytes},
                      {"app_name", worker.app_name}};
}

}  // namespace stoker::workers
