#include "workers/jvm_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "codec/sha256.h"

namespace stoker::workers {

namespace {

constexpr int kFirstJavaWithDynamicArchives = 13;
constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kDefaultHeap = 1024 * kMiB;  // Spark's spark.driver.memory
// Classes, compiled code, threads, buffers and a Python worker daemon: measured 0.45 to 0.75 GB with small heaps.
constexpr std::uint64_t kBesideHeap = 512 * kMiB;

const std::string* lookup(const std::map<std::string, std::string>& map, const std::string& key) {
  auto found = map.find(key);
  return found == map.end() || found->second.empty() ? nullptr : &found->second;
}

// The step's settings, then the user's spark-defaults.conf.
JvmSettings effective_settings(const JvmCommandInput& input, std::map<std::string, std::string>& defaults) {
  JvmSettings from_file = take_jvm_settings(defaults);
  JvmSettings settings = input.settings;
  auto fill = [](auto& mine, auto& other) {
    if (mine.empty()) mine = std::move(other);
  };
  fill(settings.driver_memory, from_file.driver_memory);
  fill(settings.java_options, from_file.java_options);
  fill(settings.class_path, from_file.class_path);
  fill(settings.packages, from_file.packages);
  fill(settings.repositories, from_file.repositories);
  fill(settings.exclude_packages, from_file.exclude_packages);
  fill(settings.jars, from_file.jars);
  return settings;
}

bool needs_spark_submit(const JvmCommandInput& input, const JvmSettings& settings) {
  const std::string* arguments = lookup(input.environment, "PYSPARK_SUBMIT_ARGS");
  bool own_arguments = arguments != nullptr && trim(*arguments) != "pyspark-shell";
  return !settings.packages.empty() || !settings.jars.empty() || input.has_spark_env || own_arguments;
}

std::vector<std::string> tuning(const JvmCommandInput& input) {
  std::vector<std::string> flags;
  if (!input.settings.heavy) flags = {"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"};
  if (can_use_archive(input)) {
    if (input.class_archive) flags.push_back("-XX:SharedArchiveFile=" + input.class_archive->string());
    if (input.make_class_archive) flags.push_back("-XX:ArchiveClassesAtExit=" + input.make_class_archive->string());
    // A missing or unfit archive is passed over, silently.
    flags.push_back("-Xshare:auto");
    flags.push_back("-Xlog:cds=off");
    flags.push_back("-Xlog:cds+dynamic=off");
  }
  return flags;
}

std::string class_path(const JvmCommandInput& input, const JvmSettings& settings) {
  std::vector<std::string> parts;
  if (!settings.class_path.empty()) parts.push_back(settings.class_path);
  if (input.configuration_folder) parts.push_back(input.configuration_folder->string());
  parts.push_back((input.spark.home / "jars" / "*").string());
  for (const char* name : {"HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_DIST_CLASSPATH"}) {
    if (const auto* value = lookup(input.environment, name)) parts.push_back(*value);
  }
  return join(parts, ":");
}

std::string quote_option(const std::string& option) {
  if (option.find_first_of(" \"'\\") == std::string::npos) return option;
  std::string quoted = "\"";
  for (char c : option) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::vector<std::string> direct_argv(const JvmCommandInput& input, const JvmSettings& settings,
                                     const std::map<std::string, std::string>& defaults, std::uint64_t heap) {
  std::vector<std::string> argv = {input.java.executable.string(), "-cp", class_path(input, settings),
                                   fmt::format("-Xmx{}m", heap / kMiB)};
  auto add = [&](const std::vector<std::string>& more) { argv.insert(argv.end(), more.begin(), more.end()); };
  add(java_options(input.version));
  add(tuning(input));
  add(split_options(settings.java_options));
  std::map<std::string, std::string> properties = {{"spark.master", "local[*]"},
                                                   {"spark.app.name", "pyspark-shell"},
                                                   {"spark.submit.deployMode", "client"},
                                                   {"spark.submit.pyFiles", ""}};
  for (const auto& [name, value] : defaults)
    properties[name] = value;
  for (const auto& [name, value] : properties)
    argv.push_back(fmt::format("-D{}={}", name, value));
  argv.emplace_back("org.apache.spark.api.python.PythonGatewayServer");
  return argv;
}

std::vector<std::string> submit_argv(const JvmCommandInput& input, const JvmSettings& settings) {
  std::vector<std::string> argv = {(input.spark.home / "bin" / "spark-submit").string()};
  auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) argv.insert(argv.end(), {flag, value});
  };
  add("--driver-memory", settings.driver_memory);
  add("--driver-class-path", settings.class_path);
  add("--packages", join(settings.packages, ","));
  add("--repositories", join(settings.repositories, ","));
  add("--exclude-packages", join(settings.exclude_packages, ","));
  add("--jars", join(settings.jars, ","));
  std::vector<std::string> options;
  for (const auto& flag : tuning(input))
    options.push_back(quote_option(flag));
  if (!settings.java_options.empty()) options.push_back(settings.java_options);
  add("--driver-java-options", join(options, " "));
  if (const auto* own = lookup(input.environment, "PYSPARK_SUBMIT_ARGS")) {
    for (auto& word : split_options(*own))
      argv.push_back(std::move(word));
  }
  if (argv.back() != "pyspark-shell") argv.emplace_back("pyspark-shell");
  return argv;
}

}  // namespace

