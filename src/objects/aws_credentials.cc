#include "objects/aws_credentials.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/strings.h"
#include "net/url.h"
#include "objects/aws_machine_role.h"
#include "objects/aws_profile.h"
#include "runtime/file.h"

namespace stoker::objects {

namespace {

constexpr std::size_t kMaximumTokenBytes = 64 << 10;
using Found = std::optional<S3Identity>;

// Both or neither; half is a mistake that should not end in "there are no keys".
Result<Found> keys_of(AwsCredentials keys, const std::string& source, std::string_view access,
                      std::string_view secret) {
  if (keys.access_key.empty() && keys.secret_key.empty()) return Found();
  if (keys.access_key.empty() || keys.secret_key.empty())
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} is set without {}", keys.secret_key.empty() ? access : secret,
                                        keys.secret_key.empty() ? secret : access)};
  return Found({.credentials = std::move(keys), .source = source});
}

Result<Found> from_properties(const S3aSettings& settings, bool with_token) {
  AwsCredentials keys = settings.keys;
  if (with_token && keys.session_token.empty()) return Found();
  if (!with_token) keys.session_token.clear();
  return keys_of(std::move(keys), "spark.hadoop.fs.s3a.access.key", "spark.hadoop.fs.s3a.access.key",
                 "spark.hadoop.fs.s3a.secret.key");
}

