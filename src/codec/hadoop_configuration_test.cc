#include "codec/hadoop_configuration.h"

#include <gtest/gtest.h>

namespace stoker::codec {
namespace {

TEST(HadoopConfiguration, IsReadAsHadoopWritesIt) {
  const auto read = read_hadoop_configuration(
      "<?xml version=\"1.0\"?>\n<?xml-stylesheet type=\"text/xsl\" href=\"configuration.xsl\"?>\n<!-- ours -->\n"
      "<configuration>\n  <property><name> fs.s3a.endpoint </name><value>https://s3&amp;co</value></property>\n"
      "  <property><name>a</name><value>1</value><final>true</final></property>\n"
      "  <property><name>a</name><value>2</value></property>\n"
      "  <property><value>of nothing</value></property><property><name>empty</name></property>\n"
      "</configuration>\n");
  ASSERT_TRUE(read.ok()) << read.error().describe();
  EXPECT_EQ(*read, (HadoopProperties{{"a", "2"}, {"empty", ""}, {"fs.s3a.endpoint", "https://s3&co"}}));
  EXPECT_EQ(read_hadoop_configuration("<configuration/>").value(), HadoopProperties());
}

TEST(HadoopConfiguration, SaysWhatIsWrong) {
  for (const char* bad : {"", "nonsense", "<configuration>", "<property/>", "{}"}) {
    const auto read = read_hadoop_configuration(bad);
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_EQ(read.error().code, ErrorCode::invalid_document);
  }
}

}  // namespace
}  // namespace stoker::codec
