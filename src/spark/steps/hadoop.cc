// HadoopConfDriverFeatureStep and KerberosConfDriverFeatureStep.
#include <fmt/format.h>

#include "base/strings.h"
#include "codec/base64.h"
#include "spark/steps/driver_context.h"

namespace stoker::spark {

namespace {

constexpr std::size_t kMaximumFileBytes = 1 << 20;  // of a ConfigMap or a Secret
constexpr std::string_view kHadoopConfigMap = "spark.kubernetes.hadoop.configMapName";
constexpr std::string_view kHadoopVolume = "hadoop-properties";
constexpr std::string_view kHadoopFolder = "/opt/hadoop/conf";
constexpr std::string_view kKerberosPath = "spark.kubernetes.kerberos.krb5.path";
constexpr std::string_view kKerberosConfigMap = "spark.kubernetes.kerberos.krb5.configMapName";
constexpr std::string_view kTokenSecret = "spark.kubernetes.kerberos.tokenSecret.name";
constexpr std::string_view kTokenKey = "spark.kubernetes.kerberos.tokenSecret.itemKey";
constexpr std::string_view kKeytab = "spark.kerberos.keytab";

Error both(std::string_view one, std::string_view other) {
  return {.code = ErrorCode::invalid_value,
          .message = fmt::format("both {} and {} are given", one, other),
          .hint = "give one of them"};
}

json::object configuration_volume(std::string_view volume, std::string_view config_map, const resources::Texts& data) {
  json::object source{{"name", config_map}};
  for (const auto& [key, content] : data)
    resources::list_at(source, "items").push_back(json::object{{"key", key}, {"path", key}});
  return {{"configMap", std::move(source)}, {"name", volume}};
}

// A folder that is missing makes an empty ConfigMap, as Spark does, and a warning, as it does not.
Result<resources::Texts> files_in(const DriverContext& context, const std::string& folder, DriverParts& parts) {
  resources::Texts data;
  const std::string path = context.surroundings.absolute_path(folder);
  const auto names = context.surroundings.file_names(path);
  if (!names) {
    parts.warnings.push_back(fmt::format("HADOOP_CONF_DIR is {}: {}", folder, names.error().describe()));
    return data;
  }
  for (const std::string& name : *names) {
    auto content = context.surroundings.read(fmt::format("{}/{}", path, name), kMaximumFileBytes);
    if (!content) return std::move(content).error().with_context("HADOOP_CONF_DIR");
    data[name] = *std::move(content);
  }
  return data;
}

Result<void> add_kerberos_configuration(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(const auto existing, context.configuration.text(kKerberosConfigMap));
  if (existing && context.request.configuration.has(kKerberosPath)) return both(kKerberosPath, kKerberosConfigMap);
  TRY_ASSIGN(const auto file, configured_file(context, std::string(kKerberosPath), kMaximumFileBytes));
  if (!file && !existing) return {};
  resources::Texts data;
  std::string name = existing.value_or("");
  if (file) {
    data[file->name] = file->content;
    name = fmt::format("{}-krb5-file", context.name_prefix);
    parts.dependants.push_back(resources::make_immutable("ConfigMap", name, data));
  }
  parts.volumes().push_back(configuration_volume("krb5-file", name, data));
  json::object mount = resources::volume_mount("krb5-file", "/etc/krb5.conf");
  mount["subPath"] = "krb5.conf";
  parts.mounts().push_back(std::move(mount));
  return {};
}

// Mounts the keytab of the submitter, if it is not in the image already.
Result<bool> add_keytab(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(const auto keytab, context.configuration.text(kKeytab));
  if (!keytab || keytab->starts_with("local:")) return false;
  TRY_ASSIGN(const auto file, configured_file(context, std::string(kKeytab), kMaximumFileBytes));
  const std::string name = fmt::format("{}-kerberos-keytab", context.name_prefix);
  constexpr std::string_view kFolder = "/mnt/secrets/kerberos-keytab";
  parts.dependants.push_back(
      resources::make_immutable("Secret", name, {{file->name, codec::encode_base64(file->content)}}));
  parts.volumes().push_back(resources::secret_volume("kerberos-keytab", name));
  parts.mounts().push_back(resources::volume_mount("kerberos-keytab", kFolder));
  parts.properties.set(std::string(kKeytab), fmt::format("{}/{}", kFolder, file->name));
  return true;
}

// Spark fetches them here when Hadoop is a kerberized one and the driver gets neither a keytab nor tokens otherwise.
Result<void> refuse_delegation_tokens(const DriverContext& context) {
  const auto authentication = context.request.hadoop.find("hadoop.security.authentication");
  if (authentication == context.request.hadoop.end() || lower_case(trim(authentication->second)) != "kerberos")
    return {};
  return Error{
      .code = ErrorCode::unsupported,
      .message = "Hadoop's security is Kerberos, and delegation tokens are fetched by Hadoop's libraries alone",
      .hint = fmt::format("give {} and spark.kerberos.principal, or {} and {} of tokens that are there; --jvm "
                          "hands over to a real spark-submit",
                          kKeytab, kTokenSecret, kTokenKey)};
}

}  // namespace

Result<void> hadoop_step(const DriverContext& context, DriverParts& parts) {
  const auto folder = context.surroundings.environment("HADOOP_CONF_DIR");
  TRY_ASSIGN(const auto existing, context.configuration.text(kHadoopConfigMap));
  if (folder && existing) return both("HADOOP_CONF_DIR", kHadoopConfigMap);
  if (!folder && !existing) return {};
  resources::Texts data;
  std::string name = existing.value_or("");
  if (folder) {
    TRY_ASSIGN(data, files_in(context, *folder, parts));
    name = fmt::format("{}-hadoop-config", context.name_prefix);
    parts.dependants.push_back(resources::make_immutable("ConfigMap", name, data));
  }
  if (context.has(Difference::hadoop_map_of_executors))
    parts.properties.set("spark.kubernetes.executor.hadoopConfigMapName", name);
  parts.volumes().push_back(configuration_volume(kHadoopVolume, name, data));
  parts.mounts().push_back(resources::volume_mount(kHadoopVolume, kHadoopFolder));
  parts.environment().push_back(resources::named_value("HADOOP_CONF_DIR", kHadoopFolder));
  return {};
}

Result<void> kerberos_step(const DriverContext& context, DriverParts& parts) {
  TRY(add_kerberos_configuration(context, parts));
  TRY_ASSIGN(const auto secret, context.configuration.text(kTokenSecret));
  TRY_ASSIGN(const auto key, context.configuration.text(kTokenKey));
  if (secret.has_value() != key.has_value())
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} is given without {}", secret ? kTokenSecret : kTokenKey,
                                        secret ? kTokenKey : kTokenSecret),
                 .hint = "the secret and the key in it go together"};
  TRY_ASSIGN(const bool has_keytab, add_keytab(context, parts));
  const bool has_own_keytab = context.request.configuration.has(kKeytab);
  if (!has_own_keytab && !secret) TRY(refuse_delegation_tokens(context));
  if (has_keytab || !secret) return {};
  constexpr std::string_view kFolder = "/mnt/secrets/hadoop-credentials";
  parts.volumes().push_back(resources::secret_volume("hadoop-secret", *secret));
  parts.mounts().push_back(resources::volume_mount("hadoop-secret", kFolder));
  parts.environment().push_back(
      resources::named_value("HADOOP_TOKEN_FILE_LOCATION", fmt::format("{}/{}", kFolder, *key)));
  return {};
}

}  // namespace stoker::spark
