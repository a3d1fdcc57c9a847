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
    auto identity = find_s3_identity({}, *settings, variables_, http_);
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
  variables_.erase("AWS_ACCESS_KEY_ID");
  properties_["fs.s3a.aws.credentials.provider"] = "org.apache.hadoop.fs.s3a.auth.IAMInstanceCredentialsProvider";
  EXPECT_EQ(found().substr(0, 11), "unsupported");
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
