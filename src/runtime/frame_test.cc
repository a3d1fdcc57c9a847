#include "runtime/frame.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace stoker::runtime {
namespace {

constexpr std::size_t kLimit = 1000;

std::vector<std::string> decode_all(FrameDecoder& decoder) {
  std::vector<std::string> payloads;
  while (true) {
    auto payload = decoder.next();
    if (!payload || !*payload) return payloads;
    payloads.push_back(**payload);
  }
}

TEST(FrameDecoder, GivesTheSamePayloadsHoweverTheStreamIsCut) {
  const std::vector<std::string> payloads{"", "{}", std::string(kLimit, 'x'), "[1]"};
  std::string stream;
  for (const auto& payload : payloads)
    stream += encode_frame(payload, kLimit).value();
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameDecoder decoder(kLimit);
    decoder.feed(std::string_view(stream).substr(0, cut));
    auto got = decode_all(decoder);
    decoder.feed(std::string_view(stream).substr(cut));
    for (auto& payload : decode_all(decoder))
      got.push_back(payload);
    ASSERT_EQ(got, payloads) << "cut at " << cut;
    ASSERT_EQ(decoder.pending(), 0u);
  }
  FrameDecoder decoder(kLimit);
  std::vector<std::string> got;
  for (char byte : stream) {
    decoder.feed({&byte, 1});
    for (auto& payload : decode_all(decoder))
      got.push_back(payload);
  }
  EXPECT_EQ(got, payloads);
}

TEST(FrameDecoder, RefusesAnOverlongFrameForEver) {
  FrameDecoder decoder(kLimit);
  decoder.feed(std::string("\0\0\x03\xe9", 4));  // 1001
  auto first = decoder.next();
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.error().code, ErrorCode::limit_exceeded);
  decoder.feed(encode_frame("{}", kLimit).value());
  EXPECT_FALSE(decoder.next().ok());
  EXPECT_EQ(decoder.pending(), 0u) << "a broken stream is not kept in memory";
  EXPECT_FALSE(encode_frame(std::string(kLimit + 1, 'x'), kLimit).ok());
}

TEST(FrameDecoder, SurvivesRubbish) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 2000; ++round) {
    FrameDecoder decoder(kLimit);
    std::size_t fed = 0;
    std::size_t got = 0;
    for (int block = 0; block < 8; ++block) {
      std::string bytes(random() % 300, '\0');
      // Small leading bytes now and then, so that some lengths are believable.
      for (auto& byte : bytes)
        byte = static_cast<char>(random() % 4 == 0 ? random() : 0);
      decoder.feed(bytes);
      fed += bytes.size();
      for (const auto& payload : decode_all(decoder)) {
        ASSERT_LE(payload.size(), kLimit);
        got += payload.size() + kFrameHeaderBytes;
      }
      ASSERT_LE(got + decoder.pending(), fed);
    }
  }
}

}  // namespace
}  // namespace stoker::runtime
