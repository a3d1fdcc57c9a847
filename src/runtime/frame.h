// The framing of every socket of the program: a 4-byte big-endian length, then that many bytes of JSON. Pure: bytes in,
// frames out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stoker::runtime {

inline constexpr std::size_t kFrameHeaderBytes = 4;

// The bytes of one frame. A payload over `limit` is an error of code limit_exceeded.
Result<std::string> encode_frame(std::string_view payload, std::size_t limit);

// Takes a stream cut anywhere and gives back whole payloads. After an error the stream cannot be trusted any more: each
// further call gives the same error.
class FrameDecoder {
 public:
  explicit FrameDecoder(std::size_t limit) : limit_(limit) {}

  void feed(std::string_view bytes);
  // The next payload, none when it is not complete yet, or an error when its length is over the limit.
  Result<std::optional<std::string>> next();
  // Bytes of a frame that has begun and not ended: what a closed stream loses.
  std::size_t pending() const { return buffer_.size() - start_; }

 private:
  std::size_t limit_;
  std::string buffer_;
  std::size_t start_ = 0;  // what lies before it is consumed
  std::optional<Error> failure_;
};

}  // namespace stoker::runtime