Result<JvmCommand> plan_jvm_command(const JvmCommandInput& input) {
  TRY(check_java(input.version, input.java));
  std::map<std::string, std::string> defaults = input.spark_defaults;
  JvmSettings settings = effective_settings(input, defaults);
  std::uint64_t heap = kDefaultHeap;
  if (!settings.driver_memory.empty()) {
    auto asked = parse_memory(settings.driver_memory);
    if (!asked || *asked < kMiB) {
      return Error{.code = ErrorCode::invalid_value,
                   .message = fmt::format("driver memory \"{}\" is not a size", settings.driver_memory),
                   .hint = "write it as Spark does: 512m, 2g"};
    }
    heap = *asked;
  }
  JvmCommand command;
  command.memory_bytes = heap + kBesideHeap;
  command.environment = input.environment;
  command.environment["SPARK_HOME"] = input.spark.home.string();
  command.environment.try_emplace("SPARK_LOCAL_IP", "127.0.0.1");
  command.environment["_PYSPARK_DRIVER_CONN_INFO_PATH"] = input.connection_file.string();
  if (!input.python.empty()) command.environment["PYSPARK_PYTHON"] = input.python.string();
  if (input.version.connect_mode_variable) command.environment["SPARK_CONNECT_MODE"] = "0";
  if (needs_spark_submit(input, settings)) {
    command.environment["JAVA_HOME"] = input.java.home.string();
    command.argv = submit_argv(input, settings);
  } else {
    command.argv = direct_argv(input, settings, defaults, heap);
  }
  return command;
}

bool can_use_archive(const JvmCommandInput& input) {
  if (input.java.feature < kFirstJavaWithDynamicArchives) return false;
  for (const char* folder : {"HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_DIST_CLASSPATH"}) {
    if (lookup(input.environment, folder) != nullptr) return false;
  }
  std::map<std::string, std::string> defaults = input.spark_defaults;
  return !input.configuration_folder && !needs_spark_submit(input, effective_settings(input, defaults));
}

std::string archive_name(const JvmCommandInput& input, const std::vector<std::string>& jars) {
  codec::Sha256 hash;
  auto add = [&](std::string_view text) {
    hash.update(text);
    hash.update("\n");
  };
  std::map<std::string, std::string> defaults = input.spark_defaults;
  JvmSettings settings = effective_settings(input, defaults);
  add(input.java.executable.string());
  add(input.java.version);
  add(class_path(input, settings));
  for (const auto& option : java_options(input.version))
    add(option);
  for (const auto& jar : jars)
    add(jar);
  return fmt::format("spark-{}-java-{}-{}.jsa", input.spark.version, input.java.version, hash.hex().substr(0, 16));
}

std::vector<std::string> split_options(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;  // a word has begun, perhaps an empty quoted one
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else if (c == '\\' && quote == '"' && i + 1 < text.size()) {
        word += text[++i];
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      open = true;
    } else if (c == '\\' && i + 1 < text.size()) {
      word += text[++i];
      open = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (open || !word.empty()) words.push_back(std::exchange(word, ""));
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (open || !word.empty()) words.push_back(word);
  return words;
}

}  // namespace stoker::workers
