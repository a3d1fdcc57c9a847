#include "engine/compile_cache.h"

#include <gtest/gtest.h>

#include <map>

#include "codec/sha256.h"
#include "runtime/file.h"

namespace stoker::engine {
namespace {

class CompileCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    write("pipeline.py", "one");
    ASSERT_TRUE(runtime::make_directories(folder() / "site-packages").ok());
  }
  std::filesystem::path folder() const { return temporary_.value().path(); }
  void write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(runtime::write_file(folder() / name, content).ok());
  }

  json::object file(const std::string& name) const {
    const auto stamp = runtime::stamp_file(folder() / name).value();
    return {{"path", (folder() / name).string()},
            {"digest", "sha256:" + runtime::hash_file(folder() / name).value().hex},
            {"size", stamp.size},
            {"mtime_ns", stamp.modified_ns}};
  }
  void remember() {
    const auto packages = runtime::stamp_file(folder() / "site-packages").value();
    json::object dependencies = {
        {"files", json::array{file("pipeline.py")}},
        {"paths", {{(folder() / "local.yaml").string(), "absent"}}},
        {"environment",
         {{"REGION",
           variables_.contains("REGION") ? json::value(codec::sha256_hex(variables_["REGION"])) : json::value()}}},
        {"python",
         {{"executable", "python3"},
          {"packages", json::array{json::object{{"path", (folder() / "site-packages").string()},
                                                {"mtime_ns", packages.modified_ns}}}}}}};
    ASSERT_TRUE(cache_.put(request(), {{"kind", "Pipeline"}}, dependencies).ok());
  }
  CompileRequest request() const { return {folder() / "pipeline.py", "", "python3", "0.1.0"}; }
  bool hit() const { return cache_.find(request()).has_value(); }

  Result<runtime::TemporaryDirectory> temporary_ = runtime::TemporaryDirectory::make("compile-cache-");
  std::map<std::string, std::string> variables_;
  CompileCache cache_{folder() / "cache", [this](const std::string& name) -> std::optional<std::string> {
                        const auto it = variables_.find(name);
                        return it == variables_.end() ? std::nullopt : std::optional(it->second);
                      }};
};

TEST_F(CompileCacheTest, GivesTheDocumentBackWhileNothingChanges) {
  EXPECT_FALSE(hit());
  remember();
  EXPECT_EQ(cache_.find(request()).value(), (json::value{{"kind", "Pipeline"}}));
}

TEST_F(CompileCacheTest, MissesWhenAFileChanges) {
  remember();
  write("pipeline.py", "two");
  EXPECT_FALSE(hit());
}

TEST_F(CompileCacheTest, MissesWhenAFileIsSavedAgainBeforeTheClockOfFilesMoves) {
  const auto saved = std::filesystem::last_write_time(folder() / "pipeline.py");
  remember();
  write("pipeline.py", "two");
  std::filesystem::last_write_time(folder() / "pipeline.py", saved);
  EXPECT_FALSE(hit());
}

TEST_F(CompileCacheTest, HitsWhenAFileIsOnlyTouched) {
  remember();
  std::filesystem::last_write_time(folder() / "pipeline.py",
                                   std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_TRUE(hit());
}

TEST_F(CompileCacheTest, MissesWhenAFileIsGone) {
  remember();
  std::filesystem::remove(folder() / "pipeline.py");
  EXPECT_FALSE(hit());
}

TEST_F(CompileCacheTest, MissesWhenAFileAppearsThatWasLookedFor) {
  remember();
  write("local.yaml", "new");
  EXPECT_FALSE(hit());
}

TEST_F(CompileCacheTest, MissesWhenAVariableThatWasReadChangesAppearsOrGoes) {
  remember();
  EXPECT_TRUE(hit());
  variables_["REGION"] = "eu";
  EXPECT_FALSE(hit());
  remember();
  EXPECT_TRUE(hit());
  variables_["REGION"] = "us";
  EXPECT_FALSE(hit());
  variables_.clear();
  EXPECT_FALSE(hit());
}

TEST_F(CompileCacheTest, MissesWhenAPackageIsInstalled) {
  remember();
  std::filesystem::last_write_time(folder() / "site-packages",
                                   std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_FALSE(hit());
}

TEST_F(CompileCacheTest, KeepsInterpretersAndPipelinesApart) {
  remember();
  auto other = request();
  other.interpreter = "python3.12";
  EXPECT_FALSE(cache_.find(other).has_value());
  other = request();
  other.pipeline = "second";
  EXPECT_FALSE(cache_.find(other).has_value());
}

TEST_F(CompileCacheTest, TreatsADamagedEntryAsAMiss) {
  remember();
  for (const auto& entry : std::filesystem::directory_iterator(folder() / "cache")) {
    for (const auto* content :
         {"", "{", "[]", R"({"version":1})",
          R"({"version":1,"document":{},"dependencies":{"files":[3],"environment":{},"python":{}}})"}) {
      ASSERT_TRUE(runtime::write_file(entry.path(), content).ok());
      EXPECT_FALSE(hit()) << content;
    }
  }
}

}  // namespace
}  // namespace stoker::engine
