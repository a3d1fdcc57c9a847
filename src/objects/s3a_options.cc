#include "objects/s3a_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "net/url.h"

namespace stoker::objects {

namespace {

constexpr std::string_view kPrefix = "fs.s3a.";
constexpr std::string_view kDefaultRegion = "us-east-1";
constexpr std::string_view kToSpark = "--jvm hands the submission over to spark-submit";

struct Provider {
  std::string_view name;  // the class, without its package
  std::vector<CredentialSource> sources;
};

// By the names of their classes: those of Hadoop and of both generations of Amazon's SDK.
const std::vector<Provider>& providers() {
  using enum CredentialSource;
  static const std::vector<Provider> kRows = {
      {"TemporaryAWSCredentialsProvider", {session_keys}},
      {"SimpleAWSCredentialsProvider", {static_keys}},
      {"AnonymousAWSCredentialsProvider", {anonymous}},
      {"AnonymousCredentialsProvider", {anonymous}},
      {"EnvironmentVariableCredentialsProvider", {environment}},
      {"ProfileCredentialsProvider", {profile}},
      {"ProfileAWSCredentialsProvider", {profile}},
      {"WebIdentityTokenCredentialsProvider", {web_identity}},
      {"WebIdentityTokenFileCredentialsProvider", {web_identity}},
      {"DefaultAWSCredentialsProviderChain", {environment, web_identity, profile, machine_role}},
      {"DefaultCredentialsProvider", {environment, web_identity, profile, machine_role}},
      {"IAMInstanceCredentialsProvider", {machine_role}},
      {"InstanceProfileCredentialsProvider", {machine_role}},
      {"ContainerCredentialsProvider", {machine_role}},
      {"EC2ContainerCredentialsProviderWrapper", {machine_role}},
  };
  return kRows;
}

// What would write other objects, or find other credentials, than we can.
struct Refusal {
  std::string_view key;
  std::string_view why;
};
constexpr std::array kRefusals = {
    Refusal{"security.credential.provider.path", "keys in a credential store of Hadoop take Hadoop's libraries"},
    Refusal{"delegation.token.binding", "delegation tokens take Hadoop's libraries"},
    Refusal{"custom.signers", "signers of one's own are classes"},
    Refusal{"s3guard.ddb.table", "S3Guard takes Hadoop's libraries"},
};

class Reader {
 public:
  Reader(const HadoopProperties& properties, std::string_view bucket) : properties_(properties), bucket_(bucket) {}

  // Of this bucket, else of all; what is empty is not set, as with Hadoop's getTrimmed.
  std::optional<std::string> text(std::string_view key) const {
    for (const std::string& name : {name_for_bucket(key), name_for_all(key)}) {
      const auto found = properties_.find(name);
      if (found == properties_.end()) continue;
      if (const std::string_view value = trim(found->second); !value.empty()) return std::string(value);
    }
    return std::nullopt;
  }
  // The first of these that is set: a key and its older names.
  std::optional<std::string> first_of(std::initializer_list<std::string_view> keys) const {
    for (const std::string_view key : keys)
      if (auto found = text(key)) return found;
    return std::nullopt;
  }
  Result<bool> flag(std::string_view key, bool otherwise) const {
    const auto value = text(key);
    if (!value) return otherwise;
    if (lower_case(*value) == "true") return true;
    if (lower_case(*value) == "false") return false;
    return wrong(key, "is neither true nor false");
  }
  Error wrong(std::string_view key, std::string_view what) const {
    return {.code = ErrorCode::invalid_value, .message = fmt::format("{} {}", full_name(key), what)};
  }
  Error refused(std::string_view key, std::string_view why) const {
    return {.code = ErrorCode::unsupported,
            .message = fmt::format("{}: {}", full_name(key), why),
            .hint = std::string(kToSpark)};
  }

