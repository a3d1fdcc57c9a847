// What takes several calls at once: watches, conflicts, and the life of a submission; by kube::Client, on both servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "codec/json_fields.h"
#include "contract/server.h"
#include "kube/client.h"

namespace stoker::contract {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Error kEnough{.code = ErrorCode::cancelled, .message = "seen enough"};

json::object parsed(std::string_view text) {
  return codec::parse_json(text).value().get_object();
}

json::object config_map(const std::string& name, const std::string& value) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", json::object{{"name", name}}},
          {"data", json::object{{"k", value}}}};
}

json::object pod(const std::string& name, const std::string& node = "") {
  json::object made = parsed(R"({"apiVersion": "v1", "kind": "Pod", "metadata": {},
      "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "example.test/i:1"}]}})");
  made["metadata"].get_object()["name"] = name;
  if (!node.empty()) made["spec"].get_object()["nodeName"] = node;
  return made;
}

std::string version_of(const json::object& object) {
  return codec::text_of(codec::object_of(object, "metadata"), "resourceVersion");
}
std::string name_of(const json::object& object) {
  return codec::text_of(codec::object_of(object, "metadata"), "name");
}

class ApiStory : public testing::TestWithParam<bool> {
 protected:
  ApiStory()
      : server_(GetParam() ? make_real() : make_fake()),
        client_(server_->transport(), server_->clock(),
                {.wait = [](const auto&, auto) { return Result<void>(); }, .random_bits = [] { return 0U; }}),
        namespace_(make_namespace(*server_)) {}

  runtime::Context context() const {
    return runtime::Context{}.with_timeout(server_->clock(), std::chrono::minutes(1));
  }
  kube::ObjectPath path(const kube::ResourceType& type, const std::string& name = "") const {
    return {.type = type, .namespace_name = namespace_, .name = name};
  }
  json::object create(const json::object& object) {
    auto made = client_.create(context(), object, namespace_);
    EXPECT_TRUE(made.ok()) << made.error().describe();
    return made ? std::move(made).value() : json::object{};
  }
  // Kind and name of events as they come, until so many; the watch begins after `version`.
  std::vector<std::string> events(const kube::ResourceType& type, const std::string& version, std::size_t count,
                                  const kube::Selection& selection = {}) {
    std::vector<std::string> seen;
    const auto outcome =
        client_.watch(context(), path(type), selection, version, [&](const kube::WatchEvent& event) -> Result<void> {
          static constexpr const char* kKinds[]{"added", "modified", "removed", "bookmark"};
          if (event.kind == kube::WatchEvent::Kind::bookmark) return {};
          seen.push_back(std::string(kKinds[static_cast<int>(event.kind)]) + " " + name_of(event.object));
          return seen.size() < count ? Result<void>() : Result<void>(kEnough);
        });
    if (!outcome && outcome.error().code != ErrorCode::cancelled) seen.push_back(outcome.error().describe());
    return seen;
  }

  std::unique_ptr<Server> server_;
  kube::Client client_;
  std::string namespace_;
};

INSTANTIATE_TEST_SUITE_P(Fake, ApiStory, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Real, ApiStory, testing::ValuesIn(has_real() ? std::vector{true} : std::vector<bool>{}));

TEST_P(ApiStory, AWatchSeesWhatHappensWhileItRuns) {
  const std::string version = version_of(create(config_map("first", "1")));
  auto seen = std::async(std::launch::async, [&] { return events(kube::kConfigMaps, version, 3); });
  create(config_map("second", "1"));
  ASSERT_TRUE(client_.patch(context(), path(kube::kConfigMaps, "second"), kube::PatchKind::merge_patch,
                            parsed(R"({"data": {"k": "2"}})")));
  ASSERT_TRUE(client_.remove(context(), path(kube::kConfigMaps, "second")));
  EXPECT_THAT(seen.get(), ElementsAre("added second", "modified second", "removed second"));
}

TEST_P(ApiStory, ListThenWatchLosesNothing) {
  create(config_map("a", "1"));
  const auto list = client_.list(context(), path(kube::kConfigMaps));
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list.value().objects.size(), 1U);
  create(config_map("b", "1"));
  EXPECT_THAT(events(kube::kConfigMaps, list.value().resource_version, 1), ElementsAre("added b"));
}

TEST_P(ApiStory, PagesAreOneList) {
  std::set<std::string> made;
  for (int i = 0; i < 7; ++i)
    made.insert(name_of(create(config_map("m" + std::to_string(i), "1"))));
  const kube::Client paging(
      server_->transport(), server_->clock(),
      {.wait = [](const auto&, auto) { return Result<void>(); }, .random_bits = [] { return 0U; }},
      {.page_objects = 2});
  const auto list = paging.list(context(), path(kube::kConfigMaps));
  ASSERT_TRUE(list.ok());
  std::set<std::string> found;
  for (const json::object& each : list.value().objects)
    found.insert(name_of(each));
  EXPECT_EQ(found, made);
}

