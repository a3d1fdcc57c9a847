#include "resources/object.h"

#include <gtest/gtest.h>

namespace stoker::resources {
namespace {

TEST(Objects, AreMadeOnTheWay) {
  json::object pod = make_object("v1", "Pod", "a");
  object_at(object_at(pod, "spec"), "nodeSelector")["disk"] = "ssd";
  list_at(object_at(pod, "spec"), "containers").push_back(json::object{{"name", "c"}});
  EXPECT_EQ(codec::canonical_json(pod), R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},)"
                                        R"("spec":{"containers":[{"name":"c"}],"nodeSelector":{"disk":"ssd"}}})");
  EXPECT_EQ(name_of(pod), "a");
  EXPECT_EQ(kind_of(pod), "Pod");
}

TEST(Objects, KeepWhatStands) {
  json::object metadata{{"labels", {{"team", "a"}, {"kept", "1"}}}};
  add_texts(metadata, "labels", {{"team", "b"}});
  add_texts(metadata, "annotations", {});
  EXPECT_EQ(codec::canonical_json(metadata), R"({"labels":{"kept":"1","team":"b"}})");
}

TEST(Objects, WithoutANameHaveNone) {
  EXPECT_EQ(name_of({}), "");
  EXPECT_EQ(name_of({{"metadata", "odd"}}), "");
  EXPECT_EQ(kind_of({{"kind", 1}}), "");
}

}  // namespace
}  // namespace stoker::resources
