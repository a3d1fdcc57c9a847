#include "objects/s3_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/sha256.h"
#include "objects/test_http_client.h"

namespace stoker::objects {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class S3ClientTest : public ::testing::Test {
 protected:
  S3ClientTest() : folder_(runtime::TemporaryDirectory::make("stoker-s3-").value()) {
    options_.region = "eu-west-1";
    identity_ = {.credentials = AwsCredentials{"AKIDEXAMPLE", "secret", ""}, .source = "the environment"};
  }

  S3Client client() {
    const auto wait = [this](const runtime::Context&, std::chrono::milliseconds delay) {
      delays_.push_back(delay.count());
      clock_.advance(delay);
      return Result<void>();
    };
    return {http_, clock_, options_, identity_, {.wait = wait, .random_bits = [] { return 0; }}, limits_};
  }
  runtime::Path write(const std::string& content) {
    runtime::Path path = folder_.path() / "a.bin";
    EXPECT_TRUE(runtime::write_file(path, content).ok());
    return path;
  }
  Result<void> put(const std::string& content) {
    return client().put_file({}, "b", "k", write(content), {codec::sha256_hex(content), content.size()});
  }

  testing::ScriptedHttp http_;
  ManualClock clock_;
  runtime::TemporaryDirectory folder_;
  S3Options options_;
  S3Identity identity_;
  S3Limits limits_;
  std::vector<std::int64_t> delays_;
};

TEST_F(S3ClientTest, PutsAFileWithItsHash) {
  options_.put_headers = {{"x-amz-server-side-encryption", "AES256"}};
  ASSERT_TRUE(put("hello").ok());
  ASSERT_THAT(http_.asked(), ElementsAre("PUT https://b.s3.eu-west-1.amazonaws.com/k"));
  const net::Request& request = http_.requests[0];
  EXPECT_EQ(request.body, "hello");
  EXPECT_EQ(net::find_header(request.headers, "X-Amz-Content-Sha256"), codec::sha256_hex("hello"));
  EXPECT_EQ(net::find_header(request.headers, "X-Amz-Date"), "20260101T000000Z");
  EXPECT_THAT(std::string(*net::find_header(request.headers, "Authorization")),
              HasSubstr("AKIDEXAMPLE/20260101/eu-west-1/s3/aws4_request, "
                        "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-server-side-encryption,"));
}

TEST_F(S3ClientTest, SignsNothingForNobody) {
  identity_.credentials.reset();
  ASSERT_TRUE(put("hello").ok());
  EXPECT_EQ(net::find_header(http_.requests[0].headers, "Authorization"), std::nullopt);
}

TEST_F(S3ClientTest, AsksBeforeItSendsALargeBody) {
  ASSERT_TRUE(put(std::string((1 << 20) + 1, 'x')).ok());
  EXPECT_EQ(net::find_header(http_.requests[0].headers, "Expect"), "100-continue");
}

TEST_F(S3ClientTest, SaysTheSize) {
  http_.then(200, "", {{"content-length", "12"}}).then(404).then(403).then(200);
  EXPECT_EQ(client().size({}, "b", "k").value(), 12U);
  EXPECT_EQ(client().size({}, "b", "k").value(), std::nullopt);
  EXPECT_EQ(client().size({}, "b", "k").value(), std::nullopt) << "who may write may not always read";
  EXPECT_EQ(client().size({}, "b", "k").value(), 0U);
}

TEST_F(S3ClientTest, TriesAgainWhatTheServerWasTooBusyFor) {
  http_.then(503, testing::s3_xml("SlowDown")).then(500).then(429, "", {{"Retry-After", "3"}}).then(200);
  ASSERT_TRUE(put("hello").ok());
  EXPECT_EQ(http_.requests.size(), 4U);
  EXPECT_THAT(delays_, ElementsAre(100, 200, 3000));
}

TEST_F(S3ClientTest, GivesUpAfterItsTries) {
  http_.otherwise = [](const net::Request&) { return net::Response{503, {}, testing::s3_xml("SlowDown")}; };
  auto failed = put("hello");
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
  EXPECT_EQ(http_.requests.size(), 5U);
}

TEST_F(S3ClientTest, TriesAgainAfterABrokenConnection) {
  http_.then([](const net::Request&) -> Result<net::Response> {
    return Error{.code = ErrorCode::unavailable, .message = "broken"};
  });
  ASSERT_TRUE(put("hello").ok());
  EXPECT_EQ(http_.requests.size(), 2U);
}

TEST_F(S3ClientTest, DoesNotGoOnWhenItIsStopped) {
  runtime::StopSource stop;
  http_.otherwise = [&](const net::Request&) -> Result<net::Response> {
    stop.request_stop();
    return Error{.code = ErrorCode::unavailable, .message = "broken"};
  };
  const runtime::Context context{.deadline = {}, .stop = stop.get_token()};
  auto size = client().size(context, "b", "k");
  EXPECT_EQ(size.error().code, ErrorCode::cancelled);
  EXPECT_EQ(http_.requests.size(), 1U);
}

TEST_F(S3ClientTest, GoesToTheRegionThatTheServerNames) {
  http_.then(301, "", {{"x-amz-bucket-region", "us-west-2"}});
  ASSERT_TRUE(put("hello").ok());
  EXPECT_THAT(http_.asked(),
              ElementsAre("PUT https://b.s3.eu-west-1.amazonaws.com/k", "PUT https://b.s3.us-west-2.amazonaws.com/k"));
  EXPECT_TRUE(delays_.empty());
}

TEST_F(S3ClientTest, SignsForTheRegionThatTheServerNames) {
  options_.authority = "s3.example.test:9000";
  http_.then(400, testing::s3_xml("AuthorizationHeaderMalformed", "<Region>garage</Region>"));
  ASSERT_TRUE(put("hello").ok());
  EXPECT_EQ(http_.requests[1].url, "https://b.s3.example.test:9000/k");
  EXPECT_THAT(std::string(*net::find_header(http_.requests[1].headers, "Authorization")),
              HasSubstr("/garage/s3/aws4_request"));
}

TEST_F(S3ClientTest, DoesNotFollowACircleOfRegions) {
  http_.otherwise = [n = 0](const net::Request&) mutable {
    return net::Response{301, {{"x-amz-bucket-region", ++n % 2 == 0 ? "a" : "b"}}, ""};
  };
  auto failed = put("hello");
  EXPECT_EQ(failed.error().code, ErrorCode::invalid_value);
  EXPECT_EQ(http_.requests.size(), 3U);
}

TEST_F(S3ClientTest, RefusesAFileThatGrew) {
  auto failed = client().put_file({}, "b", "k", write("hello!"), {codec::sha256_hex("hello"), 5});
  EXPECT_EQ(failed.error().code, ErrorCode::conflict);
  EXPECT_TRUE(http_.requests.empty());
}

class S3PartsTest : public S3ClientTest {
 protected:
  S3PartsTest() {
    limits_.multipart_above_bytes = 4;
    limits_.part_bytes = 4;
    http_.then(200, "<InitiateMultipartUploadResult><UploadId>U&amp;1</UploadId></InitiateMultipartUploadResult>");
  }
  static constexpr const char* kObject = "https://b.s3.eu-west-1.amazonaws.com/k";
  static std::string at(const std::string& call) {
    return call.substr(0, call.find(' ') + 1) + kObject + call.substr(call.find(' ') + 1);
  }
};

TEST_F(S3PartsTest, SendsThemAndJoinsThem) {
  http_.then(200, "", {{"ETag", "\"1\""}}).then(503).then(200, "", {{"ETag", "\"2\""}});
  ASSERT_TRUE(put("hello").ok());
  EXPECT_THAT(http_.asked(), ElementsAre(at("POST ?uploads="), at("PUT ?partNumber=1&uploadId=U%261"),
                                         at("PUT ?partNumber=2&uploadId=U%261"), at("PUT ?partNumber=2&uploadId=U%261"),
                                         at("POST ?uploadId=U%261")));
  EXPECT_EQ(http_.requests[1].body + http_.requests[3].body, "hello");
  EXPECT_EQ(http_.requests[4].body,
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"1\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>\"2\"</ETag></Part></CompleteMultipartUpload>");
}

TEST_F(S3PartsTest, ThrowsThemAwayWhenOneIsRefused) {
  http_.then(200).then(403, testing::s3_xml("AccessDenied"));
  auto failed = put("hello");
  EXPECT_EQ(failed.error().code, ErrorCode::permission);
  EXPECT_EQ(http_.asked().back(), at("DELETE ?uploadId=U%261"));
}

TEST_F(S3PartsTest, ThrowsThemAwayWhenItIsStopped) {
  runtime::StopSource stop;
  http_.then([&](const net::Request&) -> Result<net::Response> {
    stop.request_stop();
    return Error{.code = ErrorCode::cancelled, .message = "cancelled"};
  });
  const runtime::Context context{.deadline = {}, .stop = stop.get_token()};
  auto failed = client().put_file(context, "b", "k", write("hello"), {codec::sha256_hex("hello"), 5});
  EXPECT_EQ(failed.error().code, ErrorCode::cancelled);
  EXPECT_EQ(http_.asked().back(), at("DELETE ?uploadId=U%261"));
}

TEST_F(S3PartsTest, ThrowsThemAwayWhenTheFileIsAnother) {
  auto failed = client().put_file({}, "b", "k", write("jello"), {codec::sha256_hex("hello"), 5});
  EXPECT_EQ(failed.error().code, ErrorCode::conflict);
  EXPECT_EQ(http_.asked().back(), at("DELETE ?uploadId=U%261"));
}

TEST_F(S3PartsTest, FindsTheErrorInA200) {
  http_.then(200).then(200).then(200, testing::s3_xml("InternalError")).then(404);
  auto failed = put("hello");
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
}

TEST_F(S3PartsTest, AcceptsThatTheLastAnswerWasLost) {
  http_.then(200).then(200);
  http_.then([](const net::Request&) -> Result<net::Response> {
    return Error{.code = ErrorCode::unavailable, .message = "broken"};
  });
  http_.then(404, testing::s3_xml("NoSuchUpload")).then(200, "", {{"Content-Length", "5"}});
  EXPECT_TRUE(put("hello").ok());
}

TEST(S3Place, IsInTheHostsNameWhereItCanBe) {
  const auto url = [](const S3Options& options, const std::string& bucket, const std::string& key) {
    const S3Place place = place_of(options, "eu-west-1", bucket, key);
    return place.host + place.path;
  };
  EXPECT_EQ(url({}, "b", "a b/ü%41+~.txt"), "b.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC%2541%2B~.txt");
  EXPECT_EQ(url({.path_style = true}, "b", "k"), "s3.eu-west-1.amazonaws.com/b/k");
  EXPECT_EQ(url({}, "dotted.name", "k"), "s3.eu-west-1.amazonaws.com/dotted.name/k");
  EXPECT_EQ(url({.scheme = "http", .authority = "h"}, "dotted.name", "k"), "dotted.name.h/k");
  EXPECT_EQ(url({}, "Old_Bucket", "k"), "s3.eu-west-1.amazonaws.com/Old_Bucket/k");
  EXPECT_EQ(url({.authority = "10.0.0.1:9000"}, "b", "k"), "10.0.0.1:9000/b/k");
  EXPECT_EQ(url({.authority = "[::1]:9000"}, "b", "k"), "[::1]:9000/b/k");
  EXPECT_EQ(place_of({}, "cn-north-1", "b", "k").host, "b.s3.cn-north-1.amazonaws.com.cn");
}

struct FailureCase {
  int status;
  std::string xml;
  ErrorCode code;
  std::string words;
};

TEST(S3Failure, SaysWhatToDo) {
  const S3Caller caller = {"s3.test", "bucket", "a/key", "eu-west-1", "the environment"};
  const std::vector<FailureCase> cases = {
      {404, testing::s3_xml("NoSuchBucket"), ErrorCode::not_found, "bucket does not exist"},
      {403, testing::s3_xml("AccessDenied"), ErrorCode::permission, "s3:PutObject on arn:aws:s3:::bucket/*"},
      {403, "", ErrorCode::permission, "denies access"},
      {403, testing::s3_xml("InvalidAccessKeyId"), ErrorCode::permission, "access key of the environment"},
      {403, testing::s3_xml("SignatureDoesNotMatch"), ErrorCode::permission, "secret key of the environment"},
      {400, testing::s3_xml("ExpiredToken"), ErrorCode::permission, "has ended"},
      {403, testing::s3_xml("RequestTimeTooSkewed"), ErrorCode::permission, "clock"},
      {301, testing::s3_xml("PermanentRedirect", "<Region>us-west-2</Region>"), ErrorCode::invalid_value, "us-west-2"},
      {400, testing::s3_xml("XAmzContentSHA256Mismatch"), ErrorCode::conflict, "submit again"},
      {400, testing::s3_xml("NewThing"), ErrorCode::io, "400 NewThing: In its words."},
      {503, "<html>proxy</html>", ErrorCode::unavailable, "503"},
  };
  for (const FailureCase& each : cases) {
    SCOPED_TRACE(each.xml);
    const Error error = s3_error(read_s3_failure({each.status, {}, each.xml}), caller);
    EXPECT_EQ(error.code, each.code);
    EXPECT_THAT(error.message + " / " + error.hint, HasSubstr(each.words));
  }
}

TEST(S3Failure, TrustsNoWordsOfTheServer) {
  const S3Failure failure = read_s3_failure(
      {400, {{"x-amz-bucket-region", "evil.example/#"}}, testing::s3_xml("A\x1b[31m\nB" + std::string(1000, 'x'))});
  EXPECT_EQ(failure.region, "");
  EXPECT_EQ(failure.code.find('\x1b'), std::string::npos);
  EXPECT_LT(failure.code.size(), 400U);
}

TEST(S3Failure, ReadsNoEntitiesOfADocument) {
  const std::string bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Error><Code>&b;</Code></Error>";
  EXPECT_EQ(xml_text(bomb, "Error/Code"), "&b;");
  EXPECT_EQ(xml_text("<Error><Code>x", "Error/Code"), "");
  EXPECT_EQ(xml_text("", "Error/Code"), "");
}

}  // namespace
}  // namespace stoker::objects
