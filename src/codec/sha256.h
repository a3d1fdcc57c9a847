// SHA-256 by OpenSSL: the hash of every digest and cache key, and HMAC-SHA-256 for signatures.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace stoker::codec {

// Feed bytes, then take the lowercase hex digest once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);

// 32 raw bytes (RFC 2104).
std::string hmac_sha256(std::string_view key, std::string_view message);
// Lowercase hex digits of any bytes.
std::string hex(std::string_view bytes);

}  // namespace stoker::codec
