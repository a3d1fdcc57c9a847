#include "submission/uploads/s3_bucket.h"

#include <fmt/format.h>

#include <utility>

#include "net/tls.h"
#include "objects/aws_credentials.h"
#include "objects/aws_machine_role.h"

namespace stoker::submission {

namespace {

constexpr std::chrono::seconds kLongestSilence{60};

}  // namespace

net::ClientOptions client_options(const Variables& variables, std::string_view scheme, std::string proxy) {
  net::ClientOptions options;
  options.proxy = std::move(proxy);
  options.user_agent = "stoker";
  options.longest_silence = kLongestSilence;
  net::take_proxy_from_environment(options, variables, scheme);
  options.tls.authorities_file = net::system_authorities_file(variables).value_or("");
  return options;
}

Result<S3Bucket> open_bucket(const runtime::Context& context, const codec::HadoopProperties& properties,
                             const std::string& name, const UploadServices& services) {
  TRY_ASSIGN(objects::S3aSettings settings, objects::s3a_settings(properties, name, services.variables));
  net::ClientOptions options = client_options(services.variables, settings.options.scheme, settings.proxy);
  if (std::string said = variable(services.variables, "AWS_CA_BUNDLE"); !said.empty())
    options.tls.authorities_file = std::move(said);
  // "*" excepts all, and only when it stands alone.
  if (options.no_proxy != "*")
    options.no_proxy += fmt::format("{}{}", options.no_proxy.empty() ? "" : ",", objects::kMachineRoleHosts);
  S3Bucket bucket;
  bucket.http = services.make_http(options);
  TRY_ASSIGN(objects::S3Identity identity,
             objects::find_s3_identity(context, services.clock, settings, services.variables, *bucket.http));
  bucket.client = std::make_unique<objects::S3Client>(*bucket.http, services.clock, std::move(settings.options),
                                                      std::move(identity), services.waiting, services.limits);
  return bucket;
}

}  // namespace stoker::submission
