// Whom to trust, and what to show.
#pragma once

#include <optional>
#include <string>

#include "base/variables.h"

namespace stoker::net {

struct TlsOptions {
  std::string authorities_pem;   // "" is the system's
  std::string authorities_file;  // where those are; "" for `authorities_pem`, or none
  std::string certificate_pem;   // of ours, with its key; "" is none
  std::string key_pem;
  std::string server_name;  // expected and asked for; "" is the host of the address
  bool insecure = false;    // any certificate will do
};

// The system's authorities: SSL_CERT_FILE, else the file that Debian, Fedora, SUSE or Alpine has; none when there is no
// such file.
std::optional<std::string> system_authorities_file(const Variables& variables);

}  // namespace stoker::net
