#include "submission/identifiers.h"

#include <fmt/format.h>

#include <string>

#include "codec/sha256.h"

namespace stoker::submission {

namespace {

constexpr std::uint64_t kTimeMask = 0xFFFFFFFFFF;

struct Uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

// Version 4 (RFC 9562).
Uuid draw_uuid(const RandomBits& random) {
  return {(random() & 0xFFFFFFFFFFFF0FFF) | 0x4000, (random() & 0x3FFFFFFFFFFFFFFF) | 0x8000000000000000};
}

std::string dashed(const Uuid& uuid) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", uuid.high >> 32, (uuid.high >> 16) & 0xFFFF,
                     uuid.high & 0xFFFF, uuid.low >> 48, uuid.low & 0xFFFFFFFFFFFF);
}

}  // namespace

spark::Identifiers draw_identifiers(const RandomBits& random, std::chrono::system_clock::time_point now) {
  const std::int64_t milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const auto unique = [&] {
    return fmt::format("{:06x}{:x}", random() & 0xFFFFFF, static_cast<std::uint64_t>(milliseconds) & kTimeMask);
  };
  const Uuid application = draw_uuid(random);
  spark::Identifiers identifiers;
  identifiers.application_id = fmt::format("spark-{:016x}{:016x}", application.high, application.low);
  identifiers.unique = unique();
  identifiers.configuration_unique = unique();
  identifiers.service_unique = unique();
  identifiers.local_folder = dashed(draw_uuid(random));
  identifiers.submit_time_ms = milliseconds;
  return identifiers;
}

spark::Identifiers identifiers_of_key(const std::string& key, std::chrono::system_clock::time_point now) {
  int drawn = 0;
  const RandomBits bits = [&] {
    constexpr std::size_t kDigits = 16;
    constexpr int kHexadecimal = 16;
    return std::stoull(codec::sha256_hex(fmt::format("{}/{}", drawn++, key)).substr(0, kDigits), nullptr, kHexadecimal);
  };
  spark::Identifiers identifiers = draw_identifiers(bits, {});
  identifiers.submit_time_ms = draw_identifiers(bits, now).submit_time_ms;
  return identifiers;
}

Result<std::string> submission_id_of_key(const std::string& key) {
  constexpr std::size_t kMaximumLabelBytes = 63;
  constexpr std::string_view kLettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const bool valid = !key.empty() && key.size() <= kMaximumLabelBytes &&
                     kLettersAndDigits.find(key.front()) != std::string_view::npos &&
                     kLettersAndDigits.find(key.back()) != std::string_view::npos &&
                     key.find_first_not_of(std::string(kLettersAndDigits) + "-_.") == std::string::npos;
  if (valid) return key;
  return Error{.code = ErrorCode::usage,
               .message = fmt::format("--submission-id {} is no value of a label", key),
               .hint = "at most 63 letters, digits, '-', '_' and '.', the first and the last a letter or digit"};
}

}  // namespace stoker::submission
