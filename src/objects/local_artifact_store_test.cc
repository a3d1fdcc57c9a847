#include "objects/local_artifact_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/file.h"

namespace stoker::objects {
namespace {

namespace fs = std::filesystem;

class LocalArtifactStoreTest : public ::testing::Test {
 protected:
  Manifest publish() {
    TRY_OR_FAIL(runtime::make_directories(folder_.path() / "source" / "sub"));
    TRY_OR_FAIL(runtime::write_file(folder_.path() / "source" / "a file ü.csv", "1,2,3\n"));
    TRY_OR_FAIL(runtime::write_file(folder_.path() / "source" / "sub" / "b.csv", "4\n"));
    Manifest draft{.type = "directory", .materializer = "stoker.materializers:Directory"};
    draft.created_by = {.worker = "stoker/0.1",
                        .run = "r1",
                        .step = "make",
                        .attempt = 1,
                        .output = "out",
                        .time = "2026-01-01T00:00:00Z"};
    auto published = store_.publish_copy(uri_, folder_.path() / "source", draft, {});
    EXPECT_TRUE(published.ok()) << (published.ok() ? "" : published.error().describe());
    return std::move(published).value();
  }
  static void TRY_OR_FAIL(const Result<void>& result) { ASSERT_TRUE(result.ok()) << result.error().describe(); }
  fs::path file(const char* name) const { return fs::path(uri_) / "data" / "source" / name; }
  Error open_error(Check check) { return store_.open(uri_, check).error(); }

  runtime::TemporaryDirectory folder_ = runtime::TemporaryDirectory::make("objects ü").value();
  LocalArtifactStore store_{folder_.path()};
  const std::string uri_ = store_.uri({PipelineName("p"), RunId("r1"), StepPath("search[2]/make"), 1, "out"});
};

TEST_F(LocalArtifactStoreTest, LaysArtifactsOutByStepPath) {
  EXPECT_EQ(uri_, (folder_.path() / "artifacts/p/r1/search[2]/make/1/out").string());
}

TEST_F(LocalArtifactStoreTest, PublishesAndOpens) {
  const auto published = publish();
  EXPECT_EQ(published.bytes, 8U);
  ASSERT_EQ(published.files.size(), 2U);
  EXPECT_EQ(published.files[0].path, "data/source/a file ü.csv");
  EXPECT_EQ(published.identity, published.digest);
  const auto opened = store_.open(uri_, Check::content).value();
  EXPECT_EQ(opened.digest, published.digest);
  EXPECT_EQ(opened.details->at("name"), "source");
  EXPECT_EQ(opened.created_by, published.created_by);
}

TEST_F(LocalArtifactStoreTest, TheSameContentHasTheSameDigest) {
  const auto first = publish().digest;
  EXPECT_EQ(publish().digest, first);
}

TEST_F(LocalArtifactStoreTest, WithoutItsManifestNothingExists) {
  publish();
  fs::remove(fs::path(uri_) / kManifestFile);
  EXPECT_EQ(open_error(Check::manifest).code, ErrorCode::not_found);
}

TEST_F(LocalArtifactStoreTest, NamesTheFileThatIsMissingShortOrChanged) {
  publish();
  ASSERT_TRUE(runtime::write_file(file("a file ü.csv"), "1,9,3\n").ok());
  EXPECT_TRUE(store_.open(uri_, Check::files).ok());
  auto error = open_error(Check::content);
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_NE(error.message.find("a file ü.csv has other content"), std::string::npos) << error.message;

  fs::resize_file(file("a file ü.csv"), 3);
  error = open_error(Check::files);
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_NE(error.message.find("has 3 bytes instead of 6"), std::string::npos) << error.message;

  fs::remove(file("a file ü.csv"));
  EXPECT_NE(open_error(Check::files).message.find("is missing"), std::string::npos);
  EXPECT_FALSE(open_error(Check::files).hint.empty());
}

TEST_F(LocalArtifactStoreTest, AManifestThatDoesNotFitItsContentIsDamage) {
  auto manifest = publish();
  manifest.type = "other";
  manifest.materializer = "other:Class";
  ASSERT_TRUE(runtime::write_file(fs::path(uri_) / kManifestFile, codec::write_json(manifest_to_json(manifest))).ok());
  EXPECT_TRUE(store_.open(uri_, Check::files).ok());
  EXPECT_EQ(open_error(Check::content).code, ErrorCode::corrupt);
  ASSERT_TRUE(runtime::write_file(fs::path(uri_) / kManifestFile, "{\"version\": 1,").ok());
  const auto error = open_error(Check::manifest);
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_NE(error.describe().find(uri_), std::string::npos);
}

TEST_F(LocalArtifactStoreTest, RemovesAndIsContentWithNothing) {
  publish();
  ASSERT_TRUE(store_.remove(uri_).ok());
  EXPECT_FALSE(fs::exists(uri_));
  EXPECT_TRUE(store_.remove(uri_).ok());
}

TEST_F(LocalArtifactStoreTest, RemovesNothingOutsideTheStore) {
  const auto outside = folder_.path() / "outside";
  ASSERT_TRUE(runtime::make_directories(outside).ok());
  for (const auto& uri :
       {outside.string(), store_.root().string(), (store_.root() / "../outside").string(), std::string("/")}) {
    EXPECT_EQ(store_.remove(uri).error().code, ErrorCode::invalid_value) << uri;
  }
  EXPECT_TRUE(fs::exists(outside));
}

TEST_F(LocalArtifactStoreTest, AMissingSourceIsAnError) {
  EXPECT_EQ(store_.publish_copy(uri_, folder_.path() / "none", {}, {}).error().code, ErrorCode::not_found);
  EXPECT_FALSE(fs::exists(fs::path(uri_) / kManifestFile));
}

}  // namespace
}  // namespace stoker::objects
