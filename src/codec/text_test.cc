#include <gtest/gtest.h>

#include "codec/base64.h"
#include "codec/duration.h"

namespace stoker::codec {
namespace {

using std::chrono::milliseconds;

TEST(Duration, ReadsWhatPeopleWrite) {
  const auto ms = [](std::string_view text) { return parse_duration(text).value().count(); };
  EXPECT_EQ(ms("500ms"), 500);
  EXPECT_EQ(ms("10s"), 10'000);
  EXPECT_EQ(ms("1.5h"), 5'400'000);
  EXPECT_EQ(ms("1h30m"), 5'400'000);
  EXPECT_EQ(ms("7d"), 604'800'000);
  EXPECT_EQ(ms("1d2h3m4.5s"), 93'784'500);
  EXPECT_EQ(ms("0s"), 0);
}

TEST(Duration, RefusesTheRestWithAReason) {
  for (const auto* text : {"", "10", "s", "-1s", "1 h", "1m1h", "1m1m", "1.5h30m", "1e3s", "0.0001ms", "99999d", ".5s",
                           "1.s", "1w", "99999999999999999999999999s", "1..5s", "nan"}) {
    const auto result = parse_duration(text);
    EXPECT_FALSE(result.ok()) << text;
    if (!result.ok()) {
      EXPECT_FALSE(result.error().hint.empty());
    }
  }
  EXPECT_EQ(parse_duration("10").error().message, "\"10\" is not a duration: it has no unit (ms, s, m, h or d)");
}

TEST(Duration, FormatsToATextThatParsesBack) {
  for (const auto count : {0LL, 1LL, 999LL, 1000LL, 5'400'000LL, 93'784'500LL}) {
    EXPECT_EQ(parse_duration(format_duration(milliseconds(count))).value().count(), count);
  }
  EXPECT_EQ(format_duration(milliseconds(5'400'000)), "1h30m");
}

// Vectors of RFC 4648.
TEST(Base64, MatchesThePublishedVectors) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i)
    all += static_cast<char>(i);
  EXPECT_EQ(decode_base64(encode_base64(all)), all);
  EXPECT_EQ(decode_base64("Zm9v\nYmFy\n"), "foobar");
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const auto* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm9v!A==", "Zm9v-_=="}) {
    EXPECT_FALSE(decode_base64(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace stoker::codec
