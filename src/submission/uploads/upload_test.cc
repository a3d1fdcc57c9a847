#include "submission/uploads/upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "codec/sha256.h"
#include "objects/test_http_client.h"
#include "runtime/file.h"

namespace stoker::submission {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// A client that each caller owns, over one script.
class SharedHttp final : public net::HttpClient {
 public:
  explicit SharedHttp(net::HttpClient& inner) : inner_(inner) {}
  Result<net::Response> send(const runtime::Context& context, const net::Request& request,
                             const net::BodySink& sink) override {
    return inner_.send(context, request, sink);
  }

 private:
  net::HttpClient& inner_;
};

class UploadTest : public ::testing::Test {
 protected:
  UploadTest() : folder_(runtime::TemporaryDirectory::make("stoker-upload-").value()) {}

  spark::Upload file(const std::string& name, const std::string& content, const std::string& place) {
    const runtime::Path path = folder_.path() / name;
    EXPECT_TRUE(runtime::write_file(path, content).ok());
    const std::string sha256 = codec::sha256_hex(content);
    return {path.string(), place + "/spark-upload-" + sha256 + "/" + name, sha256};
  }
  std::string shared() const { return (folder_.path() / "shared").string(); }

  Result<void> upload(const std::vector<spark::Upload>& uploads, const runtime::Context& context = {}) {
    const UploadServices services = {
        .variables = {{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "s"}},
        .clock = clock_,
        .make_http =
            [this](const net::ClientOptions& options) {
              ++clients_;
              proxy_ = options.proxy;
              return std::make_unique<SharedHttp>(http_);
            },
        .waiting = {.wait = [](const auto&, auto) { return Result<void>(); }, .random_bits = [] { return 0; }}};
    return upload_all(context, uploads, properties_, services, [this](const auto& each, const Placed& placed) {
      reports_.push_back(fs::path(each.from_path).filename().string() + (placed.was_there ? " was there" : " is new"));
    });
  }
  // Files below a folder, as "parent/name".
  static std::vector<std::string> files_in(const std::string& folder) {
    std::vector<std::string> names;
    if (!fs::exists(folder)) return names;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) names.push_back(entry.path().filename().string());
    return names;
  }

  runtime::TemporaryDirectory folder_;
  codec::HadoopProperties properties_;
  SystemClock clock_;
  objects::testing::ScriptedHttp http_;
  std::atomic<int> clients_ = 0;
  std::string proxy_;
  std::vector<std::string> reports_;
};

