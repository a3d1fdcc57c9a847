// A key has no empty part and none that leads elsewhere, and its address splits to the same again.
#include "base/strings.h"
#include "fuzz.h"
#include "submission/uploads/upload_target.h"

using namespace stoker;

STOKER_FUZZ_TARGET(s3_uri) {
  const auto place = submission::split_s3_uri(std::string(data));
  if (!place) return;
  STOKER_FUZZ_CHECK(!place->bucket.empty() && place->bucket.find_first_of("/@:") == std::string::npos);
  for (const std::string& part : split(place->key, '/'))
    STOKER_FUZZ_CHECK(!part.empty() && part != "." && part != "..");
  const auto again = submission::split_s3_uri("s3a://" + place->bucket + "/" + place->key);
  STOKER_FUZZ_CHECK(again.ok() && again->bucket == place->bucket && again->key == place->key);
}