TEST_P(ApiStory, OneOfManyWritersWins) {
  const json::object made = create(config_map("a", "0"));
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 4; ++i)
      writers.emplace_back([&, i] {
        json::object mine = made;
        mine["data"].get_object()["k"] = std::to_string(i + 1);
        const auto outcome = client_.replace(context(), path(kube::kConfigMaps, "a"), mine);
        if (outcome)
          ++won;
        else if (outcome.error().code == ErrorCode::conflict)
          ++lost;
      });
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 3);
}

TEST_P(ApiStory, OneOfManyCreatorsWins) {
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;
  {
    std::vector<std::jthread> creators;
    for (int i = 0; i < 4; ++i)
      creators.emplace_back([&] {
        const auto outcome = client_.create(context(), config_map("a", "1"), namespace_);
        if (outcome)
          ++won;
        else if (outcome.error().code == ErrorCode::already_exists)
          ++lost;
      });
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 3);
}

TEST_P(ApiStory, APodGoesInSteps) {
  const std::string version = version_of(create(pod("free")));
  create(pod("bound", "node-1"));
  ASSERT_TRUE(client_.remove(context(), path(kube::kPods, "free")));
  ASSERT_TRUE(client_.remove(context(), path(kube::kPods, "bound")));
  const auto left = client_.get(context(), path(kube::kPods, "bound"));
  ASSERT_TRUE(left.ok()) << "its kubelet has not taken it away";
  EXPECT_NE(codec::text_of(codec::object_of(left.value(), "metadata"), "deletionTimestamp"), "");
  ASSERT_TRUE(client_.remove(context(), path(kube::kPods, "bound"), {}, 0));
  EXPECT_THAT(events(kube::kPods, version, 6), ElementsAre("added bound", "modified free", "removed free",
                                                           "modified bound", "modified bound", "removed bound"));
}

TEST_P(ApiStory, DependantsOfASubmissionGetTheirOwner) {
  create(config_map("conf", "1"));
  const json::object driver = create(pod("driver"));
  const std::string uid = codec::text_of(codec::object_of(driver, "metadata"), "uid");
  const json::object owner{
      {"apiVersion", "v1"}, {"kind", "Pod"}, {"name", "driver"}, {"uid", uid}, {"controller", true}};
  const json::object patch{{"metadata", json::object{{"ownerReferences", json::array{owner}}}}};
  for (int twice = 0; twice < 2; ++twice)
    ASSERT_TRUE(
        client_.patch(context(), path(kube::kConfigMaps, "conf"), kube::PatchKind::strategic_merge_patch, patch));
  const auto owned = client_.get(context(), path(kube::kConfigMaps, "conf"));
  ASSERT_TRUE(owned.ok());
  EXPECT_EQ(owned.value().at("metadata").at("ownerReferences"), json::value(json::array{owner}));
  const auto other =
      client_.remove(context(), path(kube::kConfigMaps, "conf"), {.uid = "of-another", .resource_version = {}});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::conflict);
}

TEST_P(ApiStory, ApplyIsIdempotent) {
  json::object wanted = config_map("a", "1");
  const auto first = client_.patch(context(), path(kube::kConfigMaps, "a"), kube::PatchKind::server_side_apply, wanted);
  ASSERT_TRUE(first.ok()) << first.error().describe();
  const auto second =
      client_.patch(context(), path(kube::kConfigMaps, "a"), kube::PatchKind::server_side_apply, wanted);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(version_of(first.value()), version_of(second.value()));
}

TEST_P(ApiStory, AWatchThatIsStoppedEnds) {
  const std::string version = version_of(create(config_map("a", "1")));
  runtime::StopSource stop;
  runtime::Context stopped = context();
  stopped.stop = stop.get_token();
  auto watching = std::async(std::launch::async, [&] {
    return client_.watch(stopped, path(kube::kConfigMaps), {}, version, [](const auto&) { return Result<void>(); });
  });
  stop.request_stop();
  const auto ended = watching.get();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code, ErrorCode::cancelled);
}

TEST_P(ApiStory, HistoryThatIsGoneIsSaid) {
  const auto outcome =
      client_.watch(context(), path(kube::kConfigMaps), {}, "1", [](const auto&) { return Result<void>(); });
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code, ErrorCode::expired);
  EXPECT_THAT(outcome.error().message, HasSubstr("too old resource version: 1"));
}

}  // namespace
}  // namespace stoker::contract