TEST_F(UploadTest, GoesToAFolder) {
  const std::vector<spark::Upload> uploads = {file("a.txt", "hello", "file://" + shared()),
                                              file("ü %41 #.txt", "", "file:" + shared()),
                                              file("c.txt", std::string(600'000, 'c'), shared())};
  ASSERT_TRUE(upload(uploads).ok());
  EXPECT_THAT(files_in(shared()), UnorderedElementsAre("a.txt", "ü %41 #.txt", "c.txt"));
  const fs::path first = shared() + "/spark-upload-" + uploads[0].sha256 + "/a.txt";
  EXPECT_EQ(runtime::read_file(first, 100).value(), "hello");
  EXPECT_EQ(fs::status(first).permissions(), fs::perms(0644));
  EXPECT_THAT(reports_, UnorderedElementsAre("a.txt is new", "ü %41 #.txt is new", "c.txt is new"));
  reports_.clear();
  ASSERT_TRUE(upload(uploads).ok());
  EXPECT_THAT(reports_, UnorderedElementsAre("a.txt was there", "ü %41 #.txt was there", "c.txt was there"));
}

TEST_F(UploadTest, NeverLeavesHalfAFile) {
  spark::Upload planned = file("a.txt", "hello", shared());
  file("a.txt", "jello", shared());  // written to since
  auto changed = upload({planned});
  EXPECT_EQ(changed.error().code, ErrorCode::conflict);
  runtime::StopSource stop;
  stop.request_stop();
  auto stopped = upload({file("b.txt", "hello", shared())}, {.deadline = {}, .stop = stop.get_token()});
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_THAT(files_in(shared()), ::testing::IsEmpty());
}

TEST_F(UploadTest, MendsAFileOfAnotherSize) {
  const spark::Upload planned = file("a.txt", "hello", shared());
  const fs::path place = planned.to_uri;
  fs::create_directories(place.parent_path());
  ASSERT_TRUE(runtime::write_file(place, "he").ok());
  ASSERT_TRUE(upload({planned}).ok());
  EXPECT_EQ(runtime::read_file(place, 100).value(), "hello");
}

TEST_F(UploadTest, GoesToBucketsOfTheirOwnSettings) {
  properties_.emplace("fs.s3a.endpoint", "http://one.test");
  properties_.emplace("fs.s3a.bucket.b2.endpoint", "http://two.test");
  properties_.emplace("fs.s3a.proxy.host", "proxy.test");
  http_.otherwise = [](const net::Request& request) {
    return net::Response{request.method == "HEAD" ? 404 : 200, {}, ""};
  };
  const spark::Upload first = file("a.txt", "1", "s3a://b1/x//./y");
  const spark::Upload second = file("b.txt", "2", "s3://b2");
  const spark::Upload third = file("ü 1.txt", "3", "s3n://b1/x");
  ASSERT_TRUE(upload({first, second, third}).ok());
  EXPECT_EQ(clients_, 2);
  EXPECT_EQ(proxy_, "http://proxy.test:80");
  const std::string folder = "/spark-upload-";
  EXPECT_THAT(http_.asked(),
              UnorderedElementsAre("HEAD http://b1.one.test/x/y" + folder + first.sha256 + "/a.txt",
                                   "PUT http://b1.one.test/x/y" + folder + first.sha256 + "/a.txt",
                                   "HEAD http://b2.two.test" + folder + second.sha256 + "/b.txt",
                                   "PUT http://b2.two.test" + folder + second.sha256 + "/b.txt",
                                   "HEAD http://b1.one.test/x" + folder + third.sha256 + "/%C3%BC%201.txt",
                                   "PUT http://b1.one.test/x" + folder + third.sha256 + "/%C3%BC%201.txt"));
}

TEST_F(UploadTest, StopsAtTheFirstThatFails) {
  http_.otherwise = [](const net::Request&) {
    return net::Response{404, {}, objects::testing::s3_xml("NoSuchBucket")};
  };
  std::vector<spark::Upload> uploads;
  for (int i = 0; i < 50; ++i)
    uploads.push_back(file(std::to_string(i) + ".txt", std::to_string(i), "s3a://b/x"));
  auto failed = upload(uploads);
  EXPECT_EQ(failed.error().code, ErrorCode::not_found);
  EXPECT_THAT(failed.error().describe(), HasSubstr("uploading " + folder_.path().string()));
  EXPECT_LE(http_.requests.size(), 2 * kParallelUploads);
  EXPECT_TRUE(reports_.empty());
}

TEST_F(UploadTest, ClearsAllPlacesBeforeItBegins) {
  auto failed = upload({file("a.txt", "1", shared()), file("b.txt", "2", "hdfs://n/x")});
  EXPECT_EQ(failed.error().code, ErrorCode::unsupported);
  EXPECT_THAT(files_in(shared()), ::testing::IsEmpty());
}

TEST_F(UploadTest, NeedsNothingForNothing) {
  EXPECT_TRUE(upload({}).ok());
  EXPECT_EQ(clients_, 0);
}

TEST(UploadKind, RefusesWithTheReason) {
  const auto refusal = [](const std::string& uri) {
    auto kind = upload_kind(uri);
    return kind ? "" : kind.error().message;
  };
  for (const char* served : {"/a/b:c", "file:/a", "FILE:///a", "s3a://b/k", "s3://b/k", "s3n://b/k"})
    EXPECT_EQ(refusal(served), "") << served;
  EXPECT_THAT(refusal("hdfs://n/a"), HasSubstr("hdfs: needs Hadoop's libraries"));
  EXPECT_THAT(refusal("gs://b/a"), HasSubstr("gs: has no writer here yet"));
  EXPECT_THAT(refusal("https://h/a"), HasSubstr("cannot be written to"));
  EXPECT_THAT(refusal("local:///a"), HasSubstr("inside of an image"));
  EXPECT_THAT(refusal("mine://a"), HasSubstr("mine: needs Hadoop's libraries"));
}

TEST(SplitS3Uri, ReadsItAsHadoopDoes) {
  const auto parts = [](const std::string& uri) {
    auto place = split_s3_uri(uri);
    return place ? place->bucket + "|" + place->key : "! " + place.error().message;
  };
  EXPECT_EQ(parts("s3a://b/a b/%41#c?d"), "b|a b/%41#c?d");
  EXPECT_EQ(parts("s3a://b//x/./y/../z/"), "b|x/z");
  EXPECT_THAT(parts("s3a://b/../x"), HasSubstr("! "));
  EXPECT_THAT(parts("s3a://b"), HasSubstr("! "));
  EXPECT_THAT(parts("s3a:///k"), HasSubstr("! "));
  EXPECT_THAT(parts("s3a:b/k"), HasSubstr("! "));
  EXPECT_EQ(parts("s3a://key:hunter2@b/k").find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace stoker::submission