Result<Found> from_environment(const Variables& variables) {
  return keys_of({.access_key = variable(variables, "AWS_ACCESS_KEY_ID"),
                  .secret_key = variable(variables, "AWS_SECRET_ACCESS_KEY"),
                  .session_token = variable(variables, "AWS_SESSION_TOKEN")},
                 "the environment", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
}

// A file that is not there is an empty one, unless somebody named it.
Result<AwsProfiles> profiles_in(const Variables& variables, const std::string& name, const std::string& usual) {
  const std::string named = variable(variables, name);
  const std::string home = variable(variables, "HOME");
  if (named.empty() && home.empty()) return AwsProfiles();
  auto text = runtime::read_file(named.empty() ? home + usual : named, kMaximumProfileBytes);
  if (!text && text.error().code == ErrorCode::not_found && named.empty()) return AwsProfiles();
  if (!text) return std::move(text).error().with_context(named.empty() ? "~" + usual : name);
  return read_aws_profiles(*text);
}

struct NamedProfile {
  std::string name;
  bool was_asked_for = false;
  AwsProfile settings;

  std::string value(std::string_view key) const {
    const auto found = settings.find(key);
    return found == settings.end() ? "" : found->second;
  }
};

Result<NamedProfile> find_profile(const Variables& variables) {
  TRY_ASSIGN(const AwsProfiles credentials, profiles_in(variables, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"));
  TRY_ASSIGN(const AwsProfiles config, profiles_in(variables, "AWS_CONFIG_FILE", "/.aws/config"));
  NamedProfile profile;
  profile.name = variable(variables, "AWS_PROFILE");
  profile.was_asked_for = !profile.name.empty();
  if (!profile.was_asked_for) profile.name = "default";
  profile.settings = find_aws_profile(credentials, config, profile.name);
  if (profile.settings.empty() && profile.was_asked_for)
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("AWS_PROFILE names the profile {}, which ~/.aws does not have", profile.name)};
  return profile;
}

Result<Found> from_profile(const NamedProfile& profile) {
  TRY_ASSIGN(Found keys,
             keys_of({.access_key = profile.value("aws_access_key_id"),
                      .secret_key = profile.value("aws_secret_access_key"),
                      .session_token = profile.value("aws_session_token")},
                     fmt::format("the profile {}", profile.name), "aws_access_key_id", "aws_secret_access_key"));
  if (keys) return keys;
  constexpr std::array kIndirect = {"credential_process", "sso_session", "sso_start_url", "role_arn", "login_session"};
  for (const char* setting : kIndirect)
    if (!profile.value(setting).empty())
      return Error{
          .code = ErrorCode::unsupported,
          .message = fmt::format("the profile {} has no keys but {}, which is not followed", profile.name, setting),
          .hint = fmt::format("eval \"$(aws configure export-credentials --profile {} --format env)\" puts "
                              "its keys into the environment",
                              profile.name)};
  return Found();
}

// STS gives keys for a token that somebody else vouches for; the request itself needs none.
Result<Found> from_web_identity(const runtime::Context& context, const S3aSettings& settings,
                                const Variables& variables, net::HttpClient& http) {
  const std::string file = variable(variables, "AWS_WEB_IDENTITY_TOKEN_FILE");
  const std::string role = variable(variables, "AWS_ROLE_ARN");
  if (file.empty() || role.empty()) return Found();
  auto token = runtime::read_file(file, kMaximumTokenBytes);
  if (!token) return std::move(token).error().with_context("AWS_WEB_IDENTITY_TOKEN_FILE");
  const std::string session = variable(variables, "AWS_ROLE_SESSION_NAME");
  std::string address = variable(variables, "AWS_ENDPOINT_URL_STS");
  if (address.empty())
    address = fmt::format("https://sts.{}.amazonaws.com{}/", settings.options.region,
                          settings.options.region.starts_with("cn-") ? ".cn" : "");
  const net::Request request = {.method = "POST",
                                .url = address,
                                .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                                .body = net::write_query({{"Action", "AssumeRoleWithWebIdentity"},
                                                          {"Version", "2011-06-15"},
                                                          {"RoleArn", role},
                                                          {"RoleSessionName", session.empty() ? "stoker" : session},
                                                          {"WebIdentityToken", std::string(trim(*token))}}),
                                .body_file = {}};
  auto answer = http.send(context, request);
  if (!answer) return std::move(answer).error().with_context(fmt::format("asking for keys of {}", role));
  constexpr std::string_view kKeys = "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/";
  const auto text = [&](std::string_view name) {
    return xml_text(answer->body, std::string(kKeys) + std::string(name));
  };
  AwsCredentials keys = {text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken")};
  if (!answer->ok() || keys.access_key.empty() || keys.secret_key.empty())
    return Error{.code = ErrorCode::permission,
                 .message = fmt::format("STS gives no keys for {}: {} {}", role, answer->status,
                                        xml_text(answer->body, "ErrorResponse/Error/Code")),
                 .hint = "the role's trust policy must name who issued the token, and the token must not have expired"};
  return Found({.credentials = std::move(keys), .source = role});
}

Error nobody_has_keys() {
  return {.code = ErrorCode::permission,
          .message = "there are no keys for S3",
          .hint =
              "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
              "spark.hadoop.fs.s3a.access.key and spark.hadoop.fs.s3a.secret.key"};
}

}  // namespace

Result<S3Identity> find_s3_identity(const runtime::Context& context, const Clock& clock, S3aSettings& settings,
                                    const Variables& variables, net::HttpClient& http) {
  std::optional<NamedProfile> profile;
  const auto load_profile = [&]() -> Result<void> {
    if (profile) return {};
    TRY_ASSIGN(profile, find_profile(variables));
    return {};
  };
  if (settings.region_is_guess) {
    // A broken file must not stop who has his keys elsewhere.
    if (load_profile() && !profile->value("region").empty()) settings.options.region = profile->value("region");
  }
  for (const CredentialSource source : settings.sources) {
    Found found;
    switch (source) {
      case CredentialSource::session_keys: {
        TRY_ASSIGN(found, from_properties(settings, true));
        break;
      }
      case CredentialSource::static_keys: {
        TRY_ASSIGN(found, from_properties(settings, false));
        break;
      }
      case CredentialSource::environment: {
        TRY_ASSIGN(found, from_environment(variables));
        break;
      }
      case CredentialSource::profile: {
        TRY(load_profile());
        TRY_ASSIGN(found, from_profile(*profile));
        break;
      }
      case CredentialSource::web_identity: {
        TRY_ASSIGN(found, from_web_identity(context, settings, variables, http));
        break;
      }
      case CredentialSource::anonymous: return S3Identity{.credentials = {}, .source = "nobody (unsigned)"};
      case CredentialSource::machine_role: {
        TRY_ASSIGN(found, machine_role(context, clock, variables, http));
        break;
      }
    }
    if (found) return *std::move(found);
  }
  return nobody_has_keys();
}

}  // namespace stoker::objects
