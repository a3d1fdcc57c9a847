// Files of keys and profiles as Amazon's tools write them: ~/.aws/credentials and ~/.aws/config. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace stoker::objects {

using AwsProfile = std::map<std::string, std::string, std::less<>>;
// By what stands in the brackets.
using AwsProfiles = std::map<std::string, AwsProfile, std::less<>>;

inline constexpr std::size_t kMaximumProfileBytes = 1 << 20;

// "[name]", "key = value", comments from # or ; at the begin of a line or behind a blank. A line that begins with a
// blank goes on with the value above (nested settings: not read). What is neither is skipped, as Amazon's tools do. A
// section that comes twice is one.
AwsProfiles read_aws_profiles(std::string_view text);

// The settings of a profile: those of the credentials file before those of the config file, where its section is called
// "profile NAME" unless it is "default". Empty when neither has it.
AwsProfile find_aws_profile(const AwsProfiles& credentials, const AwsProfiles& config, const std::string& name);

}  // namespace stoker::objects
