// Against what AWS published: tests/data/objects/aws-signatures.yaml.
#include "objects/aws_signature.h"

#include <gtest/gtest.h>
#include <yaml_data.h>

#include "codec/sha256.h"
#include "runtime/file.h"

namespace stoker::objects {
namespace {

const json::value& published() {
  static const json::value document = test_data::yaml_of_file(STOKER_TEST_DATA "/objects/aws-signatures.yaml");
  return document;
}

std::string text(const json::object& object, const char* key) {
  const json::value* found = object.if_contains(key);
  return found == nullptr ? "" : std::string(found->as_string());
}

template <class List>
List pairs(const json::object& object, const char* key) {
  List list;
  if (const json::value* found = object.if_contains(key))
    for (const json::value& pair : found->as_array())
      list.push_back({std::string(pair.at(0).as_string()), std::string(pair.at(1).as_string())});
  return list;
}

SignableRequest request_of(const json::object& row) {
  return {.method = text(row, "method"),
          .path = net::percent_encode(text(row, "path"), "/"),
          .query = pairs<net::Query>(row, "query"),
          .headers = pairs<net::Headers>(row, "headers"),
          .payload_hash = codec::sha256_hex(text(row, "body"))};
}

WallTime time_of(const std::string& published_time) {
  std::tm parts{};
  ::strptime(published_time.c_str(), "%Y%m%dT%H%M%SZ", &parts);
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

struct Setting {
  AwsCredentials credentials;
  SigningScope scope;
  WallTime time;
};

Setting setting_of(const json::object& part) {
  return {.credentials = {text(part, "access_key"), text(part, "secret_key"), ""},
          .scope = {text(part, "region"), text(part, "service")},
          .time = time_of(text(part, "time"))};
}

std::string signature_in(const std::string& authorization) {
  return authorization.substr(authorization.rfind('=') + 1);
}

TEST(AwsSignature, SignsTheTestSuiteAsPublished) {
  const json::object& part = published().at("suite").as_object();
  const auto [credentials, scope, time] = setting_of(part);
  ASSERT_GE(part.at("cases").as_array().size(), 20U);
  for (const json::value& value : part.at("cases").as_array()) {
    const json::object& row = value.as_object();
    SCOPED_TRACE(text(row, "name"));
    const SignableRequest request = request_of(row);
    if (row.contains("canonical")) {
      EXPECT_EQ(canonical_request(request), text(row, "canonical"));
      EXPECT_EQ(codec::sha256_hex(canonical_request(request)), text(row, "digest"));
    }
    EXPECT_EQ(signature_in(authorization(request, credentials, scope, time)), text(row, "signature"));
  }
}

TEST(AwsSignature, SignsTheExamplesOfS3AsPublished) {
  const json::object& part = published().at("s3").as_object();
  const auto [credentials, scope, time] = setting_of(part);
  for (const json::value& value : part.at("cases").as_array()) {
    const json::object& row = value.as_object();
    SCOPED_TRACE(text(row, "name"));
    const net::Headers headers = signed_headers(request_of(row), credentials, scope, time);
    EXPECT_EQ(signature_in(std::string(*net::find_header(headers, "authorization"))), text(row, "signature"));
  }
}

TEST(AwsSignature, SaysWhoSignedWhat) {
  const json::object& part = published().at("suite").as_object();
  const auto [credentials, scope, time] = setting_of(part);
  const SignableRequest request = {
      .method = "GET", .path = "/", .query = {}, .headers = {{"Host", "h"}}, .payload_hash = codec::sha256_hex("")};
  const std::string value = authorization(request, credentials, scope, time);
  EXPECT_TRUE(
      value.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                        "SignedHeaders=host, Signature="))
      << value;
  EXPECT_EQ(value.find(credentials.secret_key), std::string::npos);
}

TEST(AwsSignature, SignsTheSessionTokenToo) {
  AwsCredentials credentials{"AKIDEXAMPLE", "secret", "token"};
  const SignableRequest request = {.method = "GET",
                                   .path = "/",
                                   .query = {},
                                   .headers = {{"Host", "h"}},
                                   .payload_hash = std::string(kUnsignedPayload)};
  const net::Headers headers = signed_headers(request, credentials, {"us-east-1"}, WallTime{});
  EXPECT_EQ(net::find_header(headers, "X-Amz-Security-Token"), "token");
  EXPECT_EQ(net::find_header(headers, "X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_NE(net::find_header(headers, "Authorization")->find("x-amz-date;x-amz-security-token"), std::string::npos);
}

}  // namespace
}  // namespace stoker::objects
