#include "objects/s3a_options.h"

#include <gtest/gtest.h>

namespace stoker::objects {
namespace {

using enum CredentialSource;

S3aSettings settings(const HadoopProperties& properties, const Variables& variables = {}) {
  auto found = s3a_settings(properties, "b", variables);
  EXPECT_TRUE(found.ok()) << found.error().describe();
  return found ? *found : S3aSettings{};
}

std::string address(const HadoopProperties& properties, const Variables& variables = {}) {
  const S3Options options = settings(properties, variables).options;
  return options.scheme + "://" + options.authority + " " + options.region;
}

TEST(S3aOptions, FindTheServer) {
  EXPECT_EQ(address({}), "https:// us-east-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", "minio:9000"}}), "https://minio:9000 us-east-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", "minio:9000"}, {"fs.s3a.connection.ssl.enabled", "false"}}),
            "http://minio:9000 us-east-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", " http://minio:80/ "}}), "http://minio us-east-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", "https://[::1]:9000"}}), "https://[::1]:9000 us-east-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", ""}, {"fs.s3a.endpoint.region", "eu-west-1"}}), "https:// eu-west-1");
  EXPECT_EQ(address({}, {{"AWS_ENDPOINT_URL", "http://e:1"}, {"AWS_REGION", "r"}}), "http://e:1 r");
}

TEST(S3aOptions, TakeTheRegionFromAmazonsNames) {
  EXPECT_EQ(address({{"fs.s3a.endpoint", "s3.amazonaws.com"}}, {{"AWS_REGION", "eu-west-1"}}), "https:// eu-west-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", "s3.eu-west-1.amazonaws.com"}}, {{"AWS_REGION", "x"}}), "https:// eu-west-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", "s3-eu-west-1.amazonaws.com"}}), "https:// eu-west-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", "s3.cn-north-1.amazonaws.com.cn"}}), "https:// cn-north-1");
  EXPECT_EQ(address({{"fs.s3a.endpoint", "s3-fips.us-gov-west-1.amazonaws.com"}}),
            "https://s3-fips.us-gov-west-1.amazonaws.com us-gov-west-1");
}

TEST(S3aOptions, OfABucketComeFirst) {
  const S3aSettings found = settings({{"fs.s3a.endpoint", "all"},
                                      {"fs.s3a.bucket.b.endpoint", "mine"},
                                      {"fs.s3a.bucket.c.endpoint", "others"},
                                      {"fs.s3a.path.style.access", "TRUE"},
                                      {"fs.s3a.access.key", "A"},
                                      {"fs.s3a.bucket.b.access.key", "B"},
                                      {"fs.s3a.secret.key", "S"}});
  EXPECT_EQ(found.options.authority, "mine");
  EXPECT_TRUE(found.options.path_style);
  EXPECT_EQ(found.keys, (AwsCredentials{"B", "S", ""}));
}

TEST(S3aOptions, NameTheProvidersOfKeys) {
  const auto sources = [](const std::string& list) {
    return settings({{"fs.s3a.aws.credentials.provider", list}}).sources;
  };
  EXPECT_EQ(settings({}).sources,
            (std::vector{session_keys, static_keys, environment, profile, web_identity, machine_role}));
  EXPECT_EQ(sources("org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider,\n "
                    "com.amazonaws.auth.EnvironmentVariableCredentialsProvider"),
            (std::vector{static_keys, environment}));
  EXPECT_EQ(sources("software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"),
            (std::vector{environment, web_identity, profile, machine_role}));
  EXPECT_EQ(sources("org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider"), std::vector{anonymous});
}

TEST(S3aOptions, SayHowObjectsAreWritten) {
  const auto headers = [](const HadoopProperties& properties) {
    std::string text;
    for (const net::Header& header : settings(properties).options.put_headers)
      text += header.name + "=" + header.value + " ";
    return text;
  };
  EXPECT_EQ(headers({}), "");
  EXPECT_EQ(headers({{"fs.s3a.server-side-encryption-algorithm", "AES256"}}), "x-amz-server-side-encryption=AES256 ");
  EXPECT_EQ(headers({{"fs.s3a.encryption.algorithm", "SSE-KMS"}, {"fs.s3a.encryption.key", "arn:k"}}),
            "x-amz-server-side-encryption=aws:kms x-amz-server-side-encryption-aws-kms-key-id=arn:k ");
  EXPECT_EQ(headers({{"fs.s3a.acl.default", "BucketOwnerFullControl"}}), "x-amz-acl=bucket-owner-full-control ");
  EXPECT_EQ(headers({{"fs.s3a.requester.pays.enabled", "true"}}), "x-amz-request-payer=requester ");
}

TEST(S3aOptions, FindTheProxy) {
  EXPECT_EQ(settings({{"fs.s3a.proxy.host", "p"}}).proxy, "http://p:443");
  EXPECT_EQ(settings({{"fs.s3a.proxy.host", "p"},
                      {"fs.s3a.proxy.port", "3128"},
                      {"fs.s3a.proxy.username", "me"},
                      {"fs.s3a.proxy.password", "p@ss"}})
                .proxy,
            "http://me:p%40ss@p:3128");
}

TEST(S3aOptions, RefuseWhatTheyCannotDo) {
  const auto refusal = [](const HadoopProperties& properties) {
    auto found = s3a_settings(properties, "b", {});
    return found ? "" : std::string(error_code_name(found.error().code)) + ": " + found.error().describe();
  };
  EXPECT_EQ(refusal({{"fs.s3a.aws.credentials.provider", "org.example.Mine"}}),
            "unsupported: spark.hadoop.fs.s3a.aws.credentials.provider: org.example.Mine is a class that only a JVM "
            "can load");
  EXPECT_EQ(refusal({{"fs.s3a.bucket.b.encryption.algorithm", "SSE-C"}, {"fs.s3a.encryption.algorithm", "AES256"}}),
            "unsupported: spark.hadoop.fs.s3a.bucket.b.encryption.algorithm: SSE-C is not one of AES256, SSE-KMS, "
            "DSSE-KMS");
  EXPECT_EQ(refusal({{"fs.s3a.path.style.access", "yes"}}),
            "invalid_value: spark.hadoop.fs.s3a.path.style.access is neither true nor false");
  EXPECT_NE(refusal({{"fs.s3a.endpoint", "http://h/path"}}), "");
  EXPECT_NE(refusal({{"fs.s3a.endpoint", "http://user:secret@h"}}), "");
  EXPECT_NE(refusal({{"fs.s3a.proxy.port", "1"}}), "");
  EXPECT_NE(refusal({{"fs.s3a.proxy.host", "p"}, {"fs.s3a.proxy.username", "me"}}), "");
  EXPECT_NE(refusal({{"hadoop.security.credential.provider.path", "jceks://f"}}), "");
  EXPECT_NE(refusal({{"fs.s3a.security.credential.provider.path", "jceks://f"}}), "");
}

}  // namespace
}  // namespace stoker::objects
