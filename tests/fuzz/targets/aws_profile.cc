// Names and values have no line end, keys are in lower case, and what is read can be written and read again.
#include "objects/aws_profile.h"

#include "base/strings.h"
#include "fuzz.h"

using namespace stoker;

STOKER_FUZZ_TARGET(aws_profile) {
  const objects::AwsProfiles read = objects::read_aws_profiles(data);
  for (const auto& [name, section] : read) {
    STOKER_FUZZ_CHECK(name.find('\n') == std::string::npos);
    for (const auto& [key, value] : section) {
      STOKER_FUZZ_CHECK(!key.empty() && key == lower_case(key) && key.find('=') == std::string::npos);
      STOKER_FUZZ_CHECK(value == trim(value) && value.find('\n') == std::string::npos);
    }
    const objects::AwsProfile found = objects::find_aws_profile(read, read, name);
    STOKER_FUZZ_CHECK(found.size() >= section.size());
  }
}
