#include "objects/aws_credentials.h"

#include <gtest/gtest.h>

#include "objects/aws_profile.h"
#include "objects/test_http_client.h"
#include "runtime/file.h"

namespace stoker::objects {
namespace {

class AwsCredentialsTest : public ::testing::Test {
 protected:
  AwsCredentialsTest() : home_(runtime::TemporaryDirectory::make("stoker-aws-").value()) {
    variables_["HOME"] = home_.path().string();
  }
  std::string write(const std::string& name, const std::string& content) {
    const runtime::Path path = home_.path() / name;
    EXPECT_TRUE(runtime::make_directories(path.parent_path()).ok());
    EXPECT_TRUE(runtime::write_file(path, content).ok());
    return path.string();
  }
  // "access/secret/token of source", or the error.
  std::string found() {
    auto settings = s3a_settings(properties_, "b", variables_);
    if (!settings) return settings.error().describe();
    auto identity = find_s3_identity({}, clock_, *settings, variables_, http_);
    region_ = settings->options.region;
    if (!identity) return std::string(error_code_name(identity.error().code)) + ": " + identity.error().describe();
    if (!identity->credentials) return "unsigned";
    const AwsCredentials& keys = *identity->credentials;
    return keys.access_key + "/" + keys.secret_key + "/" + keys.session_token + " of " + identity->source;
  }

