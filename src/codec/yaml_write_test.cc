#include "codec/yaml_write.h"

#include <gtest/gtest.h>

#include "codec/yaml.h"

namespace stoker::codec {
namespace {

TEST(WriteYaml, ParsesBackToTheSameValue) {
  for (
      const auto* text : {
          R"({"a": 1, "b": [true, null, -2.5, 1.0], "c": {"d": "text"}})",
          R"({"yes": "no", "1": "2", "null": "null", "": "", "~": "true", "0x10": "1e3"})",
          R"({"script": "echo 'hi'\n  indented\nend\n", "trailing": "line \n", "tab": "\tx", "colon": "a: b", "hash": "a #b"})",
          R"(["${{ steps.a.outputs.b }}", "$${{ literal", "日本語", "\u0007", "- x", "* y", "& z", "! t", "| p", "> q", "% r", "@ s", "` t"])",
          R"([[], {}, [[]], {"x": {}}])",
          R"("just text")",
      }) {
    const auto value = parse_json(text).value();
    const auto yaml = write_yaml(value);
    const auto back = parse_yaml(yaml);
    EXPECT_TRUE(back.problems.empty()) << yaml;
    EXPECT_EQ(back.value, value) << yaml;
  }
}

TEST(WriteYaml, IsReadable) {
  EXPECT_EQ(write_yaml(parse_json(R"({"name": "demo", "steps": [{"name": "a", "needs": ["b"]}]})").value()),
            "name: demo\nsteps:\n- name: a\n  needs:\n  - b\n");
}

}  // namespace
}  // namespace stoker::codec
