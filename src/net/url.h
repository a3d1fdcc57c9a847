// The few things that are done to addresses.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stoker::net {

// Every byte but A-Z, a-z, 0-9, '-', '.', '_', '~' and those of `keep` as %XX.
std::string percent_encode(std::string_view text, std::string_view keep = {});

using Query = std::vector<std::pair<std::string, std::string>>;
// "a=1&b=2", encoded, in the order given.
std::string write_query(const Query& query);

struct Url {
  std::string scheme;
  std::string host;  // an IPv6 address in its brackets
  std::string port;  // "" when it is not said
  std::string path;  // encoded, begins with '/'
  std::string query;

  // host, and ":port" when it is said.
  std::string authority() const { return port.empty() ? host : host + ":" + port; }
};

// Errors: invalid_value.
Result<Url> parse_url(const std::string& text);

// A text with *** for the users and passwords of the addresses in it. Also finds keys with slashes, which stand in
// addresses against the rules (s3a://KEY:SECRET@bucket); rather too much is hidden than too little.
std::string without_password(const std::string& text);

}  // namespace stoker::net