  runtime::TemporaryDirectory home_;
  HadoopProperties properties_;
  Variables variables_;
  testing::ScriptedHttp http_;
  ManualClock clock_;
  std::string region_;
};

TEST_F(AwsCredentialsTest, OfPropertiesComeFirst) {
  variables_["AWS_ACCESS_KEY_ID"] = "E";
  variables_["AWS_SECRET_ACCESS_KEY"] = "e";
  EXPECT_EQ(found(), "E/e/ of the environment");
  properties_ = {{"fs.s3a.access.key", "P"}, {"fs.s3a.secret.key", "p"}};
  EXPECT_EQ(found(), "P/p/ of spark.hadoop.fs.s3a.access.key");
  properties_["fs.s3a.session.token"] = "t";
  EXPECT_EQ(found(), "P/p/t of spark.hadoop.fs.s3a.access.key");
  properties_["fs.s3a.aws.credentials.provider"] = "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider";
  EXPECT_EQ(found(), "P/p/ of spark.hadoop.fs.s3a.access.key");
  properties_["fs.s3a.aws.credentials.provider"] = "org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider";
  EXPECT_EQ(found(), "unsigned");
}

TEST_F(AwsCredentialsTest, OfAProfile) {
  write(".aws/credentials", "[default]\naws_access_key_id=D\naws_secret_access_key=d\n[team]\naws_access_key_id = T\n");
  write(".aws/config",
        "[default]\nregion=eu-west-1\n[profile team]\naws_secret_access_key = t # mine\naws_session_token=s\n"
        "region = eu-north-1\n");
  EXPECT_EQ(found(), "D/d/ of the profile default");
  EXPECT_EQ(region_, "eu-west-1");
  variables_["AWS_PROFILE"] = "team";
  EXPECT_EQ(found(), "T/t/s of the profile team");
  EXPECT_EQ(region_, "eu-north-1");
  properties_["fs.s3a.endpoint.region"] = "said";
  found();
  EXPECT_EQ(region_, "said");
  variables_["AWS_PROFILE"] = "none";
  EXPECT_EQ(found(), "invalid_value: AWS_PROFILE names the profile none, which ~/.aws does not have");
}

TEST_F(AwsCredentialsTest, OfFilesThatSomebodyNames) {
  variables_["AWS_SHARED_CREDENTIALS_FILE"] =
      write("mine", "[default]\naws_access_key_id=M\naws_secret_access_key=m\n");
  EXPECT_EQ(found(), "M/m/ of the profile default");
  variables_["AWS_SHARED_CREDENTIALS_FILE"] = home_.path().string() + "/none";
  EXPECT_NE(found().find("AWS_SHARED_CREDENTIALS_FILE: "), std::string::npos) << found();
}

TEST_F(AwsCredentialsTest, FollowNoOtherProgram) {
  write(".aws/config", "[default]\nsso_session = corporate\n");
  EXPECT_EQ(found(), "unsupported: the profile default has no keys but sso_session, which is not followed");
}

TEST_F(AwsCredentialsTest, OfAWebIdentity) {
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("token", "a.b+c\n");
  variables_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  variables_["AWS_REGION"] = "eu-west-1";
  http_.then(200,
             "<AssumeRoleWithWebIdentityResponse xmlns=\"x\"><AssumeRoleWithWebIdentityResult><Credentials>"
             "<AccessKeyId>W</AccessKeyId><SecretAccessKey>w</SecretAccessKey><SessionToken>t</SessionToken>"
             "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>");
  EXPECT_EQ(found(), "W/w/t of arn:aws:iam::1:role/r");
  EXPECT_EQ(http_.requests[0].url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(http_.requests[0].body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
            "RoleSessionName=stoker&WebIdentityToken=a.b%2Bc");
  http_.then(403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>");
  EXPECT_EQ(found(), "permission: STS gives no keys for arn:aws:iam::1:role/r: 403 AccessDenied");
}

TEST_F(AwsCredentialsTest, SayWhatIsMissing) {
  EXPECT_EQ(found(), "permission: there are no keys for S3");
  variables_["AWS_ACCESS_KEY_ID"] = "E";
  EXPECT_EQ(found(), "invalid_value: AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY");
}

constexpr const char* kRoleKeys =
    R"({"Code":"Success","AccessKeyId":"R","SecretAccessKey":"r","Token":"t","Expiration":"2026-01-01T06:00:00Z"})";

TEST_F(AwsCredentialsTest, OfAContainersRole) {
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = write("token", "abc\n");
  http_.then(200, kRoleKeys);
  EXPECT_EQ(found(), "R/r/t of the container's role");
  EXPECT_EQ(http_.requests[0].headers, (net::Headers{{"Authorization", "abc"}}));
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/x";
  http_.then(200, kRoleKeys);
  EXPECT_EQ(found(), "R/r/t of the container's role");
  EXPECT_EQ(http_.requests[1].url, "http://169.254.170.2/v2/x");
  http_.then(404, kRoleKeys);
  EXPECT_EQ(found(), "permission: the container's role gives no keys (HTTP 404)");
  http_.then(200, R"({"AccessKeyId": 1, "SecretAccessKey": [])");
  EXPECT_EQ(found(), "permission: the container's role gives no keys (HTTP 200)");
}

TEST_F(AwsCredentialsTest, SendAContainersTokenToNoStranger) {
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "abc";
  for (const char* stranger : {"http://10.0.0.1/c", "http://example.org/c", "http://127.0.0.1.example.org/", "nonsense",
                               "http://169.254.170.2@example.org/"}) {
    variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = stranger;
    EXPECT_EQ(found(),
              "invalid_value: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither an https address nor one of this machine");
  }
  EXPECT_TRUE(http_.requests.empty());
}

TEST_F(AwsCredentialsTest, OfAVirtualMachinesRole) {
  http_.then(200, "proof").then(200, "team role\n").then(200, kRoleKeys);
  EXPECT_EQ(found(), "R/r/t of this machine's role team role");
  const std::string roles = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
  EXPECT_EQ(http_.asked(), (std::vector<std::string>{"PUT http://169.254.169.254/latest/api/token", "GET " + roles,
                                                     "GET " + roles + "team%20role"}));
  EXPECT_EQ(http_.requests[2].headers, (net::Headers{{"X-aws-ec2-metadata-token", "proof"}}));
  http_.then(200, "proof").then(404);
  EXPECT_EQ(found(), "permission: there are no keys for S3");
  http_.then([](const net::Request&) { return Error{.code = ErrorCode::timed_out, .message = "the deadline passed"}; });
  EXPECT_EQ(found(), "permission: there are no keys for S3");
  http_.requests.clear();
  variables_["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_EQ(found(), "permission: there are no keys for S3");
  EXPECT_TRUE(http_.requests.empty());
}

TEST_F(AwsCredentialsTest, AskForARoleInItsTurn) {
  properties_["fs.s3a.aws.credentials.provider"] =
      "org.apache.hadoop.fs.s3a.auth.IAMInstanceCredentialsProvider,"
      "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider";
  variables_["AWS_ACCESS_KEY_ID"] = "E";
  variables_["AWS_SECRET_ACCESS_KEY"] = "e";
  EXPECT_EQ(found(), "E/e/ of the environment");
  EXPECT_EQ(http_.requests.size(), 2);
  properties_.clear();
  EXPECT_EQ(found(), "E/e/ of the environment");
  EXPECT_EQ(http_.requests.size(), 2);
}

TEST(AwsProfile, ReadsWhatAmazonsToolsWrite) {
  const AwsProfiles read = read_aws_profiles(
      "\xEF\xBB\xBF\nstray = 1\n# comment\n[a]\r\nKey = v#1 ; c\r\n; x\ns3 =\n  nested = 2\nkey2=\n[profile  \"b c\"] "
      "# c\nk=v=w\n"
      "no equals\n[a]\nkey2 = again\n[broken\nk=in b c\n");
  EXPECT_EQ(read, (AwsProfiles{{"a", {{"key", "v#1"}, {"s3", ""}, {"key2", "again"}, {"k", "in b c"}}},
                               {"profile b c", {{"k", "v=w"}}}}));
}

TEST(AwsProfile, PrefersTheFileOfKeys) {
  const AwsProfiles keys = {{"a", {{"k", "keys"}}}};
  const AwsProfiles config = {
      {"profile a", {{"k", "config"}, {"region", "r"}}}, {"a", {{"x", "y"}}}, {"default", {{"d", "1"}}}};
  EXPECT_EQ(find_aws_profile(keys, config, "a"), (AwsProfile{{"k", "keys"}, {"region", "r"}}));
  EXPECT_EQ(find_aws_profile(keys, config, "default"), (AwsProfile{{"d", "1"}}));
  EXPECT_EQ(find_aws_profile(keys, config, "none"), AwsProfile());
}

}  // namespace
}  // namespace stoker::objects