 private:
  std::string name_for_bucket(std::string_view key) const {
    return fmt::format("{}bucket.{}.{}", kPrefix, bucket_, key);
  }
  static std::string name_for_all(std::string_view key) { return fmt::format("{}{}", kPrefix, key); }
  std::string full_name(std::string_view key) const {
    const std::string for_bucket = name_for_bucket(key);
    return "spark.hadoop." + (properties_.contains(for_bucket) ? for_bucket : name_for_all(key));
  }

  const HadoopProperties& properties_;
  std::string_view bucket_;
};

// The region in s3.eu-west-1.amazonaws.com, s3-eu-west-1.amazonaws.com and their like; "" in another name.
std::string region_in(std::string_view host) {
  const std::size_t end = host.find(".amazonaws.com");
  if (end == std::string_view::npos) return "";
  host = host.substr(0, end);
  const std::size_t dot = host.rfind('.');
  std::string_view region = dot == std::string_view::npos ? host : host.substr(dot + 1);
  if (dot == std::string_view::npos) region = region.starts_with("s3-") ? region.substr(3) : "";
  if (region == "s3" || region == "vpce" || region == "external-1") return "";
  return std::string(region);
}

// Its name follows from the region, so that another region's is known too.
bool is_amazons_own(std::string_view authority, std::string_view region) {
  return authority == "s3.amazonaws.com" || authority == fmt::format("s3.{}.amazonaws.com", region) ||
         authority == fmt::format("s3-{}.amazonaws.com", region) ||
         authority == fmt::format("s3.{}.amazonaws.com.cn", region);
}

Result<void> read_endpoint(const Reader& reader, const Variables& variables, S3aSettings& settings) {
  TRY_ASSIGN(const bool tls, reader.flag("connection.ssl.enabled", true));
  TRY_ASSIGN(settings.options.path_style, reader.flag("path.style.access", false));
  settings.options.scheme = tls ? "https" : "http";
  // Spark itself takes the address from this variable into Hadoop's configuration (SparkHadoopUtil).
  const std::string endpoint =
      reader.text("endpoint").value_or(first_variable(variables, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}));
  if (!endpoint.empty()) {
    const bool has_scheme = endpoint.find("://") != std::string::npos;
    auto parsed = net::parse_url(has_scheme ? endpoint : settings.options.scheme + "://" + endpoint);
    if (!parsed || (parsed->scheme != "http" && parsed->scheme != "https") || parsed->path != "/" ||
        endpoint.find('@') != std::string::npos)
      return Error{.code = ErrorCode::invalid_value,
                   .message = "spark.hadoop.fs.s3a.endpoint is no address of a server",
                   .hint = "write host, host:port or https://host:port"};
    const bool usual_port = parsed->port == (parsed->scheme == "https" ? "443" : "80");
    settings.options.scheme = parsed->scheme;
    settings.options.authority = usual_port ? parsed->host : parsed->authority();
  }
  const std::string in_name = region_in(settings.options.authority);
  const std::string in_environment = first_variable(variables, {"AWS_REGION", "AWS_DEFAULT_REGION"});
  settings.options.region = reader.text("endpoint.region").value_or(in_name.empty() ? in_environment : in_name);
  settings.region_is_guess = settings.options.region.empty();
  if (settings.region_is_guess) settings.options.region = kDefaultRegion;
  if (is_amazons_own(settings.options.authority, in_name)) settings.options.authority.clear();
  return {};
}

Result<void> read_proxy(const Reader& reader, S3aSettings& settings) {
  const auto host = reader.text("proxy.host");
  const auto port = reader.text("proxy.port");
  if (!host) {
    if (port) return reader.wrong("proxy.port", "is set without spark.hadoop.fs.s3a.proxy.host");
    return {};
  }
  TRY_ASSIGN(const bool tls, reader.flag("proxy.ssl.enabled", false));
  const auto user = reader.text("proxy.username");
  const auto password = reader.text("proxy.password");
  if (user.has_value() != password.has_value())
    return reader.wrong(user ? "proxy.username" : "proxy.password", "is set without the other of user and password");
  const std::string login =
      user ? fmt::format("{}:{}@", net::percent_encode(*user), net::percent_encode(*password)) : "";
  // Hadoop's default port is the one of the kind of connection to S3, whatever the proxy's own.
  const std::string usual = settings.options.scheme == "https" ? "443" : "80";
  settings.proxy = fmt::format("{}://{}{}:{}", tls ? "https" : "http", login, *host, port.value_or(usual));
  return {};
}

Result<void> read_put_headers(const Reader& reader, S3aSettings& settings) {
  net::Headers& headers = settings.options.put_headers;
  const auto algorithm = reader.first_of({"encryption.algorithm", "server-side-encryption-algorithm"});
  const auto key = reader.first_of({"encryption.key", "server-side-encryption.key"});
  if (algorithm == "AES256") {
    headers.push_back({"x-amz-server-side-encryption", "AES256"});
  } else if (algorithm == "SSE-KMS" || algorithm == "DSSE-KMS") {
    headers.push_back({"x-amz-server-side-encryption", algorithm == "SSE-KMS" ? "aws:kms" : "aws:kms:dsse"});
    if (key) headers.push_back({"x-amz-server-side-encryption-aws-kms-key-id", *key});
  } else if (algorithm) {
    return reader.refused("encryption.algorithm",
                          fmt::format("{} is not one of AES256, SSE-KMS, DSSE-KMS", *algorithm));
  }
  if (const auto acl = reader.text("acl.default")) {
    // BucketOwnerFullControl is bucket-owner-full-control.
    std::string name;
    for (const char c : *acl) {
      if (c >= 'A' && c <= 'Z' && !name.empty()) name += '-';
      name += lower_case(std::string(1, c));
    }
    headers.push_back({"x-amz-acl", name});
  }
  TRY_ASSIGN(const bool requester_pays, reader.flag("requester.pays.enabled", false));
  if (requester_pays) headers.push_back({"x-amz-request-payer", "requester"});
  return {};
}

Result<void> read_sources(const Reader& reader, S3aSettings& settings) {
  using enum CredentialSource;
  settings.keys = {.access_key = reader.text("access.key").value_or(""),
                   .secret_key = reader.text("secret.key").value_or(""),
                   .session_token = reader.text("session.token").value_or("")};
  const auto list = reader.text("aws.credentials.provider");
  if (!list) {
    settings.sources = {session_keys, static_keys, environment, profile, web_identity, machine_role};
    return {};
  }
  for (const std::string& part : split(*list, ',')) {
    const std::string_view name = trim(part);
    if (name.empty()) continue;
    const auto row = std::ranges::find(providers(), name.substr(name.rfind('.') + 1), &Provider::name);
    if (row == providers().end())
      return reader.refused("aws.credentials.provider", fmt::format("{} is a class that only a JVM can load", name));
    std::ranges::copy(row->sources, std::back_inserter(settings.sources));
  }
  return {};
}

}  // namespace

Result<S3aSettings> s3a_settings(const HadoopProperties& properties, std::string_view bucket,
                                 const Variables& variables) {
  const Reader reader(properties, bucket);
  for (const Refusal& refusal : kRefusals)
    if (reader.text(refusal.key)) return reader.refused(refusal.key, refusal.why);
  if (const auto path = properties.find("hadoop.security.credential.provider.path");
      path != properties.end() && !trim(path->second).empty())
    return Error{.code = ErrorCode::unsupported,
                 .message =
                     "spark.hadoop.hadoop.security.credential.provider.path: keys in a credential store of "
                     "Hadoop take Hadoop's libraries",
                 .hint = std::string(kToSpark)};
  S3aSettings settings;
  TRY(read_endpoint(reader, variables, settings));
  TRY(read_proxy(reader, settings));
  TRY(read_put_headers(reader, settings));
  TRY(read_sources(reader, settings));
  return settings;
}

}  // namespace stoker::objects
