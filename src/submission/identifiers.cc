#include "submission/identifiers.h"

#include <fmt/format.h>

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

}  // namespace stoker::submission
