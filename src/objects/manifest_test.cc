#include "objects/manifest.h"

#include <gtest/gtest.h>

#include <random>

#include "runtime/file.h"

namespace stoker::objects {
namespace {

std::string golden() {
  return runtime::read_file(std::string(STOKER_TEST_DATA) + "/artifacts/manifest-v1.json", 100'000).value();
}

json::object golden_object() {
  return codec::parse_json(golden()).value().as_object();
}

Result<Manifest> parse(const json::object& object) {
  return parse_manifest(codec::write_json(object));
}

TEST(Manifest, ReadsTheGoldenOneAndItsDigestIsRight) {
  const auto manifest = parse_manifest(golden()).value();
  EXPECT_EQ(manifest.type, "spark.DataFrame");
  EXPECT_EQ(manifest.materializer, "stoker.materializers:SparkDataFrame");
  EXPECT_EQ(manifest.rows, 455);
  EXPECT_EQ(manifest.bytes, 30U);
  EXPECT_FALSE(manifest.pickle);
  EXPECT_FALSE(manifest.value);
  ASSERT_EQ(manifest.files.size(), 2U);
  EXPECT_EQ(manifest.files[1], (ManifestFile{.path = "data/part-00000.snappy.parquet", .size = 30}));
  EXPECT_EQ(manifest.created_by.attempt, 1);
  EXPECT_EQ(content_digest(manifest), manifest.digest);
}

// Numbers, escapes and key order must come out alike in both languages, or no digest would ever fit.
TEST(Manifest, DigestsLikeThePythonWorker) {
  const auto text = runtime::read_file(std::string(STOKER_TEST_DATA) + "/artifacts/python-value.json", 100'000).value();
  const auto manifest = parse_manifest(text).value();
  EXPECT_EQ(content_digest(manifest), manifest.digest);
}

TEST(Manifest, WritesWhatItReads) {
  const auto manifest = parse_manifest(golden()).value();
  EXPECT_EQ(codec::canonical_json(manifest_to_json(manifest)), codec::canonical_json(golden_object()));
}

TEST(Manifest, ANullValueIsAValue) {
  auto object = golden_object();
  object["value"] = nullptr;
  EXPECT_TRUE(parse(object).value().value);
}

TEST(Manifest, KeysOfOthersAreFine) {
  auto object = golden_object();
  object["x-team"] = 7;
  EXPECT_TRUE(parse(object).ok());
}

TEST(Manifest, ANewerVersionIsNamed) {
  auto object = golden_object();
  object["version"] = 2;
  object["unheard"] = true;
  EXPECT_EQ(parse(object).error().code, ErrorCode::newer_version);
}

struct Damage {
  const char* name;
  std::function<void(json::object&)> apply;
  const char* words;
};

TEST(Manifest, SaysWhatIsWrong) {
  const std::vector<Damage> damages = {
      {"unknown key", [](auto& m) { m["colour"] = 1; }, "unknown key \"colour\""},
      {"unknown key of a file", [](auto& m) { m["files"].as_array()[0].as_object()["mode"] = 1; },
       "unknown key \"files[].mode\""},
      {"no type", [](auto& m) { m.erase("type"); }, "\"type\" must be a text"},
      {"no class", [](auto& m) { m["class"] = 3; }, "\"class\" must be a text"},
      {"digest", [](auto& m) { m["digest"] = "md5:1"; }, "\"digest\" must be sha256"},
      {"negative rows", [](auto& m) { m["rows"] = -1; }, "\"rows\" must be a whole number"},
      {"fractional bytes", [](auto& m) { m["bytes"] = 1.5; }, "\"bytes\" must be a whole number"},
      {"files", [](auto& m) { m["files"] = "none"; }, "\"files\" must be a list"},
      {"file", [](auto& m) { m["files"].as_array()[0] = 1; }, "list of maps"},
      {"absolute path", [](auto& m) { m["files"].as_array()[0].as_object()["path"] = "/etc/passwd"; },
       "leaves the artifact"},
      {"upward path", [](auto& m) { m["files"].as_array()[0].as_object()["path"] = "data/../../x"; },
       "leaves the artifact"},
      {"sha256", [](auto& m) { m["files"].as_array()[0].as_object()["sha256"] = "AB"; }, "64 hex digits"},
      {"creator", [](auto& m) { m.erase("createdBy"); }, "\"createdBy\" must be a map"},
      {"creator's run", [](auto& m) { m["createdBy"].as_object().erase("run"); }, "\"createdBy.run\" must be a text"},
      {"pickle", [](auto& m) { m["pickle"] = "yes"; }, "true or false"},
      {"version", [](auto& m) { m["version"] = "1"; }, "\"version\" must be"},
  };
  for (const auto& damage : damages) {
    auto object = golden_object();
    damage.apply(object);
    const auto parsed = parse(object);
    ASSERT_FALSE(parsed.ok()) << damage.name;
    EXPECT_EQ(parsed.error().code, ErrorCode::corrupt) << damage.name;
    EXPECT_NE(parsed.error().message.find(damage.words), std::string::npos)
        << damage.name << ": " << parsed.error().message;
  }
  EXPECT_NE(parse_manifest("").error().message.find("empty"), std::string::npos);
  EXPECT_FALSE(parse_manifest("[]").ok());
}

TEST(Manifest, EveryTruncationIsAnErrorAndNoDamageCrashes) {
  const auto sound = golden();
  for (std::size_t length = 0; length + 2 < sound.size(); ++length) {
    EXPECT_FALSE(parse_manifest(sound.substr(0, length)).ok()) << length;
  }
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = sound;
    for (auto changes = random() % 4 + 1; changes > 0; --changes) {
      const auto at = random() % damaged.size();
      switch (random() % 3) {
        case 0: damaged[at] = static_cast<char>(random()); break;
        case 1: damaged.erase(at, random() % 20 + 1); break;
        default: damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 20)); break;
      }
    }
    // What is accepted must survive a round trip.
    if (const auto manifest = parse_manifest(damaged); manifest.ok()) {
      const auto again = parse_manifest(codec::write_json(manifest_to_json(*manifest)));
      ASSERT_TRUE(again.ok()) << damaged;
      EXPECT_EQ(content_digest(*again), content_digest(*manifest));
    }
  }
}

TEST(Manifest, DeepNestingIsAnErrorNotACrash) {
  EXPECT_FALSE(parse_manifest(std::string(1'000'000, '[')).ok());
}

}  // namespace
}  // namespace stoker::objects
