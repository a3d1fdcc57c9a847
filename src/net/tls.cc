#include "net/tls.h"

#include <array>
#include <filesystem>

namespace stoker::net {

std::optional<std::string> system_authorities_file(const Variables& variables) {
  if (std::string said = variable(variables, "SSL_CERT_FILE"); !said.empty()) return said;
  constexpr std::array<const char*, 4> kFiles = {"/etc/ssl/certs/ca-certificates.crt",
                                                 "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                                 "/etc/ssl/cert.pem"};
  for (const char* file : kFiles) {
    std::error_code unknown;
    if (std::filesystem::exists(file, unknown)) return file;
  }
  return std::nullopt;
}

}  // namespace stoker::net
