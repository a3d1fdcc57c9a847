// Whatever a server answers becomes one printable line, and a region that can be part of a host's name.
#include "objects/s3_failure.h"

#include "fuzz.h"

using namespace stoker;

STOKER_FUZZ_TARGET(s3_failure) {
  const objects::S3Failure failure = objects::read_s3_failure({400, {}, std::string(data)});
  const Error error = objects::s3_error(failure, {"host", "bucket", "key", "region", "the environment"});
  STOKER_FUZZ_CHECK(!error.message.empty());
  for (const char character : error.message + error.hint)
    STOKER_FUZZ_CHECK(static_cast<unsigned char>(character) >= ' ' && character != '\x7f');
  STOKER_FUZZ_CHECK(failure.region.find_first_of("./:@#?") == std::string::npos);
}
