#include "runtime/frame.h"

#include <fmt/format.h>

namespace stoker::runtime {

namespace {

// The consumed front of the buffer is dropped only past this size, so that many small frames cost no copying.
constexpr std::size_t kCompactAt = 64 * 1024;

}  // namespace

Result<std::string> encode_frame(std::string_view payload, std::size_t limit) {
  if (payload.size() > limit) {
    return Error{.code = ErrorCode::limit_exceeded,
                 .message = fmt::format("a message of {} bytes is over the limit of {}", payload.size(), limit)};
  }
  std::string frame;
  frame.reserve(kFrameHeaderBytes + payload.size());
  auto length = static_cast<std::uint32_t>(payload.size());
  for (int shift = 24; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>((length >> shift) & 0xff));
  frame.append(payload);
  return frame;
}

void FrameDecoder::feed(std::string_view bytes) {
  if (!failure_) buffer_.append(bytes);
}

Result<std::optional<std::string>> FrameDecoder::next() {
  if (failure_) return *failure_;
  if (pending() < kFrameHeaderBytes) return std::optional<std::string>();
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < kFrameHeaderBytes; ++i) {
    length = (length << 8) | static_cast<unsigned char>(buffer_[start_ + i]);
  }
  if (length > limit_) {
    failure_ = Error{.code = ErrorCode::limit_exceeded,
                     .message = fmt::format("a message claims {} bytes, over the limit of {}", length, limit_)};
    buffer_.clear();
    start_ = 0;
    return *failure_;
  }
  if (pending() < kFrameHeaderBytes + length) return std::optional<std::string>();
  std::string payload = buffer_.substr(start_ + kFrameHeaderBytes, length);
  start_ += kFrameHeaderBytes + length;
  if (start_ == buffer_.size() || start_ > kCompactAt) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  return std::optional<std::string>(std::move(payload));
}

}  // namespace stoker::runtime
